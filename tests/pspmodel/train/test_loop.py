import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from pspmodel.errors import (
    InterruptedRunError,
    NonFiniteLossError,
    OutOfMemoryError,
)
from pspmodel.report import summary
from pspmodel.train import loop as looping
from pspmodel.train.batches import Batches
from pspmodel.train.checkpoint import exists, load_facts
from pspmodel.train.loop import train
from pspmodel.train.setup import load_run
from support.small_run import tensors
from support.tiny_runs import SMALL, assert_same, run_at


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("stop", [1, 5, 8])
def test_stopped_and_resumed_has_the_same_bits(tmp_path, ntu_store_path, undisturbed, stop):
    folder = tmp_path / "stopped"
    first = train(run_at(folder, ntu_store_path), stop_at=stop)
    assert not first.finished
    assert first.state.step == first.last.step == stop
    second = train(run_at(folder, ntu_store_path, resume=True), resume=True)
    assert second.finished
    assert_same(folder, undisturbed[0])
    assert second.state == undisturbed[1].state
    assert second.last == undisturbed[1].last


def test_the_optimiser_and_batch_norm_are_in_the_checkpoint(undisturbed):
    kinds = {key.split(".")[0] for key in tensors(undisturbed[0])}
    assert kinds == {"model", "optimizer"}
    assert any(key.endswith("running_var") for key in tensors(undisturbed[0]))
    assert any(key.endswith("momentum_buffer") for key in tensors(undisturbed[0]))


def test_the_run_learns_and_every_measurement_is_kept(undisturbed):
    written = lines(undisturbed[0])
    losses = [line["terms"]["classification"] for line in written if line["kind"] == "train"]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert [line["step"] for line in written if line["kind"] == "evaluation"] == [4, 8, 12]
    rates = [line["lr"] for line in written if line["kind"] == "train"]
    assert rates == pytest.approx([0.05, 0.05, 0.005])


def test_seeds_matter_and_repeat(tmp_path, ntu_store_path, undisturbed):
    train(run_at(tmp_path / "again", ntu_store_path))
    assert_same(tmp_path / "again", undisturbed[0])
    train(run_at(tmp_path / "other", ntu_store_path, seed=1))
    one, other = tensors(tmp_path / "other"), tensors(undisturbed[0])
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_three_accuracies_are_kept_apart(undisturbed, ntu_store_path):
    folder, outcome = undisturbed
    seen = [line for line in lines(folder) if line["kind"] == "evaluation"]
    content = summary(load_run(folder), outcome)
    accuracy = content["accuracy"]
    assert accuracy["last"] == seen[-1]["test"]
    assert accuracy["test_oracle"] == max(line["test"] for line in seen)
    best = max(line["held_out"] for line in seen)
    assert accuracy["held_out_best"] == next(
        line["test"] for line in seen if line["held_out"] == best
    )
    assert (
        content["store_digest"]
        == json.loads((folder / "config.json").read_text())["data"]["store_digest"]
    )
    assert len(content["split_digest"]) == 64


def test_a_non_finite_loss_stops_with_step_and_term_and_keeps_the_checkpoint(
    tmp_path, ntu_store_path
):
    folder = tmp_path / "run"
    train(run_at(folder, ntu_store_path), stop_at=4)
    before = tensors(folder)
    run = run_at(folder, ntu_store_path, resume=True)
    forward = run.method.losses
    calls = iter(range(100))

    def spoiled(*batch):
        terms = dict(forward(*batch))
        if next(calls) == 2:
            terms["contrast/part"] = terms["contrast/part"] * float("nan")
        return terms

    run.method.losses = spoiled
    with pytest.raises(NonFiniteLossError, match="step 6: loss term 'contrast/part' is nan"):
        train(run, resume=True)
    after = tensors(folder)
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("ending", ["an epoch", "a signal", "--steps"])
def test_weights_spoiled_under_a_finite_loss_are_neither_saved_nor_evaluated(
    tmp_path, ntu_store_path, monkeypatch, ending
):
    folder = tmp_path / "run"
    train(run_at(folder, ntu_store_path), stop_at=4)
    before, last = tensors(folder), {"an epoch": 8}.get(ending, 7)
    run = run_at(folder, ntu_store_path, resume=True)
    real = looping.complete
    done = iter(range(5, 100))

    def spoiled(parameters, terms):
        parameters = list(parameters)
        if next(done) == last:
            next(p for p in parameters if p.grad is not None).grad[0] = float("inf")
            if ending == "a signal":
                os.kill(os.getpid(), signal.SIGTERM)
        return real(parameters, terms)

    monkeypatch.setattr(looping, "complete", spoiled)
    monkeypatch.setattr(looping, "_evaluate", lambda *a: pytest.fail("evaluated"))
    with pytest.raises(
        NonFiniteLossError,
        match=rf"^step {last - 1}: weights are nan or infinite; lower the learning rate",
    ):
        train(run, resume=True, stop_at=last if ending == "--steps" else None)
    after = tensors(folder)
    assert load_facts(folder / "checkpoints" / "last")["step"] == 4
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_running_out_of_memory_says_what_to_lower_and_keeps_the_checkpoint(
    tmp_path, ntu_store_path
):
    folder = tmp_path / "run"
    train(run_at(folder, ntu_store_path), stop_at=4)
    before = tensors(folder)
    run = run_at(folder, ntu_store_path, resume=True)
    run.method.losses = lambda *batch: {"classification": torch.empty(2**50)}
    with pytest.raises(
        OutOfMemoryError,
        match=r"training ran out of memory on cpu .*; lower train\.unlabelled_batch \(now 6\) or "
        r"train\.labelled_batch \(now 6\), or set train\.precision=bf16",
    ):
        train(run, resume=True)
    after = tensors(folder)
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_augmentation_reaches_training_and_resumes_with_the_same_bits(
    tmp_path, ntu_store_path, undisturbed
):
    change = ("augment.yaw=30", "augment.noise=0.01")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(run_at(whole, ntu_store_path, *change))
    train(run_at(parts, ntu_store_path, *change), stop_at=5)
    train(run_at(parts, ntu_store_path, *change, resume=True), resume=True)
    assert_same(whole, parts)
    one, other = tensors(whole), tensors(undisturbed[0])
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_every_checkpoint_says_what_it_was_trained_on(undisturbed):
    folder = undisturbed[0]
    data = json.loads((folder / "config.json").read_text())["data"]
    for name in ("last", "held_out_best"):
        facts = load_facts(folder / "checkpoints" / name)
        assert facts["store_digest"] == data["store_digest"]
        assert facts["split_digest"] == data["split"]["digest"]
        assert facts["step"] in (4, 8, 12)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_run_can_go_on(tmp_path, ntu_store_path, undisturbed, number):
    folder = tmp_path / "run"

    def advanced(step, status):
        if step == 6:
            os.kill(os.getpid(), number)

    with pytest.raises(InterruptedRunError, match=f"{number.name} after step [67]; .* --resume"):
        train(run_at(folder, ntu_store_path), advanced=advanced)
    train(run_at(folder, ntu_store_path, resume=True), resume=True)
    assert_same(folder, undisturbed[0])


