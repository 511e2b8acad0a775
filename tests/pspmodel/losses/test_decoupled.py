"""SDS-CL's nine terms against plain loops, their closed forms and their symmetries."""

from __future__ import annotations

import math
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pspmodel.errors import UsageError
from pspmodel.losses.decoupled import Embeddings, decoupled_contrast, token_contrast
from pspmodel.losses.nt_xent import nt_xent
from support.sds_cl_oracle import nine_terms, token_contrast_loops

TEMPERATURES = st.sampled_from([0.07, 0.3, 1.0])
CLOSE = {"rtol": 1e-9, "atol": 1e-10}


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@st.composite
def views(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    shape = [draw(st.integers(1, 4)) for _ in "Nn"]
    channels, seed = draw(st.integers(2, 6)), draw(st.integers(0, 2**31))
    first, second = normal(2, *shape, channels, seed=seed).requires_grad_()
    return first, second


def embeddings(clips: int = 3, joints: int = 4, frames: int = 3, seed: int = 0) -> Embeddings:
    shapes = [(joints, 5)] * 2 + [(frames, 5)] * 2 + [(7,)]
    return Embeddings(
        *(normal(clips, *shape, seed=seed + i).requires_grad_() for i, shape in enumerate(shapes))
    )


@given(views(), TEMPERATURES)
def test_value_and_gradient_equal_plain_loops(
    pair: tuple[Tensor, Tensor], temperature: float
) -> None:
    loss, expected = (f(*pair, temperature) for f in (token_contrast, token_contrast_loops))
    torch.testing.assert_close(loss, expected, **CLOSE)
    gradients = (torch.autograd.grad(value, pair) for value in (loss, expected))
    torch.testing.assert_close(*gradients, **CLOSE)


@given(views(), TEMPERATURES)
def test_a_batch_is_the_mean_of_its_clips_and_each_clip_an_nt_xent(
    pair: tuple[Tensor, Tensor], temperature: float
) -> None:
    first, second = pair
    alone = [
        token_contrast(first[i : i + 1], second[i : i + 1], temperature) for i in range(len(first))
    ]
    torch.testing.assert_close(
        token_contrast(*pair, temperature), torch.stack(alone).mean(), **CLOSE
    )
    for one, a, b in zip(alone, first, second, strict=True):
        torch.testing.assert_close(one, nt_xent(a, b, temperature), **CLOSE)


@given(views(), TEMPERATURES, st.randoms(use_true_random=False))
def test_symmetries(pair: tuple[Tensor, Tensor], temperature: float, random: Random) -> None:
    first, second = pair
    loss = token_contrast(first, second, temperature)
    clips, tokens = (random.sample(range(n), n) for n in first.shape[:2])
    scales = torch.tensor([[random.uniform(0.01, 100)] for _ in first[0]], dtype=torch.float64)
    for same in (
        token_contrast(first[clips], second[clips], temperature),
        token_contrast(first[:, tokens], second[:, tokens], temperature),
        token_contrast(second, first, temperature),
        token_contrast(first * scales, second, temperature),
    ):
        torch.testing.assert_close(same, loss, **CLOSE)


def test_a_clip_is_told_from_no_other_clip() -> None:
    first, second = normal(2, 3, 4, 6)
    changed = first.clone().requires_grad_()
    with torch.no_grad():
        changed[1] = normal(4, 6, seed=5)
    loss = token_contrast(changed, second)
    (gradient,) = torch.autograd.grad(loss, changed)
    (alone,) = torch.autograd.grad(token_contrast(changed[:1], second[:1]), changed)
    torch.testing.assert_close(gradient[0], alone[0] / 3, **CLOSE)


@pytest.mark.parametrize(("tokens", "noted"), [(25, 3.8918), (13, 3.2189), (20, math.log(39))])
def test_tokens_that_cannot_be_told_apart_cost_the_logarithm_of_the_choices(
    tokens: int, noted: float
) -> None:
    same = torch.ones(2, tokens, 8, dtype=torch.float64)
    orthogonal = torch.eye(2 * tokens, dtype=torch.float64).expand(2, -1, -1)
    for first, second in ((same, same), orthogonal.split(tokens, dim=1)):
        loss = float(token_contrast(first, second))
        assert loss == pytest.approx(math.log(2 * tokens - 1), rel=1e-12)
        assert loss == pytest.approx(noted, abs=5e-5)


def test_perfect_pairs_that_are_orthogonal_otherwise() -> None:
    rows = torch.eye(25, dtype=torch.float64)[None]
    expected = math.log1p(48 * math.exp(-1 / 0.07))
    assert float(token_contrast(rows, rows)) == pytest.approx(expected, rel=1e-9)
    assert token_contrast(rows, rows.roll(1, dims=1)) > token_contrast(rows, rows) + 1


def test_the_nine_terms_are_those_of_the_released_code() -> None:
    joint, motion = embeddings(seed=0), embeddings(seed=20)
    terms = decoupled_contrast(joint, motion, 0.2)
    assert list(terms) == [
        "tsl/intra-intra", "tsl/intra-inter", "tsl/inter-intra", "tsl/inter-inter",
        "stl/intra-intra", "stl/intra-inter", "stl/inter-intra", "stl/inter-inter",
        "global",
    ]  # fmt: skip
    expected = nine_terms(joint, motion, 0.2)
    torch.testing.assert_close(list(terms.values()), expected, **CLOSE)
    gradients = (
        torch.autograd.grad(sum(every), [*joint, *motion]) for every in (terms.values(), expected)
    )
    torch.testing.assert_close(*gradients, **CLOSE)


@pytest.mark.parametrize("identical", [True, False])
def test_the_total_at_chance_is_that_of_the_notes(identical: bool) -> None:
    def tokens(count: int) -> tuple[Tensor, Tensor]:
        if identical:
            one = torch.ones(16, count, 4, dtype=torch.float64)
            return one, one
        first, second = torch.eye(2 * count, dtype=torch.float64).expand(16, -1, -1).split(count, 1)
        return first, second

    joints, frames = tokens(25), tokens(13)
    clips = torch.eye(32, dtype=torch.float64).split(16)
    joint, motion = (
        Embeddings(joints[i], joints[i], frames[i], frames[i], clips[i]) for i in range(2)
    )
    terms = decoupled_contrast(joint, motion)
    assert float(terms["global"]) == pytest.approx(3.4340, abs=5e-5)
    assert sum(map(float, terms.values())) == pytest.approx(31.877, abs=5e-4)


def test_swapping_the_streams_exchanges_two_pairs_and_nothing_else() -> None:
    joint, motion = embeddings(seed=0), embeddings(seed=20)
    forth, back = decoupled_contrast(joint, motion), decoupled_contrast(motion, joint)
    torch.testing.assert_close(sum(forth.values()), sum(back.values()), **CLOSE)
    exchanged = {"intra-inter": "inter-intra", "inter-intra": "intra-inter"}
    for name, term in forth.items():
        head, _, kind = name.partition("/")
        partner = f"{head}/{exchanged[kind]}" if kind in exchanged else name
        torch.testing.assert_close(back[partner], term, **CLOSE)
    difference = forth["tsl/intra-inter"] - forth["tsl/inter-intra"]
    assert difference.abs().item() > 1e-3


def test_half_precision_and_autocast_do_not_touch_the_loss() -> None:
    first, second = normal(2, 4, 5, 16).bfloat16()
    exact = token_contrast(first.float(), second.float())
    with torch.autocast("cpu", torch.bfloat16):
        for loss in (token_contrast(first, second), token_contrast(first.float(), second.float())):
            assert loss.dtype == torch.float32
            assert torch.equal(loss, exact)


@pytest.mark.parametrize(
    ("first", "second"),
    [((2, 3, 4), (2, 2, 4)), ((3, 4), (3, 4)), ((0, 3, 4), (0, 3, 4)), ((2, 0, 4), (2, 0, 4))],
)
def test_shapes_that_do_not_pair_are_refused(
    first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    with pytest.raises(UsageError, match="tokens have shapes"):
        token_contrast(torch.ones(first), torch.ones(second))


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_the_temperature_must_be_positive(temperature: float) -> None:
    with pytest.raises(UsageError, match="temperature"):
        token_contrast(torch.ones(2, 3, 4), torch.ones(2, 3, 4), temperature)
