"""The whole network against the float64 oracle, and its invariants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pspmodel.config import DstaConfig, NetworkConfig
from pspmodel.errors import UsageError
from pspmodel.losses import coarse_to_fine
from pspmodel.nn import LEVELS, Block, BodyFrom, Level, PSPNetwork, Scale, scaled_blocks
from pspmodel.nn.streams import StreamClassifier
from skeldata import KINECT20, KINECT25, Layout
from support.methods import dsta
from support.psp_oracle import PUBLISHED, UNEXPANDED, OraclePSP, State, leaves, scramble

Coefficients = Mapping[tuple[str, str], float]

# Two heads; one block that changes nothing and one that changes channels and halves the time.
BLOCKS = (Block(4, 4, 2, 1), Block(4, 6, 3, 2))
HEADS = 2
CLASSES = 5
# Five persons of three clips, out of order, one to two a clip.
CLIP_INDEX = torch.tensor([2, 0, 1, 0, 2])
CLIPS = 3
FRAMES = 7
STREAMS = ("joint", "motion")
SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(LEVELS, size)]


def build(
    layout: Layout = KINECT25,
    *,
    blocks: Sequence[Block] = BLOCKS,
    coefficients: Coefficients = PUBLISHED,
    dtype: torch.dtype = torch.float64,
    frames: int | None = FRAMES,
    temporal: str = "convolution",
    classifier: str = "shared",
    **options: Any,
) -> PSPNetwork:
    torch.manual_seed(3)
    network = PSPNetwork(
        layout,
        CLASSES,
        network=dsta(blocks, HEADS, temporal, classifier=classifier),
        heads=HEADS,
        frames=frames,
        **{f"{fine}_from_{coarse}": value for (fine, coarse), value in coefficients.items()},
        **options,
    )
    scramble(network)
    return network.double() if dtype == torch.float64 else network


def persons(layout: Layout = KINECT25, frames: int = FRAMES) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    shape = (len(CLIP_INDEX), 3, frames, layout.joint_count)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def settle(network: PSPNetwork, x: Tensor) -> None:
    """Give the norms the running statistics of real activations, or every tanh saturates."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    outputs(network.train(), x)


def oracle(
    state: State,
    layout: Layout = KINECT25,
    *,
    blocks: Sequence[Block] = BLOCKS,
    attention_scale: Scale = "full",
    attention_weights: str = "shared-over-time",
    **options: Any,
) -> OraclePSP:
    strides = [block.stride for block in blocks]
    named = {"scale": attention_scale, "weights": attention_weights}
    return OraclePSP(state, layout, strides, HEADS, **named, **options)


def outputs(model: PSPNetwork | OraclePSP, x: Tensor) -> dict[str, Tensor]:
    """Everything a training step uses, by name; the persons stand for every stream."""
    features = model.encoder(x)
    found = {"features": features}
    for stream in STREAMS:
        found[f"logits/{stream}"] = model.classify(features, CLIP_INDEX, CLIPS, stream=stream)
        embedded = model.embed(features, CLIP_INDEX, CLIPS, stream=stream)
        found |= {f"{level}/{stream}": value for level, value in embedded.items()}
    return found


def functional(named: Mapping[str, Tensor]) -> Tensor:
    """A fixed random linear functional of all outputs, so that one backward tests all of them."""
    generator = torch.Generator().manual_seed(11)
    total = torch.zeros((), dtype=torch.float64)
    for name in sorted(named):
        value = named[name]
        weight = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        total = total + (weight * value).sum()
    return total


def assert_same_as_oracle(
    layout: Layout,
    *,
    blocks: Sequence[Block] = BLOCKS,
    training: bool = True,
    coefficients: Coefficients = PUBLISHED,
    frames: int = FRAMES,
    **options: Any,
) -> None:
    network = build(layout, blocks=blocks, coefficients=coefficients, frames=frames, **options)
    settle(network, 1.5 * persons(layout, frames).flip(0, 2))
    network.train(training)
    state = leaves(network)  # before the forward, which moves the running statistics
    x = persons(layout, frames).requires_grad_()
    x_oracle = x.detach().clone().requires_grad_()

    actual = outputs(network, x)
    model = oracle(
        state, layout, blocks=blocks, training=training, coefficients=coefficients, **options
    )
    expected = outputs(model, x_oracle)
    assert list(actual) == list(expected)
    for name in expected:
        torch.testing.assert_close(actual[name], expected[name], rtol=1e-9, atol=1e-9)

    functional(actual).backward()
    functional(expected).backward()
    torch.testing.assert_close(x.grad, x_oracle.grad, rtol=1e-9, atol=1e-9)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, f"{name} takes no part"
        gradient = state[name].grad
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-9, atol=1e-9, msg=name)


