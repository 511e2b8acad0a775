"""The whole network against the float64 oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pspmodel.losses import coarse_to_fine
from pspmodel.nn import LEVELS, Block, BodyFrom, Level, PSPNetwork, Scale, scaled_blocks
from skeldata import KINECT20, KINECT25, Layout
from support.psp_networks import (
    BLOCKS,
    CLIP_INDEX,
    CLIPS,
    FRAMES,
    HEADS,
    VARIANTS,
    Coefficients,
    build,
    outputs,
    persons,
    variants,
)
from support.psp_oracle import PUBLISHED, UNEXPANDED, OraclePSP, State, leaves

SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(LEVELS, size)]


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
