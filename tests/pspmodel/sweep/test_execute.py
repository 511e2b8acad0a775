import csv
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure
from safetensors.torch import load_file

from pspmodel import figures
from pspmodel.errors import InterruptedRunError, UsageError
from pspmodel.sweep import execute as executing
from pspmodel.sweep import plan_sweep, processes, run_sweep, table_text
from pspmodel.sweep.processes import command, environment
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run
from support.small_run import SMALL, trained_run


def plan(store, out, *more, **options):
    chosen = {"recipes": ["tiny"], "ratios": ["0.2"], "split_seeds": (0, 1), **options}
    return plan_sweep(store, overrides=(*SMALL, *more), device="cpu", out=out, **chosen)


def tensors(folder):
    return load_file(folder / "checkpoints" / "last" / "tensors.safetensors")


def assert_same(one, other):
    a, b = tensors(one), tensors(other)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


def rows_of(out):
    return {row["run"]: row for row in json.loads((out / "sweep.json").read_text())["runs"]}


@pytest.fixture(scope="module", autouse=True)
def _no_pictures():
    """Reports without the drawing, which takes longer than these runs."""
    blank = figures.png(Figure(figsize=(0.1, 0.1)))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("loss_curve", "confusion_matrix", "skeleton_strip"):
            patch.setattr(figures, name, lambda *a, **k: None)
        patch.setattr(figures, "png", lambda figure: blank)
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory, ntu_store_path):
    """A finished sweep of two label draws, and what it said."""
    out = tmp_path_factory.mktemp("sweeps") / "done"
    sweep, said = plan(ntu_store_path, out), []
    assert run_sweep(sweep, say=said.append) == {}
    return sweep, said


def test_runs_of_a_sweep_are_ordinary_runs(tmp_path, ntu_store_path, done):
    sweep, said = done
    alone = trained_run(tmp_path / "alone", ntu_store_path, split_seed=1, seed=0)
    assert_same(sweep.folder(sweep.runs[1]), alone)
    report = json.loads((sweep.folder(sweep.runs[1]) / "report.json").read_text())
    assert report["accuracy"] == json.loads((alone / "report.json").read_text())["accuracy"]
    assert [line.split(":")[0] for line in said] == [
        f"[{n}/2] {run.name}" for n, run in enumerate(sweep.runs, 1)
    ]


