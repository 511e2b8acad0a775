"""Clips on the stage: limits, floor, bones, names."""

import numpy as np
import pytest

from skeldata import KINECT20, KINECT25
from skeldata.view.camera import Camera
from skeldata.view.labels import label_places
from skeldata.view.scene import Scene


def scene(persons=1, layout=KINECT25, frames=6, camera=None, **changes):
    generator = np.random.default_rng(3)
    stage = generator.normal(size=(persons, frames, layout.joint_count, 3))
    present = np.ones((persons, frames), dtype=bool)
    present[-1, 2] = persons == 1
    stage[~present] = 0
    fields = {"caption": "c", "stage": stage, "present": present, "layout": layout, "unit": "m"}
    return Scene(**fields | {"camera": camera or Camera()} | changes)


@pytest.mark.parametrize("layout", [KINECT20, KINECT25], ids=lambda layout: layout.name)
@pytest.mark.parametrize("persons", [1, 2])
def test_every_bone_of_every_body_that_is_there_is_drawn_once(layout, persons):
    drawn = scene(persons, layout)
    pictured = drawn.camera.project(drawn.stage)
    for frame in range(drawn.frames):
        there = np.flatnonzero(drawn.present[:, frame])
        bones = drawn.bones(frame)
        assert len(bones) == len(there) * len(layout.bones)
        wanted = {
            (body, layout.sides[child], tuple(pictured[body, frame, [child, parent], :2].ravel()))
            for body in there.tolist()
            for child, parent in layout.bones
        }
        assert {(bone.body, bone.side, tuple(bone.ends.ravel())) for bone in bones} == wanted
        near = [pictured[b, frame, list(bone), 2].mean() for b in there for bone in layout.bones]
        np.testing.assert_allclose([bone.near for bone in bones], near)


def test_the_picture_holds_all_frames_and_the_floor():
    drawn = scene(2)
    left, right, bottom, top = drawn.box()
    points = drawn.pictured()[drawn.present].reshape(-1, 3)
    floor = drawn.camera.project(np.concatenate(drawn.tiles()))
    for x, y, _ in (*points, *floor):
        assert left < x < right
        assert bottom < y < top
    assert drawn.floor == drawn.stage[drawn.present][..., 2].min()
    tight = drawn.box(tight=True)
    assert (points[:, 0] > tight[0]).all()
    assert (points[:, 0] < tight[1]).all()


def test_shadows_lie_on_the_floor_under_their_bones():
    drawn = scene(camera=Camera(0, 0))
    low = drawn.floor
    for line, (child, parent) in zip(drawn.shadow(1), KINECT25.bones, strict=True):
        np.testing.assert_allclose(line[:, 1], low)
        np.testing.assert_allclose(line[:, 0], drawn.stage[0, 1, [child, parent], 0])


@pytest.mark.parametrize("extent", [0.0, 0.02, 0.31, 1.0, 2.9, 7.0, 60.0])
def test_floor_squares_are_round_and_lie_under_the_whole_clip(extent):
    stage = np.zeros((1, 2, 25, 3))
    stage[0, 1] = extent
    drawn = scene(stage=stage, present=np.ones((1, 2), dtype=bool))
    corners = np.concatenate(drawn.tiles())
    assert corners[:, 0].min() <= 0
    assert corners[:, 0].max() >= extent
    digits = f"{drawn.tile:e}"[0]
    assert digits in "125"
    assert len(drawn.tiles()) <= 16
    assert drawn.squares == f"squares of {drawn.tile:g} m"


def test_a_joint_that_flies_off_does_not_make_the_body_small():
    drawn = scene(frames=30)
    assert not drawn.strays
    wild = drawn.stage.copy()
    wild[0, 7, 3] = (900.0, 0.0, 0.0)
    found = scene(stage=wild, present=drawn.present)
    assert found.strays
    assert found.limits[1][0] < 2 * drawn.limits[1][0]
    assert found.limits[0][1] == pytest.approx(drawn.limits[0][1], abs=1)


def test_the_following_camera_keeps_the_bodies_middle_in_place():
    walking = scene(2)
    walking.stage[walking.present] += (40.0, 20.0, 5.0)
    walking.stage[:, 3] += 7.0
    followed = walking.followed()
    for frame in range(walking.frames):
        points = followed.stage[walking.present[:, frame], frame].reshape(-1, 3)
        np.testing.assert_allclose(points[:, :2].mean(axis=0), 0, atol=1e-9)
        before = walking.stage[walking.present[:, frame], frame].reshape(-1, 3)
        np.testing.assert_array_equal(points[:, 2], before[:, 2])  # heights stay
        np.testing.assert_allclose(np.diff(points, axis=0), np.diff(before, axis=0), atol=1e-9)
    assert not followed.stage[~walking.present].any()


def test_names_stand_in_two_columns_on_the_side_of_their_joints():
    drawn = scene()
    labels = label_places(drawn)
    assert sorted(label.joint for label in labels) == list(range(25))
    pictured = drawn.pictured()[0, 0]
    columns = {side: [one for one in labels if one.column == side] for side in ("left", "right")}
    assert abs(len(columns["left"]) - len(columns["right"])) <= 1
    across = {side: [pictured[one.joint, 0] for one in column] for side, column in columns.items()}
    assert max(across["left"]) <= min(across["right"])
    for column in columns.values():
        heights = [one.height for one in sorted(column, key=lambda one: pictured[one.joint, 1])]
        assert heights == sorted(set(heights))
        assert 0 < heights[0] < heights[-1] < 1