def test_killed_at_any_moment_and_resumed_has_the_same_bits(tmp_path, ntu_store_path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "import torch\n"
        "torch.set_num_threads(1)\n"
        "from pspmodel.train.loop import train\n"
        "from pspmodel.train.setup import new_run\n"
        "store, out, *overrides = sys.argv[1:]\n"
        "run = new_run(Path(store), ratio='0.2', recipe='tiny', overrides=overrides, out=Path(out), resume=True)\n"
        "train(run, resume=True, advanced=lambda step, status: print(step, flush=True))\n"
    )

    def command(folder):
        return [sys.executable, "-c", program, str(ntu_store_path), str(folder), *SMALL]

    process = subprocess.Popen(command(tmp_path / "killed"), stdout=subprocess.PIPE, text=True)
    while int(process.stdout.readline()) < 7:
        pass
    process.kill()
    process.wait()
    for folder in ("killed", "whole"):
        subprocess.run(command(tmp_path / folder), check=True, stdout=subprocess.DEVNULL)
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_a_best_checkpoint_beyond_the_last_one_is_dropped(tmp_path, ntu_store_path):
    """What a crash between the two leaves: the weights of a step that is to be done again."""
    folder = tmp_path / "run"
    best, last = folder / "checkpoints" / "held_out_best", folder / "checkpoints" / "last"
    train(run_at(folder, ntu_store_path), stop_at=4)
    train(run_at(folder, ntu_store_path, resume=True), resume=True, stop_at=4)
    assert load_facts(best)["step"] == 4
    facts = load_facts(best)
    (best / "checkpoint.json").write_text(json.dumps(facts | {"step": 8}))
    train(run_at(folder, ntu_store_path, resume=True), resume=True, stop_at=5)
    assert load_facts(last)["step"] == 5
    assert not exists(best)


def test_absent_bodies_can_be_kept(tmp_path, ntu_store_path):
    run = run_at(tmp_path / "kept", ntu_store_path, "data.absent_bodies=keep")
    assert train(run, stop_at=1).state.step == 1
    assert len(run.data.clips(run.selection.labelled[:3]).clip_index) == 6


def test_bf16_trains_with_finite_fp32_losses(tmp_path, ntu_store_path):
    outcome = train(run_at(tmp_path / "half", ntu_store_path, "train.precision=bf16"), stop_at=4)
    assert outcome.state.step == 4
    assert all(line["loss"] < 20 for line in lines(tmp_path / "half") if line["kind"] == "train")
    assert all(t.dtype != torch.bfloat16 for t in tensors(tmp_path / "half").values())


def test_supervised_training_needs_no_unlabelled_clips(tmp_path, ntu_store_path):
    train(run_at(tmp_path / "sup", ntu_store_path, "train.unlabelled_batch=0"), stop_at=4)
    terms = [line["terms"] for line in lines(tmp_path / "sup") if line["kind"] == "train"]
    assert set(terms[0]) == {"classification"}


def test_bf16_leaves_the_clips_themselves_alone(tmp_path, ntu_store_path):
    change = ("train.precision=bf16", "augment.yaw=30", "augment.scale=0.2")
    run = run_at(tmp_path / "half", ntu_store_path, *change)
    forward, seen = run.method.losses, []

    def watched(step):
        seen.append(step)
        return forward(step)

    run.method.losses = watched
    train(run, stop_at=1)
    expected = Batches(run, run.stages[0]).at(0, None)
    for mine, theirs in ((seen[0].labelled, expected.labelled),
                         (seen[0].unlabelled[0], expected.unlabelled[0])):  # fmt: skip
        assert torch.equal(mine.joint, theirs.joint)
        assert torch.equal(mine.motion, theirs.motion)
