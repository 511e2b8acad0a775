"""Where clips are looked at from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from skeldata import KINECT20, KINECT25
from skeldata.view.camera import Camera, front_of, sensor_axes
from support.view_oracle import on_stage, seen

angles = st.floats(-360, 360)


def person(layout, seed=0, frames=4):
    """(1, T, V, 3) somebody upright in z-up coordinates who faces +y: left is at -x."""
    generator = np.random.default_rng(seed)
    joint = generator.normal(scale=0.1, size=(1, frames, layout.joint_count, 3))
    joint[..., 2] += np.linspace(0, 2, layout.joint_count)
    for number, side in enumerate(layout.sides):
        joint[..., number, 0] += {"left": -0.6, "right": 0.6, "middle": 0.0}[side]
    return joint


def assert_no_mirror(axes):
    """Right, up and nearer are a right-handed frame, as the recordings' frames are."""
    assert np.linalg.det(axes[[0, 2, 1]]) == pytest.approx(1)


@given(angles, angles, st.integers(0, 99))
def test_a_camera_turns_the_stage_and_tilts_it(azimuth, elevation, seed):
    points = np.random.default_rng(seed).normal(size=(3, 5, 3))
    across, height, near = np.moveaxis(Camera(azimuth, elevation).project(points), -1, 0)
    oracle = seen(points, azimuth, elevation)
    np.testing.assert_allclose(np.stack([across, near, height], axis=-1), oracle, atol=1e-9)


@pytest.mark.parametrize("layout", [KINECT20, KINECT25], ids=lambda layout: layout.name)
@pytest.mark.parametrize("up", ["y", "z"])
@given(heading=st.floats(-180, 180))
def test_one_body_faces_the_viewer_whichever_way_it_was_turned(layout, up, heading):
    joint = Rotation.from_euler("z", heading, degrees=True).apply(person(layout).reshape(-1, 3))
    if up == "y":  # the same body in a right-handed frame with y up
        joint = joint[:, [1, 2, 0]]
    joint = joint.reshape(1, 4, layout.joint_count, 3)
    present = np.ones((1, 4), dtype=bool)
    axes = front_of(joint, present, layout, up)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert_no_mirror(axes)
    stage = joint @ axes.T
    np.testing.assert_allclose(stage, on_stage(joint, present, layout, up), atol=1e-12)
    left = [side == "left" for side in layout.sides]
    right = [side == "right" for side in layout.sides]
    assert stage[:, :, left, 0].min() > stage[:, :, right, 0].max()  # a mirror would swap them


def test_the_front_of_a_body_is_nearer_than_its_back():
    joint = person(KINECT25, frames=1)
    nose = joint[0, 0, 3] + (0, 1.0, 0)  # one metre before the head: the person faces +y
    axes = front_of(joint, np.ones((1, 1), dtype=bool), KINECT25, "z")
    assert (axes @ nose)[1] > (axes @ joint[0, 0, 3])[1] + 0.9


def test_frames_without_the_body_have_no_say():
    joint, present = person(KINECT25), np.array([[True, True, False, False]])
    known = front_of(joint[:, :2], present[:, :2], KINECT25, "z")
    np.testing.assert_array_equal(front_of(joint, present, KINECT25, "z"), known)


@pytest.mark.parametrize("heading", [0, 70, 180, 290])
def test_two_bodies_stand_side_by_side(heading):
    one, two = person(KINECT25, 0), person(KINECT25, 1)
    turn = Rotation.from_euler("z", heading, degrees=True).as_matrix()
    two = two * (-1, -1, 1) + (0, 2.5, 0)  # faces the first from 2.5 m before it
    joint = np.concatenate([one, two]) @ turn.T
    axes = front_of(joint, np.ones((2, 4), dtype=bool), KINECT25, "z")
    apart = (joint[1] - joint[0]).mean(axis=(0, 1)) @ axes.T
    assert abs(apart[0]) > 2.4
    assert abs(apart[1]) < 1e-9
    assert_no_mirror(axes)


def test_a_body_without_width_is_seen_from_somewhere():
    joint = np.zeros((1, 2, 25, 3))
    axes = front_of(joint, np.ones((1, 2), dtype=bool), KINECT25, "y")
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)


def test_the_sensor_sees_its_left_on_the_left_and_what_is_near_nearer():
    stage = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ sensor_axes().T
    assert stage[0].tolist() == [-1, 0, 0]  # x points to the sensor's left
    assert stage[1].tolist() == [0, 0, 1]  # y up
    assert stage[2].tolist() == [0, -1, 0]  # z away from it
    assert_no_mirror(sensor_axes())
