"""PSTL's masks: the exact law of the joints drawn, and which frames stay."""

from __future__ import annotations

from math import comb

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pspmodel.data.masking import (
    draw_frames,
    draw_kept_joints,
    slowest_frames,
    stillness,
    take_frames,
)
from pspmodel.errors import UsageError
from skeldata import KINECT20, KINECT25, Layout

LAYOUTS = pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
TRIALS = 4000


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# ---- joints --------------------------------------------------------------------------------
def test_degrees_are_those_of_the_notes() -> None:
    assert KINECT25.degrees.tolist() == [
        3, 2, 2, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 1, 4, 1, 2, 1, 2,
    ]  # fmt: skip
    assert KINECT20.degrees.tolist() == [
        3, 2, 4, 1, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 1,
    ]  # fmt: skip
    assert (KINECT25.degrees.sum(), KINECT20.degrees.sum()) == (48, 38)


def masked_often(layout: Layout, draws: int) -> tuple[Tensor, Tensor]:
    """How often each joint was masked, and how many were masked each time."""
    torch.manual_seed(0)
    often, sizes = torch.zeros(layout.joint_count), []
    for _ in range(TRIALS):
        keep = draw_kept_joints(layout, draws)
        masked = torch.ones(layout.joint_count)
        masked[keep] = 0
        often += masked
        sizes.append(int(masked.sum()))
        assert keep.tolist() == sorted(set(keep.tolist()))
        assert len(keep) + sizes[-1] == layout.joint_count
    return often, torch.tensor(sizes)


@LAYOUTS
@pytest.mark.parametrize("draws", [1, 8])
def test_joints_go_with_the_probability_of_the_formula(layout: Layout, draws: int) -> None:
    often, _ = masked_often(layout, draws)
    total = int(layout.degrees.sum())
    for joint, degree in enumerate(layout.degrees.tolist()):
        chance = 1 - comb(total - degree, draws) / comb(total, draws)
        if draws == 1:
            assert chance == pytest.approx(degree / total)
        # Five standard deviations: one false alarm in 40,000 seeds, and the seed is fixed.
        tolerance = 5 * (chance * (1 - chance) / TRIALS) ** 0.5
        assert often[joint].item() / TRIALS == pytest.approx(chance, abs=tolerance)


def test_sizes_of_the_masked_set_are_those_of_the_notes() -> None:
    _, sizes = masked_often(KINECT25, 8)
    assert 3 <= sizes.min() <= sizes.max() <= 8
    assert sizes.float().mean().item() == pytest.approx(7.346, abs=5 * 0.75 / TRIALS**0.5)
    for size, share in ((5, 0.009), (6, 0.105), (7, 0.419), (8, 0.468)):
        found = (sizes == size).float().mean().item()
        assert found == pytest.approx(share, abs=5 * (share / TRIALS) ** 0.5 + 5e-4)


def test_no_draws_mask_nothing_and_never_everything_is_masked() -> None:
    assert draw_kept_joints(KINECT25, 0).tolist() == list(range(25))
    assert len(draw_kept_joints(KINECT25, 24)) >= 1
    for draws in (-1, 25):
        with pytest.raises(UsageError, match="give 0 to 24 for 25 joints"):
            draw_kept_joints(KINECT25, draws)


# ---- frames --------------------------------------------------------------------------------
def test_stillness_equals_plain_loops() -> None:
    x = normal(4, 3, 6, 5)
    clip_index = torch.tensor([1, 0, 1, 0, 1])
    rows = [0, 1, 2, 3, 3]
    found = stillness(x, clip_index, 2, torch.tensor(rows))
    assert found.shape == (2, 6)
    for clip in range(2):
        mine = [row for row, owner in zip(rows, clip_index.tolist(), strict=True) if owner == clip]
        for t in range(6):
            total = 0.0
            for row in mine if t < 5 else []:
                for c in range(3):
                    for v in range(5):
                        total += float(x[row, c, t + 1, v] - x[row, c, t, v]) ** 2 / 15
            assert found[clip, t].item() == pytest.approx(-total, rel=1e-4, abs=1e-6)