@pytest.mark.parametrize("levels", SUBSETS, ids="+".join)
@pytest.mark.parametrize("scale", ["full", "sqrt"])
@pytest.mark.parametrize("body_from", ["parts", "joints"])
@pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
def test_forward_and_gradients_equal_the_oracle(
    layout: Layout, body_from: BodyFrom, scale: Scale, levels: Sequence[Level]
) -> None:
    assert_same_as_oracle(layout, body_from=body_from, attention_scale=scale, levels=levels)


@pytest.mark.parametrize("levels", SUBSETS, ids="+".join)
def test_without_expansion_equals_the_oracle(levels: Sequence[Level]) -> None:
    assert_same_as_oracle(KINECT25, levels=levels, coefficients=UNEXPANDED)


@pytest.mark.parametrize("only", sorted(PUBLISHED))
def test_one_expansion_alone_equals_the_oracle(only: tuple[str, str]) -> None:
    assert_same_as_oracle(KINECT25, coefficients=UNEXPANDED | {only: PUBLISHED[only]})


def test_evaluation_mode_equals_the_oracle() -> None:
    assert_same_as_oracle(KINECT25, training=False)


def test_the_published_depth_and_length_equal_the_oracle() -> None:
    assert_same_as_oracle(KINECT25, blocks=scaled_blocks(1 / 16), frames=50)


VARIANTS: dict[str, dict[str, str]] = {
    "attention over time": {"temporal": "attention"},
    "full weights": {"attention_weights": "full"},
    "own classifiers": {"classifier": "per-stream"},
    "projections of levels": {"projections": "per-level"},
    "projections of streams": {"projections": "per-stream"},
    "projections of both": {"projections": "per-level-and-stream"},
    "psp-paper": {
        "temporal": "attention", "attention_weights": "full", "attention_scale": "sqrt",
        "body_from": "parts",
    },
}  # fmt: skip
variants = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


@variants
@pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
def test_what_the_paper_and_the_code_do_differently_equals_the_oracle(
    layout: Layout, variant: dict[str, Any]
) -> None:
    assert_same_as_oracle(layout, **variant)
    assert_same_as_oracle(layout, **variant, training=False)


def test_a_level_that_lends_its_map_by_full_weights_equals_the_oracle() -> None:
    assert_same_as_oracle(KINECT25, attention_weights="full", levels=("joint",))


def test_attention_over_time_in_every_published_stride_equals_the_oracle() -> None:
    assert_same_as_oracle(KINECT25, blocks=scaled_blocks(1 / 16), frames=11, temporal="attention")