def test_one_row_a_run_in_both_tables_and_means_over_draws(done):
    sweep, _ = done
    content = json.loads((sweep.out / "sweep.json").read_text())
    rows = list(csv.DictReader((sweep.out / "sweep.csv").read_text().splitlines()))
    assert [row["run"] for row in rows] == [r["run"] for r in content["runs"]] == [
        run.name for run in sweep.runs
    ]  # fmt: skip
    assert [row["status"] for row in rows] == ["finished"] * 2
    values = []
    for row, run in zip(rows, sweep.runs, strict=True):
        report = json.loads((sweep.folder(run) / "report.json").read_text())
        assert float(row["last"]) == report["accuracy"]["last"]
        assert row["split_digest"] == report["split_digest"]
        assert int(row["split_seed"]) == run.split_seed
        values.append(report["accuracy"]["test_oracle"])
    (mean,) = content["means"]
    assert (mean["split_rule"], mean["ratio"], mean["split_seeds"]) == ("assl", "0.2", ["0", "1"])
    assert mean["test_oracle"]["mean"] == pytest.approx(sum(values) / 2)
    assert mean["test_oracle"]["sd"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    lines = table_text(sweep.out).splitlines()
    assert lines[0].split() == [
        "setting",
        "labels",
        "runs",
        "last",
        "step",
        "best",
        "on",
        "held-out",
        "best",
        "on",
        "test",
        "(oracle)",
    ]
    assert f"{100 * sum(values) / 2:.1f} ± " in lines[1]
    assert "(n = 2)" in lines[1]


def test_the_same_command_again_runs_nothing(ntu_store_path, done, monkeypatch):
    sweep, _ = done
    monkeypatch.setattr(executing, "train", lambda *a, **k: pytest.fail("trained again"))
    said = []
    assert run_sweep(plan(ntu_store_path, sweep.out), say=said.append) == {}
    assert said == ["2 of 2 runs are finished already"]


def test_an_unfinished_run_is_resumed(tmp_path, ntu_store_path, done):
    sweep = plan(ntu_store_path, tmp_path)
    run = new_run(
        ntu_store_path, ratio="0.2", recipe="tiny", overrides=SMALL, device="cpu", seed=0,
        out=sweep.folder(sweep.runs[0]),
    )  # fmt: skip
    train(run, stop_at=4)
    said = []
    run_sweep(sweep, say=said.append)
    assert len(said) == 2
    for mine, undisturbed in zip(sweep.runs, done[0].runs, strict=True):
        assert_same(sweep.folder(mine), done[0].folder(undisturbed))


def test_a_run_that_fails_costs_no_other_run(tmp_path, ntu_store_path):
    wild = tmp_path / "wild.toml"
    wild.write_text('extends = "tiny"\n[optim]\nlr = 1e30\n')
    out = tmp_path / "out"
    sweep = plan(ntu_store_path, out, recipes=[str(wild), "tiny"], split_seeds=(0,))
    said = []
    failures = run_sweep(sweep, say=said.append)
    assert list(failures) == [sweep.runs[0].name]
    assert "is nan; lower the learning rate" in failures[sweep.runs[0].name]
    rows = rows_of(out)
    assert rows[sweep.runs[0].name]["status"] == "failed"
    assert rows[sweep.runs[0].name]["error"] == failures[sweep.runs[0].name]
    assert rows[sweep.runs[1].name]["status"] == "finished"
    assert "failed: " in said[0]


def test_a_fault_in_the_code_is_a_failure_with_its_trace(tmp_path, ntu_store_path, monkeypatch):
    sweep = plan(ntu_store_path, tmp_path)
    real = executing.train

    def broken(run, **options):
        if run.selection.split.seed == 0:
            raise ZeroDivisionError("of all\nthings")
        return real(run, **options)

    monkeypatch.setattr(executing, "train", broken)
    failures = run_sweep(sweep)
    (message,) = failures.values()
    assert message.startswith("ZeroDivisionError: of all things; see ")
    log = (tmp_path / "logs" / f"{sweep.runs[0].name}.log").read_text()
    assert "Traceback" in log
    assert rows_of(tmp_path)[sweep.runs[1].name]["status"] == "finished"
    monkeypatch.setattr(executing, "train", real)
    assert run_sweep(sweep) == {}
    assert {row["status"] for row in rows_of(tmp_path).values()} == {"finished"}


def test_a_folder_of_other_settings_is_not_touched(tmp_path, ntu_store_path):
    first = plan(ntu_store_path, tmp_path, split_seeds=(0,))
    run_sweep(first)
    before = tensors(first.folder(first.runs[0]))
    other = plan(ntu_store_path, tmp_path, "optim.lr=0.5", split_seeds=(0,))
    failures = run_sweep(other)
    assert "config.optim.lr of this command is 0.5, expected 0.05" in failures[other.runs[0].name]
    after = tensors(first.folder(first.runs[0]))
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert rows_of(tmp_path)[first.runs[0].name]["status"] == "failed"
    run_sweep(first)
    assert rows_of(tmp_path)[first.runs[0].name]["status"] == "finished"


def test_other_runs_in_the_folder_stay_in_the_table(tmp_path, ntu_store_path):
    run_sweep(plan(ntu_store_path, tmp_path, split_seeds=(0,)))
    sweep = plan(ntu_store_path, tmp_path, split_seeds=(1,))
    run_sweep(sweep)
    rows = rows_of(tmp_path)
    assert {row["split_seed"] for row in rows.values()} == {0, 1}
    assert {row["status"] for row in rows.values()} == {"finished"}
    assert "(n = 2)" in table_text(tmp_path)


def test_a_signal_ends_the_sweep_and_the_same_command_goes_on(
    tmp_path, ntu_store_path, done, monkeypatch
):
    sweep = plan(ntu_store_path, tmp_path)
    real = executing.train

    def shot(run, **options):
        def advanced(step, status):
            if step == 4 and run.selection.split.seed == 1:
                os.kill(os.getpid(), signal.SIGINT)

        return real(run, **{**options, "advanced": advanced})

    monkeypatch.setattr(executing, "train", shot)
    with pytest.raises(InterruptedRunError, match=r"SIGINT: 1 of 2 runs are done; repeat"):
        run_sweep(sweep)
    statuses = [rows_of(tmp_path)[run.name]["status"] for run in sweep.runs]
    assert statuses == ["finished", "unfinished"]
    monkeypatch.setattr(executing, "train", real)
    assert run_sweep(sweep) == {}
    assert_same(sweep.folder(sweep.runs[1]), done[0].folder(done[0].runs[1]))


def test_a_signal_between_steps_of_training_is_not_lost(tmp_path, ntu_store_path, monkeypatch):
    real = executing.new_run

    def loading(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*arguments, **options)

    monkeypatch.setattr(executing, "new_run", loading)
    monkeypatch.setattr(executing, "train", lambda *a, **k: pytest.fail("trained all the same"))
    with pytest.raises(InterruptedRunError, match="SIGTERM: 0 of 2 runs are done"):
        run_sweep(plan(ntu_store_path, tmp_path))


def test_one_sweep_at_a_time(tmp_path, ntu_store_path):
    sweep = plan(ntu_store_path, tmp_path)
    with open(tmp_path / ".sweep.lock", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another sweep, or a run it left behind, is writing"):
            run_sweep(sweep)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"):
        run_sweep(plan(ntu_store_path, tmp_path / "file"))


def test_processes_give_the_same_runs_and_record_failures(tmp_path, ntu_store_path, done):
    sweep = plan(ntu_store_path, tmp_path, split_seeds=(0, 1, 2))
    blocked = sweep.folder(sweep.runs[2])
    blocked.mkdir()
    (blocked / "file").write_text("x")
    failures = run_sweep(sweep, jobs=2)
    assert list(failures) == [sweep.runs[2].name]
    assert "is not empty and holds no run" in failures[sweep.runs[2].name]
    for mine, other in zip(sweep.runs[:2], done[0].runs, strict=True):
        assert_same(sweep.folder(mine), done[0].folder(other))
    rows = rows_of(tmp_path)
    assert [rows[run.name]["status"] for run in sweep.runs] == ["finished", "finished", "failed"]


def test_an_error_of_an_earlier_attempt_is_not_told_again(tmp_path, ntu_store_path, monkeypatch):
    sweep = plan(ntu_store_path, tmp_path, split_seeds=(0,))
    (run,) = sweep.runs
    tmp_path.joinpath("logs").mkdir()
    log = tmp_path / "logs" / f"{run.name}.log"
    log.write_text("error: the disk is full, months ago\n")

    def commands(program):
        monkeypatch.setattr(processes, "command", lambda *a: [sys.executable, "-c", program])

    commands("import os; print('step 3', flush=True); os.kill(os.getpid(), 9)")
    assert run_sweep(sweep, jobs=2) == {run.name: f"ended by signal 9: step 3; see {log}"}
    commands("import os; os.kill(os.getpid(), 9)")
    assert run_sweep(sweep, jobs=2) == {run.name: f"ended by signal 9; see {log}"}
    commands("import sys; print('error: of today'); sys.exit(4)")
    assert run_sweep(sweep, jobs=2) == {run.name: "of today"}
    assert log.read_text().startswith("error: the disk is full")


@pytest.fixture
def endless(tmp_path, ntu_store_path):
    """Start a sweep of two processes that never end by themselves; returns it once they train."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pspmodel.sweep import plan_sweep, run_sweep\n"
        "store, out, *overrides = sys.argv[1:]\n"
        "sweep = plan_sweep(Path(store), recipes=['tiny'], ratios=['0.2'], split_seeds=(0, 1),\n"
        "                   overrides=overrides, device='cpu', out=Path(out))\n"
        "run_sweep(sweep, jobs=2)\n"
    )
    overrides = [*SMALL, "train.epochs=100000", "train.checkpoint_every=100000"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(ntu_store_path), str(tmp_path), *overrides],
        stderr=subprocess.PIPE,
        text=True,
    )
    while len([f for f in tmp_path.glob("*/metrics.jsonl") if f.stat().st_size]) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    yield process
    process.kill()
    for pid in runs_below(tmp_path):
        os.kill(pid, signal.SIGKILL)


def runs_below(folder):
    """Process ids of runs that write below a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if b"pspmodel" in words and any(w.startswith(f"{folder}/".encode()) for w in words):
            found.append(int(entry.name))
    return found


def lock_is_free(folder):
    with open(folder / ".sweep.lock", "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_signal_reaches_the_processes_and_their_state_is_saved(tmp_path, endless):
    endless.terminate()
    _, errors = endless.communicate()
    assert "InterruptedRunError: SIGTERM: 0 of 2 runs are done; repeat the command" in errors
    assert len(list(tmp_path.glob("*/checkpoints/last/checkpoint.json"))) == 2
    assert [row["status"] for row in rows_of(tmp_path).values()] == ["unfinished"] * 2
    assert lock_is_free(tmp_path)


def test_runs_that_outlive_their_sweep_keep_others_out(tmp_path, ntu_store_path, endless):
    endless.kill()
    endless.communicate()
    with pytest.raises(UsageError, match="another sweep, or a run it left behind, is writing"):
        run_sweep(plan(ntu_store_path, tmp_path))
    left = runs_below(tmp_path)
    assert len(left) == 2
    for pid in left:
        os.kill(pid, signal.SIGTERM)
    while not lock_is_free(tmp_path):
        time.sleep(0.05)
    assert len(list(tmp_path.glob("*/checkpoints/last/checkpoint.json"))) == 2


def test_gpus_are_dealt_out_in_turn(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    given = [environment("auto", slot, 5)["CUDA_VISIBLE_DEVICES"] for slot in range(5)]
    assert given == ["0", "1", "2", "0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6,7")
    assert environment("cuda", 1, 2)["CUDA_VISIBLE_DEVICES"] == "6"
    assert environment("cpu", 1, 2)["CUDA_VISIBLE_DEVICES"] == "4,6,7"
    assert environment("cpu", 0, 2)["OMP_NUM_THREADS"] == str(max(1, (os.cpu_count() or 1) // 2))
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert environment("cpu", 0, 2)["OMP_NUM_THREADS"] == "5"


def test_the_command_of_a_process_is_the_planned_run(ntu_store_path, tmp_path):
    from pspmodel.cli import main

    sweep = plan(ntu_store_path, tmp_path, split_seeds=(3,), seeds=(2,))
    words = command(sweep, sweep.runs[0])
    parsed = main.commands["train"].make_context("train", words[4:]).params
    assert parsed["store"] == ntu_store_path
    assert (parsed["ratio"], parsed["split_seed"], parsed["seed"]) == ("0.2", 3, 2)
    assert parsed["overrides"] == SMALL
    assert parsed["out"] == sweep.folder(sweep.runs[0])
    assert parsed["resume"]
