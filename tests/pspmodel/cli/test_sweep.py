import json
import re

from pspmodel.cli.sweep import sweep
from support.command_line import assert_one_error
from support.command_line import run as run_command
from support.small_run import SMALL

SETTINGS = [part for text in SMALL for part in ("--set", text)]


def run(store, *arguments):
    words = ["--store", store, "--ratios", "20%", "--device", "cpu", *SETTINGS, *arguments]
    if "--recipe" not in arguments:
        words += ["--recipe", "tiny"]
    return run_command(sweep, *words)


def test_a_sweep_prints_means_and_is_repeated_for_nothing(tmp_path, ntu_store_path):
    out = tmp_path / "out"
    arguments = ["--split-seeds", "0,1", "--out", out]
    result = run(ntu_store_path, *arguments)
    assert result.exit_code == 0, result.output
    assert "2 runs in" in result.stderr
    assert result.stderr.count("note: 1 labelled clip a class: 4 of ") == 1
    assert "not the 20 % asked for\n" in result.stderr
    assert "[2/2] ntu60-xsub-tiny-0.2-split1-seed0: last step" in result.stderr
    head, line = result.stdout.splitlines()
    assert head.startswith("setting  labels  runs  last step")
    assert re.match(r"tiny +20 % +2 +[\d.]+ ± [\d.]+ \(n = 2\)", line)
    assert "sample standard deviation over n label draws" in result.stderr
    again = run(ntu_store_path, *arguments, "--json")
    assert "2 of 2 runs are finished already" in again.stderr
    assert json.loads(again.stdout) == json.loads((out / "sweep.json").read_text())


def test_the_exit_code_tells_of_failed_runs(tmp_path, ntu_store_path):
    blocked = tmp_path / "ntu60-xsub-tiny-0.2-split0-seed0"
    blocked.mkdir()
    (blocked / "file").write_text("x")
    result = run(ntu_store_path, "--split-seeds", "0-1", "--out", tmp_path)
    assert result.exit_code == 3, result.output
    assert f"[1/2] {blocked.name}: failed: " in result.stderr
    assert "1 run of 2 failed; sweep.csv says why" in result.stderr
    assert re.search(r"^tiny +20 % +1 ", result.stdout, re.MULTILINE)


def test_wrong_requests_run_nothing(tmp_path, ntu_store_path):
    out = tmp_path / "out"
    cases = [
        (["--split-seeds", "4-0"], "runs backwards"),
        (["--seeds", "x"], "'x' is not a seed"),
        (["--recipe", "tiny,tinny"], "did you mean 'tiny'"),
        (["--set", "optim.l=1"], "unknown key 'optim.l'"),
        (["--protocol", "xset"], "no protocol 'xset'"),
    ]
    for arguments, expected in cases:
        result = run(ntu_store_path, "--out", out, *arguments)
        assert_one_error(result, 2, expected)
    assert not out.exists()
    assert_one_error(run(tmp_path / "none.zarr", "--out", out), 4, "no store at")
