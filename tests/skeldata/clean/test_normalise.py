import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from skeldata import ParseError, load_recipe
from skeldata.clean.bodies import Tracks
from skeldata.clean.normalise import axes_rotation, normalise, rotate

SPEC = load_recipe("psp").normalise["kinect25"]
angles = st.floats(-np.pi, np.pi)


def clip(seed, frames=4):
    xyz = np.random.default_rng(seed).normal(size=(1, frames, 25, 3))
    return Tracks(xyz, np.ones((1, frames), dtype=bool))


@given(st.integers(0, 99), angles, angles, angles, st.floats(0.2, 5), st.floats(-9, 9))
def test_place_size_and_turn_of_the_camera_do_not_matter(seed, a, b, c, scale, shift):
    tracks = clip(seed)
    turned = Rotation.from_euler("xyz", [a, b, c]).apply(tracks.xyz.reshape(-1, 3))
    moved = Tracks(turned.reshape(tracks.xyz.shape) * scale + shift, tracks.present)
    np.testing.assert_allclose(
        normalise(moved, SPEC).xyz, normalise(tracks, SPEC).xyz, rtol=0, atol=1e-6
    )


@given(st.integers(0, 999))
def test_the_rotation_is_proper_and_takes_the_bones_to_the_axes(seed):
    points = clip(seed).xyz[0, 0]
    matrix = axes_rotation(points, SPEC.rotation)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(matrix) == pytest.approx(1)
    spine = matrix @ (points[20] - points[0])
    np.testing.assert_allclose(spine[:2], 0, atol=1e-9)
    assert spine[2] > 0
    across = matrix @ (points[5] - points[20])
    assert across[1] == pytest.approx(0, abs=1e-9)
    assert across[0] > 0


def test_rotate_is_the_matrix_product():
    points = np.random.default_rng(0).normal(size=(2, 5, 3))
    matrix = np.random.default_rng(1).normal(size=(3, 3))
    np.testing.assert_allclose(rotate(points, matrix), points @ matrix.T, atol=1e-12)


def test_absent_bodies_stay_zero():
    tracks = clip(0)
    both = Tracks(
        np.concatenate([tracks.xyz, np.zeros_like(tracks.xyz)]),
        np.array([[True] * 4, [False] * 4]),
    )
    assert not normalise(both, SPEC).xyz[1].any()


def test_a_spine_without_length_is_refused():
    tracks = clip(0)
    tracks.xyz[0, 0, 20] = tracks.xyz[0, 0, 0]
    with pytest.raises(ParseError, match="bone 0-20, which sets the scale, has no length"):
        normalise(tracks, SPEC)
    with pytest.raises(ParseError, match="bone 0-20, which sets the vertical, has no length"):
        axes_rotation(tracks.xyz[0, 0], SPEC.rotation)


def test_an_elbow_on_the_spine_still_gives_a_rotation():
    points = clip(0).xyz[0, 0]
    points[5] = points[20] + 2 * (points[20] - points[0])
    matrix = axes_rotation(points, SPEC.rotation)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
