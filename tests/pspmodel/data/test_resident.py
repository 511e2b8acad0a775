import numpy as np
import torch

from pspmodel.data.clips import joined, motion_of
from pspmodel.data.resident import ResidentData
from skeldata import motion
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
