"""Late fusion by hand, and what must not be fused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pspmodel.errors import CheckpointError, DataMismatchError, UsageError
from pspmodel.evaluate.fuse import Member, fuse, fuse_runs, read_members
from pspmodel.evaluate.scores import Scores, save_scores
from support.fake_runs import write_run

NAMES = ["a", "b", "c", "d"]
LABELS = np.array([0, 1, 2, 1])
ONE = np.array([[3, 0, 0], [0, 1, 2], [0, 0, 1], [5, 4, 0]], dtype=np.float32)
TWO = np.array([[0, 1, 0], [0, 3, 0], [4, 0, 0], [0, 2, 0]], dtype=np.float32)
# Sum: 0 right, 1 right, 0 for 2 wrong, 1 right.


def run_with(folder, logits, names=NAMES, labels=LABELS, **named):
    write_run(folder, split_digest=named.pop("split_digest", "b" * 64), **named)
    save_scores(folder / "scores.npz", list(names), Scores(logits, np.asarray(labels)))
    return folder


@pytest.fixture
def pair(tmp_path):
    return [run_with(tmp_path / "one", ONE), run_with(tmp_path / "two", TWO, seed=1)]


def test_sums_by_hand(pair):
    content = fuse_runs(pair)
    assert [run["top1"] for run in content["runs"]] == [0.5, 0.5]
    assert content["top1"] == 0.75
    assert content["top5"] == 1.0
    assert content["clips"] == 4
    assert content["sum_of"] == "logits"
    assert list(content["per_class"].values()) == [1.0, 1.0, 0.0]
    assert [run["seed"] for run in content["runs"]] == [0, 1]
    assert [run["run"] for run in content["runs"]] == ["one", "two"]
    assert json.loads(json.dumps(content)) == content


@pytest.mark.parametrize(
    ("weights", "expected"), [((1, 0), 0.5), ((0, 1), 0.5), ((4, 1), 0.25), ((1, 0.1), 0.5)]
)
def test_weights_by_hand(pair, weights, expected):
    content = fuse_runs(pair, weights)
    assert content["top1"] == expected
    assert [run["weight"] for run in content["runs"]] == list(weights)


def test_probabilities_are_softmaxed_first(pair):
    members = read_members(pair, (2, 1))
    expected = np.zeros((4, 3))
    for row in range(4):
        for weight, logits in ((2, ONE), (1, TWO)):
            total = sum(np.exp(logits[row].astype(float)))
            for label in range(3):
                expected[row, label] += weight * np.exp(float(logits[row, label])) / total
    np.testing.assert_allclose(fuse(members, "probabilities").logits, expected, rtol=1e-6)
    large = [Member(members[0].record, Scores(ONE * 1e4, LABELS), 1.0)] * 2
    assert np.isfinite(fuse(large, "probabilities").logits).all()


@given(st.integers(0, 2**31), st.floats(0.01, 100), st.permutations(range(3)))
def test_scale_of_weights_and_order_of_runs_do_not_matter(seed, scale, order):
    generator = np.random.default_rng(seed)
    members = [
        Member(None, Scores(generator.normal(size=(5, 4)).astype(np.float32), np.zeros(5)), weight)
        for weight in (1.0, 0.5, 2.0)
    ]
    for kind in ("logits", "probabilities"):
        expected = fuse(members, kind).logits
        scaled = [Member(None, member.scores, scale * member.weight) for member in members]
        np.testing.assert_allclose(
            fuse(scaled, kind).logits / scale, expected, rtol=1e-5, atol=1e-6
        )
        shuffled = fuse([members[place] for place in order], kind).logits
        np.testing.assert_allclose(shuffled, expected, rtol=1e-5, atol=1e-6)


def test_clips_are_matched_by_name(tmp_path, pair):
    order = [2, 0, 3, 1]
    other = run_with(
        tmp_path / "three", TWO[order], [NAMES[row] for row in order], LABELS[order], seed=1
    )
    assert fuse_runs([pair[0], other])["top1"] == 0.75


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ({"store_digest": "c" * 64}, f"store digest of .*other is {'c' * 64}, expected {'a' * 64}"),
        ({"split_digest": "c" * 64}, f"split digest of .*other is {'c' * 64}, expected {'b' * 64}"),
        ({"protocol": "xsub", "dataset": "ntu60"}, "dataset of .*other is ntu60, expected nw-ucla"),
        ({"names": ["a", "b", "c", "e"]}, "test set of .* of which d is in one of both alone"),
        ({"labels": [0, 1, 2, 0]}, "label of d of .* is 0, expected 1"),
    ],
)
def test_runs_about_other_data_are_refused_with_both_values(tmp_path, pair, named, text):
    other = run_with(tmp_path / "other", TWO, **named)
    with pytest.raises(DataMismatchError, match=text):
        fuse_runs([pair[0], other])


def test_protocols_must_agree(tmp_path):
    folders = [
        run_with(tmp_path / protocol, ONE, dataset="ntu60", protocol=protocol)
        for protocol in ("xsub", "xview")
    ]
    with pytest.raises(DataMismatchError, match=r"protocol of .*xview is xview, expected xsub"):
        fuse_runs(folders)


def test_wrong_requests(tmp_path, pair):
    with pytest.raises(UsageError, match="two runs or more, not 1"):
        fuse_runs(pair[:1])
    with pytest.raises(UsageError, match="3 weights for 2 runs"):
        fuse_runs(pair, (1, 1, 1))
    for weights in ((0, 0), (-1, 1), (float("nan"), 1)):
        with pytest.raises(UsageError, match="give numbers from 0 up, not all 0"):
            fuse_runs(pair, weights)
    with pytest.raises(CheckpointError, match="no run at"):
        fuse_runs([pair[0], tmp_path])
    for damaged in (b"", b"PK\x03\x04 no zip"):
        (pair[1] / "scores.npz").write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"scores\.npz is damaged"):
            fuse_runs(pair)
    (pair[1] / "scores.npz").unlink()
    with pytest.raises(CheckpointError, match=r"has no scores\.npz yet"):
        fuse_runs(pair)