@variants
def test_attention_maps_equal_the_oracle(variant: dict[str, Any]) -> None:
    network = build(**variant).train()
    features = network.encoder(persons())
    model = oracle(leaves(network), **variant)
    expected, _ = model.attend(model.pyramid(features))
    actual = network.attention_maps(features)
    assert list(actual) == list(LEVELS)
    for level in LEVELS:
        torch.testing.assert_close(actual[level], expected[level], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
@pytest.mark.parametrize("variant", [{}, *VARIANTS.values()], ids=["psp-code", *VARIANTS])
def test_single_precision_is_within_1e_5_of_the_oracle(
    layout: Layout, variant: dict[str, Any]
) -> None:
    network = build(layout, dtype=torch.float32, **variant)
    state = leaves(network)
    x = persons(layout).float()
    actual = outputs(network, x)
    expected = outputs(oracle(state, layout, **variant), x.double())
    for name in expected:
        error = torch.linalg.vector_norm(actual[name] - expected[name])
        assert error <= 1e-5 * torch.linalg.vector_norm(expected[name]), name
    functional(actual).backward()
    functional(expected).backward()
    squared = {"error": 0.0, "all": 0.0}
    for name, parameter in network.named_parameters():
        squared["error"] += float(((parameter.grad - state[name].grad) ** 2).sum())
        squared["all"] += float((state[name].grad ** 2).sum())
    assert squared["error"] <= 1e-10 * squared["all"]


def test_double_after_construction_is_as_exact_as_double_from_the_start() -> None:
    network = build(dtype=torch.float32)
    state = leaves(network)
    actual = outputs(network.double(), persons())
    expected = outputs(oracle(state), persons())
    for name in expected:
        torch.testing.assert_close(actual[name], expected[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("layout", "classes", "total"), [(KINECT25, 60, 5_138_940), (KINECT20, 10, 5_118_890)]
)
def test_parameter_counts_are_the_published_ones(layout: Layout, classes: int, total: int) -> None:
    network = PSPNetwork(layout, classes)
    assert count(network) == total
    assert count(network.projection) == 131_584
    assert {name: count(level) for name, level in network.ppa.attention.items()} == dict.fromkeys(
        LEVELS, 263_680
    )
    if layout is KINECT25:
        assert count(network.encoder) == 4_200_896
        assert count(network.encoder.blocks) == 4_200_512
        assert count(network.classifier) == 15_420


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_what_the_options_of_the_paper_cost() -> None:
    """The figures in the header of psp-paper."""
    options = {"network": NetworkConfig(dsta=DstaConfig(temporal="attention")), "frames": 50}
    with torch.device("meta"):
        paper = PSPNetwork(KINECT25, 60, **options, attention_weights="full")
        shared = PSPNetwork(KINECT25, 60, **options)
    assert count(paper) == 104_347_164
    square = (13 * 256) ** 2  # S T C_e x T C
    weights = sum(level.inputs.linear.weight.numel() for level in paper.ppa.attention.values())
    assert weights == 3 * 3 * square == 99_680_256
    assert count(shared) == 5_229_084
    assert count(paper.encoder) == count(shared.encoder) == 4_291_040


def test_no_level_is_a_network_that_only_classifies() -> None:
    network = build(levels=())
    plain = StreamClassifier(dsta(BLOCKS, HEADS), KINECT25, CLASSES, STREAMS)
    assert network.state_dict().keys() == plain.state_dict().keys()
    assert network.embed(network.encoder(persons()), CLIP_INDEX, CLIPS) == {}
    with pytest.raises(UsageError, match="without pyramid attention"):
        network.attention_maps(network.encoder(persons()))


@pytest.mark.parametrize(
    ("options", "owners"),
    [
        ({"projections": "per-level", "levels": ("joint", "body")}, {"joint", "body"}),
        ({"projections": "per-stream"}, {"joint", "motion"}),
        (
            {"projections": "per-level-and-stream", "levels": ("part",)},
            {"part_joint", "part_motion"},
        ),
    ],
)
def test_each_level_and_stream_may_have_its_own_projection(
    options: dict[str, Any], owners: set[str]
) -> None:
    network = build(**options)
    assert set(network.projection) == owners
    features = network.encoder(persons())
    before = {s: network.embed(features, CLIP_INDEX, CLIPS, stream=s) for s in STREAMS}
    changed = sorted(owners)[0]
    with torch.no_grad():
        network.projection[changed].layers[2].bias.add_(1)
    for stream, levels in before.items():
        after = network.embed(features, CLIP_INDEX, CLIPS, stream=stream)
        for level, rows in levels.items():
            owner = {"per-level": level, "per-stream": stream}.get(
                options["projections"], f"{level}_{stream}"
            )
            assert torch.equal(after[level], rows) == (owner != changed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"projections": "both"}, "projections is 'both'; use one of: shared, per-level, per-s"),
        ({"attention_weights": "all"}, "attention_weights is 'all'; use one of: shared-over-time"),
        ({"attention_weights": "full", "frames": None}, "give frames"),
        ({"levels": ("limb",)}, "unknown level 'limb'"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build(**options)


def test_a_stream_must_be_named_where_it_has_weights_of_its_own() -> None:
    network = build(classifier="per-stream", projections="per-stream")
    features = network.encoder(persons())
    with pytest.raises(UsageError, match="name one of: joint, motion"):
        network.classify(features, CLIP_INDEX, CLIPS)
    with pytest.raises(UsageError, match="name one of: joint, motion"):
        network.embed(features, CLIP_INDEX, CLIPS)


def test_buffers_are_fixed_numbers_and_not_saved() -> None:
    network = build()
    saved = set(network.state_dict())
    fixed = {name for name, _ in network.named_buffers()} - saved
    assert {name.rsplit(".", 1)[-1] for name in fixed} == {"code", "averages", "index"}


def test_classifier_and_projection_start_xavier_normal_with_zero_bias() -> None:
    torch.manual_seed(0)
    network = PSPNetwork(KINECT25, 60)
    for layer in (network.classifier, network.projection.layers[0], network.projection.layers[2]):
        out_features, in_features = layer.weight.shape
        expected = (2 / (in_features + out_features)) ** 0.5
        assert float(layer.weight.detach().std()) == pytest.approx(expected, rel=0.05)
        assert not layer.bias.any()


@pytest.mark.parametrize("variant", [{}, *VARIANTS.values()], ids=["psp-code", *VARIANTS])
def test_predictions_do_not_depend_on_what_only_training_uses(variant: dict[str, Any]) -> None:
    network = build(**variant | {"classifier": "shared"}).eval()
    before = network(persons(), CLIP_INDEX, CLIPS)
    with torch.no_grad():
        for module in (network.ppa, network.projection):
            for value in (*module.parameters(), *module.buffers()):
                value.zero_()
    assert torch.equal(network(persons(), CLIP_INDEX, CLIPS), before)


@variants
def test_evaluation_of_a_person_does_not_depend_on_the_batch(variant: dict[str, Any]) -> None:
    network = build(**variant | {"classifier": "shared"}).eval()
    x = persons()
    alone = network(x[2:3], torch.tensor([0]), 1)
    together = network(x, CLIP_INDEX, CLIPS)[1:2]
    torch.testing.assert_close(alone, together, rtol=1e-12, atol=1e-12)


def test_evaluation_is_deterministic_and_leaves_the_network_and_its_input_alone() -> None:
    network = build().eval()
    x = persons()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    first = outputs(network, x)
    second = outputs(network, x)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(x, persons())
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())


@variants
def test_channels_last_memory_gives_the_same_numbers(variant: dict[str, Any]) -> None:
    network = build(**variant)
    expected = outputs(network, persons())
    network.to(memory_format=torch.channels_last)
    actual = outputs(network, persons().to(memory_format=torch.channels_last))
    for name in expected:
        torch.testing.assert_close(actual[name], expected[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "variant", [{}, {"temporal": "attention", "attention_weights": "full"}], ids=["code", "paper"]
)
def test_bf16_autocast_trains_with_the_loss_in_float32(variant: dict[str, str]) -> None:
    network = build(dtype=torch.float32, **variant)
    x = persons().float()
    with torch.autocast("cpu", torch.bfloat16):
        features = network.encoder(x)
        assert features.dtype == torch.bfloat16
        embeddings = network.embed(features, CLIP_INDEX, CLIPS)
        terms = coarse_to_fine(embeddings, {k: v.roll(1, 0) for k, v in embeddings.items()})
        loss = sum(terms.values()) + network.classify(features, CLIP_INDEX, CLIPS).float().sum()
    assert all(term.dtype == torch.float32 for term in terms.values())
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all(), name
    reference = outputs(oracle(leaves(network), **variant), persons())
    # bf16 has 8 bits; a few layers of it stay within a few per cent.
    difference = torch.linalg.vector_norm(features.detach() - reference["features"].detach())
    assert difference < 0.05 * torch.linalg.vector_norm(reference["features"].detach())


def test_both_modalities_in_one_batch_share_batch_statistics() -> None:
    """Concatenating joint and motion clips must not equal running them apart in training mode."""
    network = build().train()
    joint, motion = persons(), 3 * persons().flip(0)
    together = network.encoder(torch.cat((joint, motion)))[: len(joint)]
    assert not torch.allclose(together, network.encoder(joint))
    network.eval()
    together = network.encoder(torch.cat((joint, motion)))[: len(joint)]
    torch.testing.assert_close(together, network.encoder(joint), rtol=1e-12, atol=1e-12)