def test_absent_persons_change_no_choice() -> None:
    x, absent = normal(3, 3, 20, 5), torch.zeros(1, 3, 20, 5)
    alone = stillness(x, torch.arange(3), 3)
    beside = stillness(
        torch.cat((x, absent)),
        torch.tensor([0, 1, 2, 0, 1, 2]),
        3,
        torch.tensor([0, 1, 2, 3, 3, 3]),
    )
    assert torch.equal(alone, beside)


@st.composite
def attentions(draw: st.DrawFn) -> tuple[Tensor, int]:
    frames = draw(st.integers(1, 12))
    # Few distinct values, so that there are ties.
    rows = st.lists(st.integers(-3, 0), min_size=frames, max_size=frames)
    values = draw(st.lists(rows, min_size=1, max_size=3))
    return torch.tensor(values, dtype=torch.float32), draw(st.integers(1, frames))


@given(attentions())
def test_the_slowest_frames_stay_in_their_order(case: tuple[Tensor, int]) -> None:
    attention, keep = case
    found = slowest_frames(attention, keep)
    assert found.shape == (len(attention), keep)
    for row, kept in zip(attention.tolist(), found.tolist(), strict=True):
        # Largest first, later first among equals.
        best = sorted(range(len(row)), key=lambda t: (row[t], t), reverse=True)[:keep]
        assert kept == sorted(best)


@given(st.integers(0, 2**31), st.integers(0, 50))
def test_still_frames_go_only_when_nothing_else_is_left(seed: int, still: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    attention = -torch.rand((1, 50), generator=generator) - 0.1
    places = torch.randperm(49, generator=generator)[:still]
    attention[0, places] = 0
    attention[0, 49] = 0  # the last frame has no next one
    kept = slowest_frames(attention, 40)
    zero = set(places.tolist()) | {49}
    assert 49 in kept
    assert len(zero & set(kept[0].tolist())) == min(40, len(zero))


def test_constant_velocity_is_decided_by_place_and_the_last_frame_stays() -> None:
    x = torch.arange(50.0)[None, None, :, None].expand(1, 3, 50, 25)
    attention = stillness(x, torch.tensor([0]), 1)
    assert attention.unique().tolist() == [-1.0, 0.0]
    assert slowest_frames(attention, 40)[0].tolist() == list(range(10, 50))


@given(st.integers(0, 2**31), st.booleans())
def test_thirty_of_fifty_frames_stay(seed: int, alike: bool) -> None:
    torch.manual_seed(seed)
    attention = -torch.rand(6, 50)
    found = draw_frames(attention, 10, 10, alike=alike)
    assert found.shape == (6, 30)
    assert (found.diff(dim=1) > 0).all()
    assert found.min() >= 0
    assert found.max() < 50
    rest = slowest_frames(attention, 40)
    places = [
        [kept.index(t) for t in row]  # fails if one of the fastest was kept
        for kept, row in zip(rest.tolist(), found.tolist(), strict=True)
    ]
    assert (len({tuple(row) for row in places}) == 1) is alike


def test_the_random_ones_are_any_of_the_rest_equally_often() -> None:
    torch.manual_seed(0)
    found = draw_frames(torch.arange(8.0).expand(TRIALS, 8), 2, 3)
    share = torch.bincount(found.flatten(), minlength=8) / TRIALS
    assert share[:2].tolist() == [0, 0]
    torch.testing.assert_close(share[2:], torch.full((6,), 0.5), rtol=0, atol=5 * 0.5 / TRIALS**0.5)


@pytest.mark.parametrize(("fastest", "more"), [(50, 0), (20, 30), (-1, 0), (0, -1)])
def test_some_frame_must_stay(fastest: int, more: int) -> None:
    with pytest.raises(UsageError, match="frames cannot be"):
        draw_frames(torch.zeros(1, 50), fastest, more)


def test_frames_are_taken_for_each_row() -> None:
    x = normal(3, 2, 6, 4)
    frames = torch.tensor([[0, 1], [2, 5], [3, 4]])
    found = take_frames(x, frames)
    for row in range(3):
        assert torch.equal(found[row], x[row][:, frames[row]])
