"""NT-Xent against plain loops, its closed forms and its symmetries."""

from __future__ import annotations

import math
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pspmodel.errors import UsageError
from pspmodel.losses import coarse_to_fine, nt_xent
from support.psp_oracle import nt_xent_loops

TEMPERATURES = st.sampled_from([0.07, 0.2, 1.0])


@st.composite
def pairs(draw: st.DrawFn, smallest: int = 1) -> tuple[Tensor, Tensor]:
    clips, channels = draw(st.integers(smallest, 6)), draw(st.integers(2, 7))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    shape = (2, clips, channels)
    first, second = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
    return first, second


def orthogonal(rows: int) -> Tensor:
    return torch.eye(rows, dtype=torch.float64)


@given(pairs(), TEMPERATURES)
@settings(deadline=None)
def test_value_and_gradient_equal_plain_loops(
    pair: tuple[Tensor, Tensor], temperature: float
) -> None:
    first, second = pair
    actual = nt_xent(first, second, temperature)
    expected = nt_xent_loops(first, second, temperature)
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)
    gradients = torch.autograd.grad(actual, pair)
    for gradient, wanted in zip(gradients, torch.autograd.grad(expected, pair), strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("clips", [2, 5, 32])
def test_single_precision_is_within_1e_5(clips: int) -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, clips, 16, generator=generator)
    expected = float(nt_xent_loops(first, second, 0.07))
    assert float(nt_xent(first, second)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("clips", [2, 3, 64, 90])
def test_no_information_costs_the_logarithm_of_the_choices(clips: int) -> None:
    everything = orthogonal(2 * clips)
    chance = math.log(2 * clips - 1)
    assert float(nt_xent(*everything.split(clips))) == pytest.approx(chance, rel=1e-12)
    same = torch.ones(clips, 4, dtype=torch.float64)
    assert float(nt_xent(same, same)) == pytest.approx(chance, rel=1e-12)


def test_chance_level_of_the_notes() -> None:
    for clips, noted in ((90, 5.1874), (64, 4.8442), (2, 1.0986)):
        same = torch.ones(clips, 4)
        assert float(nt_xent(same, same)) == pytest.approx(noted, abs=5e-5)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("clips", [1, 2, 16])
def test_perfect_pairs_that_are_orthogonal_otherwise(clips: int, temperature: float) -> None:
    rows = orthogonal(clips)
    expected = math.log1p((2 * clips - 2) * math.exp(-1 / temperature))
    assert float(nt_xent(rows, rows, temperature)) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_one_clip_has_nothing_to_be_told_from() -> None:
    first, second = torch.randn(2, 1, 8).requires_grad_()
    loss = nt_xent(first, second)
    assert loss.item() == 0
    for gradient in torch.autograd.grad(loss, (first, second)):
        assert not gradient.any()


@given(pairs(smallest=2), TEMPERATURES, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_symmetries(pair: tuple[Tensor, Tensor], temperature: float, random: Random) -> None:
    first, second = pair
    loss = nt_xent(first, second, temperature)
    scales = torch.tensor([[random.uniform(0.01, 100)] for _ in first], dtype=torch.float64)
    order = list(range(len(first)))
    random.shuffle(order)
    generator = torch.Generator().manual_seed(random.getrandbits(32))
    square = torch.randn(2 * first.shape[1:], generator=generator, dtype=torch.float64)
    rotation, _ = torch.linalg.qr(square)
    for same in (
        nt_xent(scales * first, second, temperature),
        nt_xent(second, first, temperature),
        nt_xent(first[order], second[order], temperature),
        nt_xent(first @ rotation, second @ rotation, temperature),
    ):
        torch.testing.assert_close(same, loss, rtol=1e-9, atol=1e-11)


@given(pairs(smallest=2))
@settings(deadline=None)
def test_gradients_are_orthogonal_to_their_embeddings(pair: tuple[Tensor, Tensor]) -> None:
    for rows, gradient in zip(pair, torch.autograd.grad(nt_xent(*pair), pair), strict=True):
        along = (rows * gradient).sum(1)
        length = rows.norm(dim=1) * gradient.norm(dim=1)
        assert (along.abs() <= 1e-10 * length + 1e-14).all()


def test_pairs_matter() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(6, 8, generator=generator)
    assert nt_xent(rows, rows) < nt_xent(rows, rows.roll(1, 0))


def test_extreme_embeddings_stay_finite() -> None:
    generator = torch.Generator().manual_seed(0)
    for size in (1e-15, 1e15):
        first, second = (size * torch.randn(2, 4, 8, generator=generator)).requires_grad_()
        loss = nt_xent(first, second, temperature=1e-3)
        assert loss.isfinite()
        assert all(g.isfinite().all() for g in torch.autograd.grad(loss, (first, second)))
    zero = torch.zeros(4, 8, requires_grad=True)
    loss = nt_xent(zero, zero)
    assert loss.item() == pytest.approx(math.log(7))
    assert torch.autograd.grad(loss, zero)[0].isfinite().all()


def test_half_precision_and_autocast_do_not_touch_the_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 8, 16, generator=generator).bfloat16()
    exact = nt_xent(first.float(), second.float())
    with torch.autocast("cpu", torch.bfloat16):
        for loss in (nt_xent(first, second), nt_xent(first.float(), second.float())):
            assert loss.dtype == torch.float32
            assert torch.equal(loss, exact)
    assert nt_xent(first.double(), second.double()).dtype == torch.float64


@pytest.mark.parametrize(
    ("first", "second"), [((3, 4), (2, 4)), ((3, 4), (3, 5)), ((3,), (3,)), ((0, 4), (0, 4))]
)
def test_shapes_that_do_not_pair_are_refused(
    first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    with pytest.raises(UsageError, match="embeddings have shapes"):
        nt_xent(torch.ones(first), torch.ones(second))


@pytest.mark.parametrize("temperature", [0, -0.1, float("nan")])
def test_the_temperature_must_be_positive(temperature: float) -> None:
    with pytest.raises(UsageError, match="temperature"):
        nt_xent(torch.ones(2, 3), torch.ones(2, 3), temperature)


def test_coarse_to_fine_is_one_term_a_level() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (
        dict(zip(("joint", "part", "body"), torch.randn(3, 4, 8, generator=generator), strict=True))
        for _ in range(2)
    )
    terms = coarse_to_fine(first, second, temperature=0.3)
    assert list(terms) == ["joint", "part", "body"]
    for level, term in terms.items():
        assert torch.equal(term, nt_xent(first[level], second[level], 0.3))


def test_coarse_to_fine_wants_the_same_levels() -> None:
    rows = torch.ones(2, 3)
    with pytest.raises(UsageError, match=r"levels differ: \['joint'\] and \['joint', 'body'\]"):
        coarse_to_fine({"joint": rows}, {"joint": rows, "body": rows})
