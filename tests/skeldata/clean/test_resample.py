import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata.clean.bodies import Tracks
from skeldata.clean.resample import resample


def line(length, present=None):
    """A body whose every coordinate equals the frame number."""
    xyz = np.broadcast_to(np.arange(1.0, length + 1)[None, :, None, None], (1, length, 2, 3)).copy()
    there = np.ones((1, length), dtype=bool) if present is None else np.array([present])
    xyz[~there] = 0
    return Tracks(xyz, there)


@given(st.integers(1, 300), st.integers(2, 80))
def test_straight_lines_stay_straight(length, frames):
    out = resample(line(length), frames)
    expected = 1 + np.arange(frames) * (length - 1) / (frames - 1)
    np.testing.assert_allclose(out.xyz[0, :, 0, 0], expected, rtol=1e-12)
    assert out.present.all()


def test_equal_length_changes_nothing():
    np.testing.assert_array_equal(resample(line(50), 50).xyz, line(50).xyz)


def test_halves_go_down():
    # 3 source frames to 5: positions 0, 0.5, 1, 1.5, 2.
    out = resample(line(3, [True, False, True]), 5)
    assert out.present[0].tolist() == [True, True, False, False, True]
    # Beside an absent neighbour the present one's value stands, uninterpolated.
    assert out.xyz[0, :, 0, 0].tolist() == [1, 1, 0, 0, 3]


@given(st.lists(st.booleans(), min_size=1, max_size=60).filter(any), st.integers(2, 70))
def test_absent_is_exact_zero_and_present_lies_between_its_neighbours(present, frames):
    out = resample(line(len(present), present), frames)
    values = out.xyz[0, :, 0, 0]
    assert not values[~out.present[0]].any()
    for i, (value, there) in enumerate(zip(values, out.present[0], strict=True)):
        position = i * (len(present) - 1) / (frames - 1)
        if there:
            assert abs(value - 1 - position) <= 0.5 + 1e-9


def test_one_frame_is_repeated():
    out = resample(line(1), 50)
    assert (out.xyz == 1).all()


def test_two_frames_make_a_ramp():
    assert resample(line(2), 50).xyz[0, 25, 0, 0] == pytest.approx(1 + 25 / 49)
