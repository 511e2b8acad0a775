"""Contrast with a queue against plain loops, its closed forms, and where gradients may not go."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pspmodel.errors import UsageError
from pspmodel.losses.queue_contrast import PartEmbeddings, part_aware_contrast, queue_contrast
from support.queue_contrast_oracle import part_aware_loops, queue_contrast_loops

EXACT = {"rtol": 1e-9, "atol": 1e-11}
TEMPERATURES = st.sampled_from([0.07, 0.2, 1.0])
NAMES = ("whole", "salient", "rest")


def random(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@st.composite
def batches(draw: st.DrawFn) -> tuple[PartEmbeddings, PartEmbeddings, Tensor]:
    """Query and key embeddings of three kinds, and a queue of unit rows."""
    clips, channels, length = (draw(st.integers(1, n)) for n in (5, 6, 7))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    query, key = (
        PartEmbeddings(*(random(generator, clips, channels).requires_grad_() for _ in NAMES))
        for _ in range(2)
    )
    queue = random(generator, length, channels)
    return query, key, queue / queue.norm(dim=1, keepdim=True)


@given(batches(), TEMPERATURES, st.booleans())
def test_value_and_gradient_equal_plain_loops(
    batch: tuple[PartEmbeddings, PartEmbeddings, Tensor], temperature: float, with_other: bool
) -> None:
    query, key, queue = batch
    other = query.rest if with_other else None
    loss = queue_contrast(query.whole, key.whole, queue, temperature, other)
    expected = queue_contrast_loops(query.whole, key.whole, queue, temperature, other)
    torch.testing.assert_close(loss, expected, **EXACT)
    gradients = (torch.autograd.grad(value, query.whole)[0] for value in (loss, expected))
    torch.testing.assert_close(*gradients, **EXACT)


@given(batches(), TEMPERATURES, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_the_three_terms_equal_plain_loops(
    batch: tuple[PartEmbeddings, PartEmbeddings, Tensor], temperature: float, share: float
) -> None:
    query, key, queue = batch
    terms = part_aware_contrast(query, key, queue, share, temperature)
    weights = {"whole": 1.0, "salient": share, "rest": 1 - share}
    assert list(terms) == [name for name, weight in weights.items() if weight > 0]
    total = torch.stack(list(terms.values())).sum()
    expected = part_aware_loops(query, key, queue, share, temperature)
    torch.testing.assert_close(total, expected, **EXACT)
    found = torch.autograd.grad(total, query, allow_unused=True)
    wanted = torch.autograd.grad(expected, query, allow_unused=True)
    for one, other, rows in zip(found, wanted, query, strict=True):
        one, other = (torch.zeros_like(rows) if g is None else g for g in (one, other))
        torch.testing.assert_close(one, other, **EXACT)


@pytest.mark.parametrize(("length", "noted"), [(32768, (10.39724, 10.39727))])
def test_zero_similarity_costs_the_logarithm_of_the_choices(
    length: int, noted: tuple[float, float]
) -> None:
    axes = torch.eye(4)
    query, key, queue, other = (axes[n].expand(rows, 4) for n, rows in enumerate((3, 3, length, 3)))
    for further, expected in zip((None, other), noted, strict=True):
        loss = queue_contrast(query, key, queue, 0.2, further)
        assert float(loss) == pytest.approx(expected, abs=6e-6)
    parts = part_aware_contrast(
        PartEmbeddings(query, query, other), PartEmbeddings(key, key, key), queue, 0.5
    )
    assert float(parts["salient"]) == pytest.approx(math.log(length + 2) / 2, rel=1e-6)
    assert float(parts["rest"]) == pytest.approx(math.log(length + 2) / 2, rel=1e-6)


def test_a_found_key_costs_little_and_a_queue_of_the_query_much() -> None:
    axes = torch.eye(3, dtype=torch.float64)
    query, queue = axes[:1], axes[1:]
    found = float(queue_contrast(query, query, queue, 0.2))
    assert found == pytest.approx(math.log1p(2 * math.exp(-5)), rel=1e-12)
    lost = float(queue_contrast(query, queue[:1], query.repeat(7, 1), 0.2))
    assert lost == pytest.approx(math.log1p(7 * math.exp(5)), rel=1e-12)


@given(batches(), st.randoms(use_true_random=False))
def test_symmetries(batch: tuple[PartEmbeddings, PartEmbeddings, Tensor], random: object) -> None:
    query, key, queue = batch
    first, second, other = query.whole, key.whole, query.rest
    loss = queue_contrast(first, second, queue, 0.2, other)
    order = list(range(len(first)))
    random.shuffle(order)  # type: ignore[attr-defined]
    scales = torch.linspace(0.01, 100, len(first), dtype=torch.float64)[:, None]
    for same in (
        queue_contrast(scales * first, second, queue, 0.2, other),
        queue_contrast(first, scales * second, queue, 0.2, other),
        queue_contrast(first, second, queue, 0.2, scales * other),
        queue_contrast(first, second, queue.flip(0), 0.2, other),
        queue_contrast(first[order], second[order], queue, 0.2, other[order]),
    ):
        torch.testing.assert_close(same, loss, **EXACT)
    gradient = torch.autograd.grad(loss, first)[0]
    along = (gradient * first).sum(1)
    assert (along.abs() <= 1e-10 * gradient.norm(dim=1) * first.norm(dim=1) + 1e-14).all()


def test_a_further_negative_always_costs() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, other, queue = (random(generator, 5, 8) for _ in range(4))
    assert queue_contrast(query, key, queue, 0.2, other) > queue_contrast(query, key, queue, 0.2)


def test_keys_queue_and_the_other_part_have_no_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, other, queue = (random(generator, 4, 6).requires_grad_() for _ in range(4))
    loss = queue_contrast(query, key, queue, 0.2, other)
    found = torch.autograd.grad(loss, (query, key, other, queue), allow_unused=True)
    assert found[0] is not None
    assert found[1:] == (None, None, None)


def test_with_mu_1_the_rest_is_a_negative_but_learns_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = (
        PartEmbeddings(*(random(generator, 4, 6).requires_grad_() for _ in NAMES)) for _ in range(2)
    )
    queue = random(generator, 9, 6)
    terms = part_aware_contrast(query, key, queue, 1.0)
    gradients = torch.autograd.grad(sum(terms.values()), query, allow_unused=True)
    assert gradients[2] is None
    elsewhere = query._replace(rest=random(generator, 4, 6))
    other = part_aware_contrast(elsewhere, key, queue, 1.0)
    assert other["salient"] != terms["salient"]
    assert other["whole"] == terms["whole"]


def test_half_precision_and_autocast_do_not_touch_the_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, other, queue = (random(generator, 6, 16).bfloat16() for _ in range(4))
    exact = queue_contrast(*(part.float() for part in (query, key, queue)), 0.2, other.float())
    with torch.autocast("cpu", torch.bfloat16):
        loss = queue_contrast(query, key, queue, 0.2, other)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, exact)
    assert queue_contrast(query.double(), key.double(), queue.double()).dtype == torch.float64


@pytest.mark.parametrize(
    ("query", "key", "queue", "other"),
    [
        ((3, 4), (2, 4), (5, 4), (3, 4)),
        ((3, 4), (3, 4), (5, 3), (3, 4)),
        ((3, 4), (3, 4), (5, 4), (2, 4)),
        ((3,), (3,), (5,), (3,)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    query: tuple[int, ...], key: tuple[int, ...], queue: tuple[int, ...], other: tuple[int, ...]
) -> None:
    with pytest.raises(UsageError, match="do not fit"):
        queue_contrast(
            torch.ones(query), torch.ones(key), torch.ones(queue), 0.2, torch.ones(other)
        )


def test_settings_out_of_range_are_refused() -> None:
    rows = torch.ones(2, 3)
    with pytest.raises(UsageError, match="temperature 0"):
        queue_contrast(rows, rows, rows, 0)
    parts = PartEmbeddings(rows, rows, rows)
    with pytest.raises(UsageError, match=r"salient_share 1\.5"):
        part_aware_contrast(parts, parts, rows, 1.5)
