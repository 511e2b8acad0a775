"""Whole runs on two processes against one, in float64."""

import json

import pytest
import torch
from safetensors.torch import load_file

from support import shares

SMALL = (
    "network.dsta.blocks=[[8, 8, 4, 2], [8, 16, 4, 2]]",
    "train.labelled_batch=5",
    "train.unlabelled_batch=7",
    "train.epochs=2",
    "train.steps_per_epoch=4",
    "train.log_every=2",
)
EXACT = {"rtol": 1e-8, "atol": 1e-10}


def tensors(folder):
    return load_file(folder / "checkpoints" / "last" / "tensors.safetensors")


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(folder, other):
    """Weights, optimiser and measurements agree."""
    torch.testing.assert_close(tensors(folder), tensors(other), **EXACT)
    for line, expected in zip(lines(folder), lines(other), strict=True):
        assert line.keys() == expected.keys()
        for key, value in expected.items():
            assert line[key] == (
                pytest.approx(value, rel=1e-9) if key in ("loss", "terms") else value
            )


@pytest.fixture(scope="module")
def alone(tmp_path_factory, ntu_store_path):
    folder = tmp_path_factory.mktemp("run") / "alone"
    (outcome,) = shares.trained(ntu_store_path, folder, SMALL, [None])
    return folder, outcome


def test_two_processes_train_the_run_of_one(tmp_path, ntu_store_path, two, alone):
    folder = tmp_path / "both"
    answers = two.run(shares.trained, ntu_store_path, folder, SMALL, [None])
    assert_same_run(folder, alone[0])
    for (outcome,) in answers:
        assert outcome.finished
        assert outcome.state == alone[1].state
        assert outcome.last == alone[1].last
        assert (outcome.test_scores.labels == alone[1].test_scores.labels).all()
        torch.testing.assert_close(
            torch.from_numpy(outcome.test_scores.logits),
            torch.from_numpy(alone[1].test_scores.logits),
        )
    assert not list((folder / "checkpoints").glob(".*"))


def test_random_changes_and_shared_absent_bodies_do_not_depend_on_the_number_of_processes(
    tmp_path, ntu_store_path, two
):
    change = (*SMALL, "train.epochs=1", "data.absent_bodies=keep", "augment.yaw=30", "augment.noise=0.01")  # fmt: skip
    shares.trained(ntu_store_path, tmp_path / "alone", change, [None])
    two.run(shares.trained, ntu_store_path, tmp_path / "both", change, [None])
    assert_same_run(tmp_path / "both", tmp_path / "alone")


def test_stopped_runs_go_on_with_the_same_bits_and_with_another_number_of_processes(
    tmp_path, ntu_store_path, two, alone
):
    whole, parts, mixed = (tmp_path / name for name in ("whole", "parts", "mixed"))
    two.run(shares.trained, ntu_store_path, whole, SMALL, [None])
    two.run(shares.trained, ntu_store_path, parts, SMALL, [3, 4, None])
    one, other = tensors(whole), tensors(parts)
    assert all(torch.equal(one[name], other[name]) for name in one)
    two.run(shares.trained, ntu_store_path, mixed, SMALL, [3])
    run = shares.double_run(ntu_store_path, mixed, SMALL, resume=True)
    shares.train(run, resume=True)
    torch.testing.assert_close(tensors(mixed), tensors(alone[0]), **EXACT)


@pytest.mark.parametrize("receiver", [0, 1])
def test_a_signal_to_one_process_stops_all_after_the_same_step(
    tmp_path, ntu_store_path, two, alone, receiver
):
    folder = tmp_path / "run"
    messages = two.run(shares.signalled, ntu_store_path, folder, SMALL, 3, receiver)
    assert messages[0] == messages[1]
    assert messages[0].startswith("SIGTERM after step 3; the state is saved in ")
    run = shares.double_run(ntu_store_path, folder, SMALL, resume=True)
    shares.train(run, resume=True)
    torch.testing.assert_close(tensors(folder), tensors(alone[0]), **EXACT)


@pytest.mark.parametrize("where", [0, 1])
def test_a_bad_loss_of_one_process_ends_all_with_the_same_error(
    tmp_path, ntu_store_path, two, where
):
    messages = two.run(shares.spoiled, ntu_store_path, tmp_path / "run", SMALL, where)
    expected = (
        "step 0: loss term 'contrast/part' is nan; lower the learning rate, in a run of its own"
    )
    assert messages == [expected] * 2
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_what_the_first_process_refuses_all_refuse(tmp_path, ntu_store_path, two, alone):
    (first, message), other = two.run(shares.refusal, ntu_store_path, alone[0], SMALL)
    assert (first, message) == other
    assert first == "UsageError"
    assert "holds a run already; add --resume" in message


def test_a_batch_needs_a_clip_for_every_process(tmp_path, ntu_store_path, two):
    few = (*SMALL, "train.unlabelled_batch=1")
    expected = (
        "UsageError",
        "train.unlabelled_batch 1 cannot be divided over 2 processes; use at most 1, or a larger batch",
    )
    assert two.run(shares.refusal, ntu_store_path, tmp_path / "run", few) == [expected] * 2
    assert not (tmp_path / "run").exists()
