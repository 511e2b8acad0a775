import numpy as np
import pytest
import torch

from pspmodel.bench.batches import RandomStore, source
from pspmodel.data.resident import ResidentData
from pspmodel.errors import UsageError
from skeldata import motion


@pytest.mark.parametrize(("share", "alone"), [(0.0, 0), (0.8, 8), (0.84, 8), (1.0, 10)])
def test_random_clips_have_the_share_of_one_person_that_was_asked_for(share, alone):
    store = RandomStore(10, share, seed=1)
    present = store.read_present(slice(None))
    assert (~present[:, 1].any(axis=1)).sum() == alone
    assert present[:, 0].all()
    assert (present.all(axis=2) == present.any(axis=2)).all()
    joint = store.read(slice(None))
    assert joint.shape == (10, 2, 50, 25, 3)
    assert joint.dtype == np.float32
    assert not joint[~present].any()
    moving = np.abs(np.diff(joint[present.all(axis=2)], axis=1)).max(axis=(1, 2, 3))
    assert (moving > 0.001).all()


def test_random_clips_follow_from_the_seed():
    first, same, other = (RandomStore(4, 0.5, seed).read([2]) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.allclose(first, other)


def test_a_step_never_takes_a_clip_twice():
    taken = source(None, 5, 15, 0.8, seed=3)
    rows = np.concatenate((taken.labelled, taken.unlabelled))
    assert sorted(rows) == list(range(20))
    assert (len(taken.labelled), len(taken.unlabelled)) == (5, 15)
    assert taken.absent == pytest.approx(16 / 40)
    assert taken.name == "random clips, 80% of one person"


def test_a_store_is_taken_as_it_is(ntu_store):
    taken = source(ntu_store, 2, 4, 0.8, seed=0)
    assert taken.store is ntu_store
    assert taken.name == ntu_store.path.name
    present = ntu_store.read_present(np.concatenate((taken.labelled, taken.unlabelled)))
    assert taken.absent == pytest.approx(1 - present.any(axis=2).mean())


def test_a_store_smaller_than_a_step_is_refused(ntu_store):
    with pytest.raises(UsageError, match="has 60 clips, a step takes 99; lower"):
        source(ntu_store, 9, 90, 0.8, seed=0)


def test_dense_clips_are_those_of_the_store(ntu_store):
    taken = source(ntu_store, 2, 10, 0.8, seed=0)
    dense = taken.dense(taken.unlabelled, torch.device("cpu"))
    joint = ntu_store.read(taken.unlabelled)  # (N, M, T, V, C)
    assert dense.joint.shape == (10, 3, 50, 25, 2)
    assert np.array_equal(dense.joint.permute(0, 4, 2, 3, 1).numpy(), joint)
    present = ntu_store.read_present(taken.unlabelled)
    expected = np.stack([[motion(*body) for body in zip(*clip, strict=True)]
                         for clip in zip(joint, present, strict=True)])  # fmt: skip
    np.testing.assert_allclose(dense.motion.permute(0, 4, 2, 3, 1).numpy(), expected, atol=1e-6)


def test_our_batches_hold_the_same_numbers(ntu_store):
    taken = source(ntu_store, 2, 10, 0.8, seed=0)
    data = ResidentData(ntu_store, torch.device("cpu"))
    ours = data.clips(taken.unlabelled)
    dense = taken.dense(taken.unlabelled, torch.device("cpu"))
    for name in ("joint", "motion"):
        bodies = getattr(dense, name).permute(0, 4, 1, 2, 3).flatten(0, 1)
        there = dense.joint.permute(0, 4, 1, 2, 3).flatten(0, 1).flatten(1).any(dim=1)
        assert torch.equal(getattr(ours, name), bodies[there])


def test_few_clips_have_absent_and_present_bodies():
    taken = source(None, 4, 20, 0.8, seed=0).few()
    assert (len(taken.labelled), len(taken.unlabelled)) == (1, 3)
    bodies = taken.store.read_present(taken.unlabelled).any(axis=2).sum(axis=1)
    assert bodies.min() == 1
    assert bodies.max() == 2
    assert len(set(taken.unlabelled) | set(taken.labelled)) == 4
