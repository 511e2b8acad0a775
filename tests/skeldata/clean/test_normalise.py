import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from skeldata import KINECT25, ParseError, load_recipe
from skeldata.clean.bodies import Tracks
from skeldata.clean.normalise import axes_rotation, normalise, rotate, vertical_rotation
from skeldata.recipe import Normalisation

SPEC = load_recipe("psp").normalise["kinect25"]
YAW = load_recipe("yaw").normalise["kinect25"]
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


def test_what_a_recipe_leaves_out_is_left_as_it_was():
    tracks = clip(0)
    bare = Normalisation(origin=3)
    np.testing.assert_array_equal(normalise(tracks, bare).xyz, tracks.xyz - tracks.xyz[0, 0, 3])
    scaled = normalise(tracks, Normalisation(origin=3, scale=(3, 7))).xyz
    bone = np.linalg.norm(tracks.xyz[0, 0, 7] - tracks.xyz[0, 0, 3])
    np.testing.assert_allclose(scaled * bone, normalise(tracks, bare).xyz, rtol=1e-12)
    tracks.xyz[0, 0, 20] = tracks.xyz[0, 0, 0]  # a spine without length harms no recipe without it
    assert np.isfinite(normalise(tracks, bare).xyz).all()


def seen_from(tracks, axis, angle, scale=1.0, shift=0.0):
    turned = Rotation.from_euler(axis, angle).apply(tracks.xyz.reshape(-1, 3))
    return Tracks(turned.reshape(tracks.xyz.shape) * scale + shift, tracks.present)


@given(st.integers(0, 99), angles, st.floats(0.2, 5), st.floats(-9, 9))
def test_yaw_undoes_a_turn_about_the_vertical(seed, angle, scale, shift):
    tracks = clip(seed)
    moved = seen_from(tracks, "y", angle, scale, shift)
    np.testing.assert_allclose(
        normalise(moved, YAW).xyz, normalise(tracks, YAW).xyz, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("axis", ["x", "z"])
def test_yaw_undoes_no_tilt(axis):
    tilted = normalise(seen_from(clip(0), axis, 0.1), YAW).xyz
    assert not np.allclose(tilted[..., 1], normalise(clip(0), YAW).xyz[..., 1], atol=0.01)


@given(st.integers(0, 999))
def test_yaw_keeps_gravity_and_brings_the_right_shoulder_to_plus_x(seed):
    points = clip(seed).xyz[0, 0]
    matrix = vertical_rotation(points, YAW.rotation)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)
    np.testing.assert_array_equal(matrix @ [0, 1, 0], [0, 1, 0])
    left, right = KINECT25.joints.index("left shoulder"), KINECT25.joints.index("right shoulder")
    shoulders = matrix @ (points[right] - points[left])
    assert shoulders[2] == pytest.approx(0, abs=1e-12)
    assert shoulders[0] > 0


def test_yaw_and_psp_differ_by_a_rotation_only():
    tracks = clip(5)
    a, b = normalise(tracks, YAW).xyz.reshape(-1, 3), normalise(tracks, SPEC).xyz.reshape(-1, 3)
    np.testing.assert_allclose(a @ a.T, b @ b.T, atol=1e-9)
    np.testing.assert_allclose(a[20], normalise(tracks, YAW).xyz[0, 0, 20])
    assert np.linalg.norm(a[20]) == pytest.approx(1)


@pytest.mark.parametrize("across", [(0, 1, 0), (0, -0.3, 0), (0, 0, 0), (-1e-12, 1, 0)])
def test_shoulders_above_each_other_keep_the_cameras_heading(across):
    points = clip(0).xyz[0, 0]
    points[4] = 0
    points[8] = across
    np.testing.assert_array_equal(vertical_rotation(points, YAW.rotation), np.eye(3))


def test_a_slight_lean_is_no_reason_to_keep_the_heading():
    points = clip(0).xyz[0, 0]
    points[4], points[8] = 0, (0, 1, 1e-6)
    turned = vertical_rotation(points, YAW.rotation) @ (points[8] - points[4])
    np.testing.assert_allclose(turned, [1e-6, 1, 0], atol=1e-15)
