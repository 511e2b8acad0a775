"""Which of two cameras sees the mirror image, on poses made for it."""

import importlib.util
import json
import zipfile

import numpy as np
import pytest

from skeldata import KINECT20, get_dataset
from support.pages import ROOT

spec = importlib.util.spec_from_file_location(
    "compare_cameras", ROOT / "tools" / "compare_cameras.py"
)
cameras = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cameras)

NAME = get_dataset("nw-ucla").require_name


@pytest.fixture
def poses():
    """(T, 20, 3) of somebody who is nowhere symmetric."""
    return np.random.default_rng(0).normal(size=(30, 20, 3))


def turned(poses, degrees):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return poses @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]) + (1.0, 0.2, 3.0)


@pytest.mark.parametrize("degrees", [0, 50, 170, -90])
def test_a_turned_and_moved_person_fits_itself_exactly(poses, degrees):
    other = turned(poses, degrees)
    assert cameras.misfit(poses[0], other[0]) == pytest.approx(0, abs=1e-12)
    assert not cameras.mirrored_fits_better(poses, other)
    assert cameras.mirrored_fits_better(poses, turned(cameras.mirrored(poses), degrees))


def test_misfit_is_that_of_the_best_turn(poses):
    a, b = poses[0], poses[1]
    tried = []
    for degrees in np.arange(0, 360, 0.5):
        moved = turned(a, degrees)
        apart = (moved - moved[cameras.HIP]) - (b - b[cameras.HIP])
        tried.append((np.square(apart).sum(), np.linalg.norm(apart, axis=1).mean()))
    assert cameras.misfit(a, b) == pytest.approx(min(tried)[1], rel=1e-3)


def test_mirroring_twice_changes_nothing_and_once_moves_the_hands(poses):
    image = cameras.mirrored(poses)
    assert np.array_equal(cameras.mirrored(image), poses)
    assert np.array_equal(image[:, cameras.LEFT_HAND, 1:], poses[:, cameras.RIGHT_HAND, 1:])
    assert KINECT20.joints[cameras.RIGHT_HAND] == "right hand"


def test_the_hand_that_moves_more_and_the_side_of_the_shoulders(poses):
    still = np.tile(poses[:1], (30, 1, 1))
    still[:, cameras.RIGHT_HAND] += np.linspace(0, 1, 30)[:, None]
    assert cameras.right_hand_moves_more(still)
    assert not cameras.right_hand_moves_more(cameras.mirrored(still))
    still[:, cameras.RIGHT_SHOULDER, 0] = still[:, cameras.LEFT_SHOULDER, 0] + 1
    still[:3, cameras.RIGHT_SHOULDER, 0] -= 2
    assert cameras.faces_camera(still) == pytest.approx(0.9)


def test_recordings_are_compared_with_those_of_the_same_performance(poses):
    found = {
        NAME("a05_s01_e00_v01"): poses,
        NAME("a05_s01_e00_v02"): turned(poses, 30),
        NAME("a05_s01_e00_v03"): turned(cameras.mirrored(poses), 60),
        NAME("a05_s02_e00_v01"): poses,
    }
    assert cameras.by_camera(found, NAME("a05_s02_e00_v01"), 2) is None
    table = {row[0]: row[1:] for row in cameras.rows(found)}
    assert table["throw"] == ["none"] * 6
    assert table["sit down"][3:] == table["all"][3:] == ["0", "100", "100"]


def test_a_recording_under_two_names_is_taken_once(tmp_path):
    poses = np.random.default_rng(1).normal(size=(4, 20, 3)).round(4)
    with zipfile.ZipFile(tmp_path / "all_sqe.zip", "w") as archive:
        for name, shown in (
            ("a02_s01_e00_v03", poses),
            ("a02_s01_e00_v02", poses),
            ("a02_s01_e00_v01", poses + 1),
        ):
            content = {"file_name": name, "skeletons": shown.tolist(), "label": 2}
            archive.writestr(f"all_sqe/{name}.json", json.dumps(content))
        archive.writestr("all_sqe/notes.txt", "no recording")
    found = cameras.recordings(tmp_path / "all_sqe.zip")
    assert [name.text for name in found] == ["a02_s01_e00_v01", "a02_s01_e00_v02"]
    np.testing.assert_allclose(found[NAME("a02_s01_e00_v02")], poses, rtol=1e-6)
