"""Barlow Twins against plain loops, its closed forms and its symmetries."""

from __future__ import annotations

import math
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pspmodel.errors import UsageError
from pspmodel.losses.barlow_twins import barlow_twins
from support.barlow_twins_oracle import barlow_twins_loops, correlations

WEIGHTS = st.sampled_from([0.0, 2e-4, 0.5, 1.0])
CLOSE = {"rtol": 1e-8, "atol": 1e-9}


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@st.composite
def views(draw: st.DrawFn, smallest: int = 1) -> tuple[Tensor, Tensor]:
    # More clips than dimensions and fewer: the two are computed in different ways.
    clips, dimensions = draw(st.integers(smallest, 7)), draw(st.integers(1, 7))
    seed = draw(st.integers(0, 2**31))
    first, second = (3 * normal(2, clips, dimensions, seed=seed) - 1).requires_grad_()
    return first, second


@given(views(), WEIGHTS)
def test_value_and_gradient_equal_plain_loops(
    pair: tuple[Tensor, Tensor], redundancy: float
) -> None:
    loss, expected = (f(*pair, redundancy) for f in (barlow_twins, barlow_twins_loops))
    torch.testing.assert_close(loss, expected, **CLOSE)
    gradients = (torch.autograd.grad(value, pair) for value in (loss, expected))
    torch.testing.assert_close(*gradients, **CLOSE)


@given(views(smallest=2), WEIGHTS, st.randoms(use_true_random=False))
def test_symmetries(pair: tuple[Tensor, Tensor], redundancy: float, random: Random) -> None:
    first, second = (view.detach() for view in pair)
    # eps breaks the invariance to scale by eps / variance, so it is taken away here.
    loss = barlow_twins(first, second, redundancy, eps=0)
    clips, columns = (random.sample(range(n), n) for n in first.shape)
    scale = torch.tensor([random.uniform(0.1, 10) for _ in first[0]], dtype=torch.float64)
    for same in (
        barlow_twins(first[clips], second[clips], redundancy, eps=0),
        barlow_twins(first[:, columns], second[:, columns], redundancy, eps=0),
        barlow_twins(second, first, redundancy, eps=0),
        barlow_twins(first * scale + 5, second - scale, redundancy, eps=0),
    ):
        torch.testing.assert_close(same, loss, **CLOSE)


@pytest.mark.parametrize("clips", [16, 64])
def test_a_sign_costs_four(clips: int) -> None:
    rows = normal(clips, 24)
    flipped = rows.clone()
    flipped[:, 5] *= -1
    difference = barlow_twins(rows, flipped, eps=0) - barlow_twins(rows, rows, eps=0)
    assert float(difference) == pytest.approx(4, rel=1e-9)


def test_zero_if_and_only_if_the_correlation_is_the_identity() -> None:
    # Columns of a Hadamard matrix: mean 0, variance 1, orthogonal.
    two = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    rows = torch.kron(torch.kron(two, two), two)[:, 1:]
    assert abs(float(barlow_twins(rows, rows, 0.5, eps=0))) < 1e-12
    for i in range(7):
        changed = rows.clone()
        changed[:, i] = rows[:, (i + 1) % 7]
        assert float(barlow_twins(rows, changed, 0.5, eps=0)) == pytest.approx(1.5)


@pytest.mark.parametrize("clips", [8, 40])
def test_a_view_beside_itself_has_only_redundancy(clips: int) -> None:
    rows = normal(clips, 20)
    matrix = torch.tensor(correlations(rows, rows))
    diagonal = matrix.diagonal()
    variance = rows.var(dim=0, correction=0)
    torch.testing.assert_close(diagonal, variance / (variance + 1e-5), **CLOSE)
    assert (1 - diagonal).abs().max() < 1e-4
    off = matrix - torch.diag(diagonal)
    assert matrix.abs().max() <= 1
    assert float(barlow_twins(rows, rows, 0.01)) == pytest.approx(
        0.01 * float(off.square().sum()) + float((1 - diagonal).square().sum()), rel=1e-9
    )


def test_one_clip_or_a_constant_costs_one_a_dimension() -> None:
    first, second = normal(2, 1, 9).requires_grad_()
    loss = barlow_twins(first, second)
    assert loss.item() == 9
    for gradient in torch.autograd.grad(loss, (first, second)):
        assert gradient.isfinite().all()
    constant = torch.full((5, 9), 2.0, dtype=torch.float64)
    assert barlow_twins(constant, normal(5, 9)).item() == 9


def test_independent_views_cost_what_the_notes_expect() -> None:
    clips, dimensions = 64, 600
    values = [
        float(barlow_twins(*normal(2, clips, dimensions, seed=seed), 2e-4)) for seed in range(4)
    ]
    # E[C^2] = 1 / (N - 1) for centred columns; the notes round it to 1 / N.
    expected = dimensions * (1 + 1 / clips) + 2e-4 * dimensions * (dimensions - 1) / clips
    assert sum(values) / 4 == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("clips", "dimensions"), [(32, 300), (300, 32)])
def test_single_precision_is_within_1e_5(clips: int, dimensions: int) -> None:
    first = normal(clips, dimensions)
    second = first + 0.1 * normal(clips, dimensions, seed=1)
    exact = float(barlow_twins(first, second, 0.1))
    assert float(barlow_twins(first.float(), second.float(), 0.1)) == pytest.approx(exact, rel=1e-5)


def test_half_precision_and_autocast_do_not_touch_the_loss() -> None:
    first, second = normal(2, 8, 16).bfloat16()
    exact = barlow_twins(first.float(), second.float())
    with torch.autocast("cpu", torch.bfloat16):
        for loss in (barlow_twins(first, second), barlow_twins(first.float(), second.float())):
            assert loss.dtype == torch.float32
            assert torch.equal(loss, exact)


@pytest.mark.parametrize(
    ("first", "second"), [((3, 4), (2, 4)), ((3, 4), (3, 5)), ((3,), (3,)), ((0, 4), (0, 4))]
)
def test_shapes_that_do_not_pair_are_refused(
    first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    with pytest.raises(UsageError, match="projections have shapes"):
        barlow_twins(torch.ones(first), torch.ones(second))


@pytest.mark.parametrize("redundancy", [-1e-9, math.nan])
def test_the_redundancy_weight_must_not_be_negative(redundancy: float) -> None:
    with pytest.raises(UsageError, match="redundancy"):
        barlow_twins(torch.ones(2, 3), torch.ones(2, 3), redundancy)
