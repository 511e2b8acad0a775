"""The whole pipeline of one clip against the contract, restated."""

import itertools

import numpy as np
import pytest

from skeldata import ParseError, RecipeError, get_dataset, load_recipe, motion, read_ntu, read_ucla
from skeldata.clean.clip import prepare_clip, prepare_tracks
from skeldata.clean.resample import resample
from skeldata.recipe import recipe_names
from skeldata.synth import ntu_bytes, ucla_bytes
from support import ctrgcn_oracle
from support import preparation_oracle as oracle

TOLERANCE = 2e-4  # the contract's bound between float32 stores and float64 arithmetic
ONE = "S001C001P001R001A001"
TWO = "S001C001P003R001A055"

QUIRKY = [
    (ONE, []),
    (ONE, ["crlf", "capital_e"]),
    (ONE, ["spurious_body"]),
    (ONE, ["returning_body", "empty_start"]),
    (ONE, ["id_change", "empty_middle", "crlf"]),
    (ONE, ["empty_start", "empty_middle", "empty_end"]),
    (TWO, []),
    (TWO, ["returning_body", "empty_middle", "capital_e"]),
]


@pytest.mark.parametrize(("name", "quirks"), QUIRKY)
@pytest.mark.parametrize("frames", [12, 49, 50, 77])
def test_ntu_equals_the_contract(name, quirks, frames):
    data = ntu_bytes(name, seed=3, frames=frames, quirks=quirks)
    clip = prepare_clip(read_ntu(data), load_recipe("psp"), get_dataset("ntu60"))
    joint, moved, present, length = oracle.prepared_ntu(data)
    np.testing.assert_array_equal(clip.present, present)
    assert clip.length == length
    np.testing.assert_allclose(clip.joint, joint, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(motion(clip.joint, clip.present), moved, rtol=0, atol=TOLERANCE)
    assert not clip.joint[~clip.present].any()


@pytest.mark.parametrize("frames", [1, 2, 30, 50, 120])
def test_ucla_equals_the_contract(frames):
    data = ucla_bytes("a02_s09_e04_v02", seed=1, frames=frames)
    clip = prepare_clip(read_ucla(data), load_recipe("psp"), get_dataset("nw-ucla"))
    joint, moved, present, length = oracle.prepared_ucla(data)
    assert clip.length == length == frames
    np.testing.assert_array_equal(clip.present, present)
    np.testing.assert_allclose(clip.joint, joint, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(motion(clip.joint, clip.present), moved, rtol=0, atol=TOLERANCE)


def test_many_default_quirks_together():
    names = get_dataset("ntu60").official_names()[:: 56_578 // 24]
    for name in itertools.islice(names, 24):
        data = ntu_bytes(name, seed=0)
        clip = prepare_clip(read_ntu(data), load_recipe("psp"), get_dataset("ntu60"))
        joint, _, present, _ = oracle.prepared_ntu(data)
        np.testing.assert_array_equal(clip.present, present, err_msg=name)
        np.testing.assert_allclose(clip.joint, joint, rtol=0, atol=TOLERANCE, err_msg=name)


def test_the_first_pose_of_the_main_body_is_canonical():
    clip = prepare_clip(read_ntu(ntu_bytes(ONE)), load_recipe("psp"), get_dataset("ntu60"))
    pose = clip.joint[0, np.flatnonzero(clip.present[0])[0]]
    np.testing.assert_allclose(pose[0], 0, atol=1e-6)
    np.testing.assert_allclose(pose[20], [0, 0, 1], atol=1e-6)
    assert pose[5][0] > pose[20][0]
    assert pose[5][1] == pytest.approx(0, abs=1e-6)


def test_no_body_at_all_is_refused():
    data = ntu_bytes(ONE, frames=7, quirks=["no_bodies"])
    with pytest.raises(ParseError, match="no body in any of 7 frames"):
        prepare_clip(read_ntu(data), load_recipe("psp"), get_dataset("ntu60"))


def published(frames, persons):
    """What CTR-GCN's preparation gives, as (persons, L, V, 3)."""
    frames = [{body: np.float32(xyz) for body, xyz in frame.items()} for frame in frames]
    joints = ctrgcn_oracle.published(frames, persons=persons)
    return joints.reshape(len(joints), persons, -1, 3).swapaxes(0, 1)


@pytest.mark.parametrize(("name", "quirks"), QUIRKY)
def test_ctrgcn_equals_its_published_preparation(name, quirks):
    data = ntu_bytes(name, seed=3, frames=60, quirks=quirks)
    recipe, dataset = load_recipe("ctrgcn"), get_dataset("ntu60")
    expected = published(oracle.ntu_frames(data), 2)
    tracks = prepare_tracks(read_ntu(data), recipe, dataset)
    np.testing.assert_array_equal(np.float32(tracks.xyz), expected[: len(tracks.xyz)])
    assert not expected[len(tracks.xyz) :].any()
    clip = prepare_clip(read_ntu(data), recipe, dataset)
    assert clip.length == expected.shape[1]
    stored = resample(tracks, 50)
    np.testing.assert_array_equal(clip.joint[: len(stored.xyz)], np.float32(stored.xyz))
    np.testing.assert_array_equal(clip.present[: len(stored.xyz)], stored.present)
    assert not clip.joint[~clip.present].any()


def test_ctrgcn_of_many_default_quirks():
    recipe, dataset = load_recipe("ctrgcn"), get_dataset("ntu60")
    for name in dataset.official_names()[7 :: 56_578 // 20]:
        data = ntu_bytes(name, seed=0)
        expected = published(oracle.ntu_frames(data), 2)
        tracks = prepare_tracks(read_ntu(data), recipe, dataset)
        np.testing.assert_array_equal(
            np.float32(tracks.xyz), expected[: len(tracks.xyz)], err_msg=name
        )
        assert not expected[len(tracks.xyz) :].any(), name


def test_ctrgcn_and_yaw_of_ucla():
    data = ucla_bytes("a02_s09_e04_v02", seed=1, frames=30)
    dataset = get_dataset("nw-ucla")
    tracks = prepare_tracks(read_ucla(data), load_recipe("ctrgcn"), dataset)
    np.testing.assert_array_equal(np.float32(tracks.xyz), published(oracle.ucla_frames(data), 1))
    pose = prepare_tracks(read_ucla(data), load_recipe("yaw"), dataset).xyz[0, 0]
    assert pose[0].tolist() == [0, 0, 0]
    assert np.linalg.norm(pose[2]) == pytest.approx(1)
    assert pose[3, 1] > pose[2, 1] > 0 > pose[19, 1]  # head over shoulders over hip over foot
    assert (pose[8] - pose[4])[[0, 2]] == pytest.approx([np.hypot(*(pose[8] - pose[4])[[0, 2]]), 0])


def test_tracks_are_what_a_clip_is_resampled_from():
    data = ntu_bytes(TWO, seed=3, frames=50, quirks=["empty_middle"])
    for name in recipe_names():
        recipe, dataset = load_recipe(name, frames=33), get_dataset("ntu60")
        tracks = prepare_tracks(read_ntu(data), recipe, dataset)
        clip = prepare_clip(read_ntu(data), recipe, dataset)
        assert clip.length == tracks.xyz.shape[1] < 50
        np.testing.assert_array_equal(clip.joint, np.float32(resample(tracks, 33).xyz))


def test_a_recipe_without_the_layout_is_refused():
    recipe = load_recipe("yaw")
    only = recipe.model_copy(update={"normalise": {"kinect20": recipe.normalise["kinect20"]}})
    with pytest.raises(RecipeError, match=r"recipe yaw has no \[normalise.kinect25\] for ntu60"):
        prepare_tracks(read_ntu(ntu_bytes(ONE)), only, get_dataset("ntu60"))
