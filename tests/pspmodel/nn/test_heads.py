"""Person mean and projection."""

from __future__ import annotations

from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pspmodel.errors import UsageError
from pspmodel.nn import ContrastProjection, node_mean, person_mean
from pspmodel.nn.heads import OfEach


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, int]:
    clips = draw(st.integers(1, 6))
    index = draw(st.lists(st.integers(0, clips - 1), min_size=1, max_size=12))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    features = torch.randn(len(index), 3, generator=generator, dtype=torch.float64)
    return features, torch.tensor(index), clips


@given(batches())
@settings(deadline=None)
def test_person_mean_is_the_mean_of_each_clips_rows(batch: tuple[Tensor, Tensor, int]) -> None:
    features, index, clips = batch
    means = person_mean(features, index, clips)
    for clip in range(clips):
        rows = features[index == clip]
        expected = rows.mean(0) if len(rows) else torch.zeros(3, dtype=torch.float64)
        torch.testing.assert_close(means[clip], expected, rtol=1e-13, atol=1e-13)


@given(batches())
@settings(deadline=None)
def test_person_mean_sends_each_person_its_share_of_the_gradient(
    batch: tuple[Tensor, Tensor, int],
) -> None:
    features, index, clips = batch
    features.requires_grad_()
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(clips, 3, generator=generator, dtype=torch.float64)
    (person_mean(features, index, clips) * weight).sum().backward()
    persons = torch.bincount(index, minlength=clips)
    expected = weight[index] / persons[index].unsqueeze(1)
    torch.testing.assert_close(features.grad, expected, rtol=1e-13, atol=1e-13)


@given(batches(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_person_mean_does_not_depend_on_the_order_of_persons(
    batch: tuple[Tensor, Tensor, int], random: Random
) -> None:
    features, index, clips = batch
    order = list(range(len(index)))
    random.shuffle(order)
    torch.testing.assert_close(
        person_mean(features[order], index[order], clips),
        person_mean(features, index, clips),
        rtol=1e-12,
        atol=1e-12,
    )


def test_person_mean_with_every_person_passed_is_the_released_mean_over_two() -> None:
    features = torch.randn(8, 5, dtype=torch.float64)
    index = torch.arange(8) // 2
    torch.testing.assert_close(person_mean(features, index, 4), features.view(4, 2, 5).mean(1))


def test_person_mean_wants_one_index_a_person() -> None:
    with pytest.raises(UsageError, match=r"shape \(3,\) for 4 persons"):
        person_mean(torch.zeros(4, 2), torch.zeros(3, dtype=torch.int64), 2)


def test_node_mean_of_half_precision_is_taken_in_single() -> None:
    x = torch.randn(2, 3, 13, 25)
    assert node_mean(x.bfloat16()).dtype == torch.float32
    assert node_mean(x.double()).dtype == torch.float64
    torch.testing.assert_close(node_mean(x), x.flatten(2).sum(-1) / (13 * 25))
    assert torch.equal(node_mean(x.bfloat16()), x.bfloat16().float().mean((2, 3)))


def test_projection_is_linear_relu_linear() -> None:
    torch.manual_seed(0)
    projection = ContrastProjection(6).double()
    (first_weight, first_bias, second_weight, second_bias) = projection.parameters()
    torch.nn.init.normal_(first_bias)
    torch.nn.init.normal_(second_bias)
    x = torch.randn(4, 6, dtype=torch.float64)
    hidden = (x @ first_weight.T + first_bias).clamp(min=0)
    torch.testing.assert_close(projection(x), hidden @ second_weight.T + second_bias)


def test_layers_of_each_are_taken_by_name() -> None:
    torch.manual_seed(0)
    layers = OfEach(("joint", "motion"), lambda: torch.nn.Linear(3, 2))
    x = torch.randn(4, 3)
    assert torch.equal(layers(x, "motion"), layers["motion"](x))
    assert not torch.allclose(layers(x, "motion"), layers(x, "joint"))
    for name in ("bone", "", None):
        with pytest.raises(UsageError, match="name one of: joint, motion"):
            layers(x, name)
