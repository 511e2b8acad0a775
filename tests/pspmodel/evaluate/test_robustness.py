"""Lost joints: which clips lose which, what is left of the streams, and what is counted."""

import statistics

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pspmodel.config import DataConfig
from pspmodel.data.clips import Clips, stream_of
from pspmodel.data.resident import ResidentData
from pspmodel.errors import DataMismatchError, UsageError
from pspmodel.evaluate.robustness import (
    Accuracy,
    accuracy_without,
    losing_order,
    robustness,
    without_joints,
)
from pspmodel.evaluate.scores import score
from pspmodel.methods.base import DataFacts, Method
from pspmodel.train import checkpoint
from pspmodel.train.setup import load_run
from skeldata import KINECT20, KINECT25
from support.small_run import trained_run

STREAMS = ("joint", "bone", "motion", "bone_motion")
layouts = pytest.mark.parametrize("layout", [KINECT20, KINECT25], ids=lambda layout: layout.name)


class Counting(Method):
    """Predicts class 0 for clips that lack fewer joints than ``bound``, else class 1."""

    def __init__(self, bound):
        super().__init__(DataFacts("ntu60", KINECT25, 60, 2, 50), None, None)
        self.bound = bound
        self.seen = []

    def losses(self, step):
        raise AssertionError("evaluation needs no losses")

    def predict_streams(self, clips):
        lost = (clips.joint == 0).flatten(1, 2).all(dim=1)
        first = torch.searchsorted(clips.clip_index, torch.arange(clips.count))
        self.seen.append(lost[first])
        right = (lost[first].sum(1) < self.bound).float()
        return {"joint": torch.stack([right, 1 - right], dim=1)}

    def embed(self, clips):
        raise AssertionError


@given(st.integers(1, 40), st.sampled_from([20, 25]), st.integers(0, 2**31), st.integers(0, 9))
def test_orders_are_permutations_that_repeat(clips, joints, seed, draw):
    order = losing_order(clips, joints, seed, draw)
    np.testing.assert_array_equal(np.sort(order, axis=1), np.tile(np.arange(joints), (clips, 1)))
    np.testing.assert_array_equal(order, losing_order(clips, joints, seed, draw))


def test_clips_draws_and_seeds_lose_joints_of_their_own_and_all_joints_alike():
    orders = [losing_order(2000, 25, seed, draw) for seed in range(2) for draw in range(2)]
    for one in range(4):
        assert len({tuple(row) for row in orders[one]}) == 2000
        for other in range(one):
            assert not np.array_equal(orders[one], orders[other])
    lost = np.bincount(np.concatenate([order[:, :5].ravel() for order in orders]), minlength=25)
    # 8,000 clips lose 5 of 25: each joint 1,600 times, give or take five standard deviations.
    assert np.abs(lost - 1600).max() < 5 * np.sqrt(8000 * 0.2 * 0.8)


def clips_of(layout, keep=False):
    joint = torch.randn(3, 6, layout.joint_count, 3)
    present = torch.ones(3, 6, dtype=torch.bool)
    parents = torch.from_numpy(layout.parents)
    streams = {name: stream_of(name, joint, present, parents, 1.0) for name in STREAMS}
    if not keep:
        return joint, Clips(streams, torch.tensor([0, 0, 2]), 3)
    streams = {name: torch.cat((s, torch.zeros_like(s[:1]))) for name, s in streams.items()}
    rows = torch.tensor([0, 1, 3, 3, 2, 3])
    return joint, Clips(streams, torch.arange(3).repeat_interleave(2), 3, rows, torch.ones(4))


@layouts
@pytest.mark.parametrize("keep", [False, True], ids=["drop", "keep"])
def test_a_lost_joint_takes_its_motion_and_its_bones_with_it(layout, keep):
    joint, clips = clips_of(layout, keep=keep)
    hidden = torch.zeros(3, layout.joint_count, dtype=torch.bool)
    hidden[0, [3, layout.centre]] = True
    hidden[1] = True
    hidden[2, 7] = True
    found = without_joints(clips, hidden, layout)
    assert [found.count, found.person_index, found.weights] == [
        clips.count, clips.person_index, clips.weights,
    ]  # fmt: skip
    for row, clip in enumerate((0, 0, 2)):
        for name, stream in found.streams.items():
            for v in range(layout.joint_count):
                ends = {v, int(layout.parents[v])} if name.startswith("bone") else {v}
                if any(hidden[clip, end] for end in ends):
                    assert not stream[row, :, :, v].any(), (name, v)
                else:
                    assert torch.equal(stream[row, :, :, v], clips.streams[name][row, :, :, v])
    assert all(not stream[3:].any() for stream in found.streams.values())
    parents = torch.from_numpy(layout.parents)
    masked = joint.masked_fill(hidden[torch.tensor([0, 0, 2])][:, None, :, None], 0.0)
    again = stream_of("motion", masked, torch.ones(3, 6, dtype=torch.bool), parents, 1.0)
    torch.testing.assert_close(found.motion[:3], again)


