import numpy as np
import torch

from pspmodel.config import AugmentConfig, DataConfig
from pspmodel.data.clips import Clips, joined, motion_of
from pspmodel.data.resident import ResidentData
from skeldata import KINECT25, motion
from support.methods import KEPT

CPU = torch.device("cpu")


def test_clips_are_the_rows_of_the_store(ntu_store):
    data = ResidentData(ntu_store, CPU)
    rows = np.array([7, 0, 59, 7, 31])
    clips = data.clips(rows)
    assert clips.count == 5
    person = 0
    for clip, row in enumerate(rows):
        joint = ntu_store.read([row])[0]
        moved = ntu_store.read([row], "motion")[0]
        for m in np.flatnonzero(ntu_store.read_present([row])[0].any(axis=1)):
            assert clips.clip_index[person] == clip
            np.testing.assert_array_equal(clips.joint[person], joint[m].transpose(2, 0, 1))
            np.testing.assert_array_equal(clips.motion[person], moved[m].transpose(2, 0, 1))
            person += 1
    assert len(clips.joint) == person
    assert data.labels_of(rows).tolist() == ntu_store.labels[rows].tolist()


def test_kept_absent_bodies_share_one_row_of_zeros(ntu_store):
    rows = np.arange(len(ntu_store))
    kept = ResidentData(ntu_store, CPU, KEPT).clips(rows)
    dropped = ResidentData(ntu_store, CPU).clips(rows)
    absent = ~ntu_store.read_present().any(axis=2).reshape(-1)
    assert 0 < absent.sum() < len(rows)
    assert len(kept.person_index) == 2 * len(rows)
    everyone = kept.joint[kept.person_index]
    assert not everyone[absent].any()
    np.testing.assert_array_equal(everyone[~absent], dropped.joint)
    assert len(kept.joint) == len(dropped.joint) + 1
    assert kept.weights.sum() == 2 * len(rows)
    assert kept.weights[-1] == absent.sum()


def test_motion_on_the_device_equals_the_stores(ntu_store):
    joint, present = ntu_store.read(), ntu_store.read_present()
    moved = motion_of(
        torch.from_numpy(joint).flatten(0, 1), torch.from_numpy(present).flatten(0, 1)
    )
    np.testing.assert_array_equal(moved.unflatten(0, (-1, 2)), motion(joint, present))


def test_joined_batches_keep_their_clips_apart(ntu_store):
    data = ResidentData(ntu_store, CPU)
    first, second = data.clips(np.array([1, 2])), data.clips(np.array([3, 4, 5]))
    both = joined(first, second)
    assert both.count == 5
    assert both.clip_index.tolist() == first.clip_index.tolist() + (second.clip_index + 2).tolist()
    np.testing.assert_array_equal(both.joint[len(first.joint) :], second.joint)


def test_streams_are_those_of_skeldata(ntu_store):
    config = DataConfig(streams=("bone_motion", "joint", "bone"), motion_scale=10)
    rows = np.array([5, 2, 40])
    clips = ResidentData(ntu_store, CPU, config).clips(rows)
    assert list(clips.streams) == ["bone_motion", "joint", "bone"]
    there = ntu_store.read_present(rows).any(axis=2)
    for name, factor in (("bone_motion", 10), ("joint", 1), ("bone", 1)):
        stored = factor * derive(ntu_store.read(rows), ntu_store.read_present(rows), name)[there]
        np.testing.assert_allclose(
            clips.streams[name], stored.transpose(0, 3, 1, 2), rtol=1e-5, atol=1e-6
        )


def derive(joint, present, name):
    """Streams by their definition, from the stored joints."""
    shown = joint
    if name.startswith("bone"):
        shown = joint - joint[:, :, :, KINECT25.parents]
    return motion(shown, present) if name.endswith("motion") else shown


def test_frames_are_resampled_and_coordinates_cut_off(ntu_store):
    data = ResidentData(ntu_store, CPU, DataConfig(frames=13, limit=0.5))
    clips = data.clips(np.arange(60))
    assert data.frames == clips.joint.shape[2] == 13
    assert clips.joint.abs().max() == 0.5
    whole = ntu_store.read_present().all(axis=2)[:, 0]
    row = int(np.flatnonzero(whole)[0])
    source = ntu_store.read([row])[0, 0].clip(-0.5, 0.5)
    place = np.linspace(0, 49, 13)
    expected = np.stack([
        [[np.interp(place, np.arange(50), source[:, v, c]) for v in range(25)] for c in range(3)]
    ])[0].transpose(0, 2, 1)  # fmt: skip
    np.testing.assert_allclose(data.clips(np.array([row])).joint[0], expected, atol=1e-5)


def test_changes_come_with_the_frames_and_by_stream(ntu_store):
    data = ResidentData(ntu_store, CPU, DataConfig(frames=20, streams=("joint", "bone", "motion")))
    rows = np.arange(10)
    apart = data.clips(rows, 3, augment=AugmentConfig(scale=0.5, draws="joint-apart"))
    plain = data.clips(rows)
    size = {
        name: apart.streams[name].flatten(1).norm(dim=1)
        / plain.streams[name].flatten(1).norm(dim=1)
        for name in data.streams
    }
    torch.testing.assert_close(size["bone"], size["motion"], rtol=1e-4, atol=1e-4)
    assert (size["joint"] - size["bone"]).abs().max() > 0.1


def test_rows_know_their_clips():
    rows = torch.zeros(3, 3, 2, 25)
    apart = Clips({"joint": rows}, torch.tensor([1, 0, 1]), 2)
    assert apart.clip_of_rows.tolist() == [1, 0, 1]
    shared = Clips({"joint": rows}, torch.tensor([0, 1, 0, 1]), 2, torch.tensor([1, 0, 2, 2]))
    assert shared.clip_of_rows[:2].tolist() == [1, 0]
    assert shared.clip_of_rows[2].item() in (0, 1)
