"""Distances of a frame's points: against plain loops, and what must not change them."""

from itertools import combinations
from math import dist

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pspmodel.data.rotation import rotation
from pspmodel.nn.distances import distance_count, distances


@given(points=st.integers(1, 6), axes=st.integers(1, 3), frames=st.integers(1, 3))
@settings(deadline=None)
def test_they_are_those_of_plain_loops(points: int, axes: int, frames: int) -> None:
    x = torch.randn(2, axes, frames, points, dtype=torch.float64)
    found = distances(x)
    assert found.shape == (2, frames, distance_count(points))
    for person in range(2):
        for frame in range(frames):
            placed = [*x[person, :, frame].T.tolist(), [0.0] * axes]
            expected = [dist(a, b) for a, b in combinations(placed, 2)]
            torch.testing.assert_close(found[person, frame], torch.tensor(expected).double())


def test_no_rotation_or_mirror_changes_them() -> None:
    x = torch.randn(4, 3, 5, 20, dtype=torch.float64)
    turned = torch.einsum("pij,pjtv->pitv", rotation(torch.randn(4, 3).double()), x)
    torch.testing.assert_close(distances(turned), distances(x))
    torch.testing.assert_close(distances(-x), distances(x))


def test_points_in_one_place_are_exactly_nothing_apart() -> None:
    x = torch.randn(1, 3, 2, 1).expand(-1, -1, -1, 3)
    found = distances(x)
    pairs = list(combinations(range(4), 2))
    same = [place for place, pair in enumerate(pairs) if 3 not in pair]
    assert not found[..., same].any()
    assert (found[..., [place for place in range(len(pairs)) if place not in same]] > 0).all()


def test_they_take_no_gradient() -> None:
    assert not distances(torch.zeros(1, 3, 2, 4, requires_grad=True)).requires_grad