def test_nothing_hidden_changes_nothing():
    _, clips = clips_of(KINECT20)
    found = without_joints(clips, torch.zeros(3, 20, dtype=torch.bool), KINECT20)
    for name, stream in found.streams.items():
        assert torch.equal(stream, clips.streams[name])


@pytest.fixture(scope="module")
def data(ntu_store):
    return ResidentData(ntu_store, torch.device("cpu"), DataConfig())


ROWS = np.arange(0, 60, 4)


def test_every_clip_loses_what_was_asked_whatever_the_batch(data, ntu_store):
    for batch in (4, 256):
        method = Counting(3)
        found = accuracy_without(
            method, data, ROWS, KINECT25, [0, 2, 5], draws=3, seed=7, batch=batch
        )
        assert [each.lost for each in found] == [0, 2, 5]
        assert [len(each.top1) for each in found] == [1, 3, 3]
        passes = torch.cat(method.seen).split(len(ROWS))
        assert len(passes) == 1 + 3 + 3
        for number, hidden in zip([0, 2, 2, 2, 5, 5, 5], passes, strict=True):
            assert (hidden.sum(1) == number).all()
        for draw in range(3):
            order = losing_order(len(ROWS), 25, 7, draw)
            for row in range(len(ROWS)):
                assert set(passes[1 + draw][row].nonzero().flatten().tolist()) == set(
                    order[row, :2].tolist()
                )
            assert (passes[1 + draw] <= passes[4 + draw]).all()
    share = float((ntu_store.labels[ROWS] == 0).mean())
    assert found[0].top1 == found[1].top1[:1] == (share,)
    wrong = float((ntu_store.labels[ROWS] == 1).mean())
    assert found[2].top1 == (wrong,) * 3


def test_mean_and_deviation_are_over_draws():
    row = Accuracy(3, (0.5, 0.6, 0.8), (0.9, 0.9, 0.9)).row()
    assert row["lost"] == 3
    assert row["draws"] == 3
    assert row["top1"]["mean"] == pytest.approx(statistics.fmean((0.5, 0.6, 0.8)))
    assert row["top1"]["sd"] == pytest.approx(statistics.stdev((0.5, 0.6, 0.8)))
    assert row["top5"]["sd"] == 0
    assert Accuracy(0, (0.5,), (0.9,)).row()["top1"] == {"mean": 0.5, "sd": None, "of_draws": [0.5]}


@pytest.fixture(scope="module")
def folders(tmp_path_factory, ntu_store_path):
    folder = tmp_path_factory.mktemp("runs")
    return [
        trained_run(folder / f"run{seed}", ntu_store_path, seed=seed, protocol="xview")
        for seed in (0, 1)
    ]


def test_runs_lie_beside_each_other(folders, ntu_store):
    passes = []
    content = robustness(folders, [0, 5], draws=2, device="cpu", advanced=passes.append)
    assert passes == [1, 2, 3, 4, 5, 6]
    assert [run["run"] for run in content["runs"]] == ["run0", "run1"]
    assert content["clips"] == int((~ntu_store.train_mask("xview")).sum())
    assert content["joints"] == 25
    for folder, row in zip(folders, content["runs"], strict=True):
        run = load_run(folder, device="cpu")
        checkpoint.load_predicting(folder / "checkpoints" / "last", run.method)
        whole = score(run.method, run.data, run.selection.test)
        assert row["accuracy"][0]["top1"]["mean"] == whole.top(1)
        assert [each["lost"] for each in row["accuracy"]] == [0, 5]
        assert row["accuracy"][1]["draws"] == 2
    again = robustness(folders[1:], [5], draws=2, device="cpu", batch=3)
    assert again["runs"][0]["accuracy"][0] == content["runs"][1]["accuracy"][1]


def test_runs_with_other_test_clips_are_refused(tmp_path, folders, ntu_store_path):
    other = trained_run(tmp_path / "xsub", ntu_store_path, protocol="xsub")
    with pytest.raises(DataMismatchError, match=r"protocol of .*xsub is xsub, expected xview"):
        robustness([folders[0], other], [0], device="cpu")


def test_numbers_that_cannot_be(data):
    with pytest.raises(UsageError, match=r"cannot lose 25 of 25 joints; give numbers from 0 to 24"):
        accuracy_without(Counting(1), data, ROWS, KINECT25, [0, 25])
    with pytest.raises(UsageError, match="cannot lose no number"):
        accuracy_without(Counting(1), data, ROWS, KINECT25, [])
    with pytest.raises(UsageError, match="0 draws"):
        accuracy_without(Counting(1), data, ROWS, KINECT25, [1], draws=0)
    with pytest.raises(UsageError, match="give the runs"):
        robustness([], [0])
