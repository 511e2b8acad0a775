"""`torchrun -m pspmodel train` as a user types it."""

import json
import os
import re
import subprocess
import sys

import pytest

from pspmodel.train.loop import train
from pspmodel.train.setup import new_run

SMALL = [
    *("--recipe", "tiny", "--device", "cpu"),
    *("--set", "network.dsta.blocks=[[8, 8, 4, 2], [8, 16, 4, 2]]"),
    *("--set", "train.epochs=1", "--set", "train.steps_per_epoch=3", "--set", "train.log_every=1"),
    *("--set", "train.labelled_batch=5", "--set", "train.unlabelled_batch=4"),
]


def torchrun(*arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def losses(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["kind"] == "train"]


def assert_one_error(result, pattern):
    assert result.returncode != 0
    ours = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(ours) == 1, result.stderr
    assert re.search(pattern, ours[0])
    # torchrun writes a report of its own behind it; our processes write no traceback.
    assert "pspmodel/" not in result.stderr.replace(ours[0], "")


def test_one_run_comes_out_with_the_losses_of_one_process(tmp_path, ntu_store_path):
    request = ["--store", ntu_store_path, "--ratio", "0.2", "--out", tmp_path / "both", *SMALL]
    result = torchrun("-m", "pspmodel", "train", *request)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{tmp_path / 'both' / 'report.html'}\n"
    assert result.stderr.count("on 2 processes with cpu: ntu60 xsub") == 1
    assert result.stderr.count("3 of 3 steps") == 1
    assert json.loads((tmp_path / "both" / "report.json").read_text())["finished"]
    run = new_run(
        ntu_store_path, ratio="0.2", recipe="tiny", out=tmp_path / "alone", device="cpu",
        overrides=[text for text in SMALL if "=" in text],
    )  # fmt: skip
    train(run, stop_at=1)
    # Later steps drift apart in float32; test_training compares them in float64.
    assert losses(tmp_path / "both")[0] == pytest.approx(losses(tmp_path / "alone")[0], rel=1e-5)
    assert len(losses(tmp_path / "both")) == 3


def test_what_all_processes_refuse_is_said_once(tmp_path, ntu_store_path):
    result = torchrun(
        *("-m", "pspmodel", "train", "--store", ntu_store_path, "--out", tmp_path / "run"), *SMALL
    )
    assert_one_error(result, "give either --ratio")
    assert not (tmp_path / "run").exists()


def test_one_process_without_memory_ends_all_with_one_line(tmp_path, ntu_store_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os\n"
        "import torch\n"
        "from pspmodel.cli import main\n"
        "from pspmodel.methods.psp import PSP\n"
        "if os.environ['RANK'] == '1':\n"
        "    PSP.losses = lambda *batch: {'classification': torch.empty(2**50)}\n"
        "main()\n"
    )
    result = torchrun(
        program,
        "train",
        "--store",
        ntu_store_path,
        "--ratio",
        "0.2",
        "--out",
        tmp_path / "run",
        *SMALL,
    )
    assert_one_error(result, r"training ran out of memory on cpu .*lower train\.unlabelled_batch")
