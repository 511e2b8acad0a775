"""The whole network: its size, its invariants, what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from pspmodel.config import DstaConfig, NetworkConfig
from pspmodel.errors import UsageError
from pspmodel.nn import LEVELS, PSPNetwork
from pspmodel.nn.streams import StreamClassifier
from skeldata import KINECT20, KINECT25, Layout
from support.methods import dsta
from support.psp_networks import (
    BLOCKS,
    CLASSES,
    CLIP_INDEX,
    CLIPS,
    HEADS,
    STREAMS,
    VARIANTS,
    build,
    outputs,
    persons,
    variants,
)


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


def test_both_modalities_in_one_batch_share_batch_statistics() -> None:
    """Concatenating joint and motion clips must not equal running them apart in training mode."""
    network = build().train()
    joint, motion = persons(), 3 * persons().flip(0)
    together = network.encoder(torch.cat((joint, motion)))[: len(joint)]
    assert not torch.allclose(together, network.encoder(joint))
    network.eval()
    together = network.encoder(torch.cat((joint, motion)))[: len(joint)]
    torch.testing.assert_close(together, network.encoder(joint), rtol=1e-12, atol=1e-12)
