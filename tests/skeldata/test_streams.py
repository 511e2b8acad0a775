import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skeldata import motion


@given(st.integers(0, 500), st.integers(1, 12))
def test_motion_telescopes(seed, frames):
    joint = np.random.default_rng(seed).normal(size=(2, frames, 25, 3)).astype(np.float32)
    moved = motion(joint, np.ones((2, frames), dtype=bool))
    np.testing.assert_allclose(moved.sum(axis=1), joint[:, -1] - joint[:, 0], atol=1e-4)
    assert not moved[:, -1].any()


def test_motion_is_zero_beside_absence():
    joint = np.arange(1, 6, dtype=np.float32).reshape(5, 1, 1) * np.ones((5, 1, 3), np.float32)
    present = np.array([True, True, False, True, True])
    joint[2] = 0
    assert motion(joint, present)[:, 0, 0].tolist() == [1, 0, 0, 1, 0]
