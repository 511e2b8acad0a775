"""Ctrl-C as a terminal sends it: to the command and its worker processes at once."""

import os
import signal
import subprocess
import sys
import time

from skeldata import open_store, prepare
from skeldata.synth import write_ntu


def test_ctrl_c_at_any_moment_is_one_line_and_resumable(tmp_path):
    write_ntu(tmp_path / "raw.zip", 150, seed=0, actions=[1, 2, 3])
    undisturbed = prepare("ntu", [tmp_path / "raw.zip"], tmp_path / "whole.zarr", workers=1)
    command = [
        sys.executable,
        "-m",
        "skeldata",
        "prepare",
        "ntu",
        "--raw",
        "raw.zip",
        "--workers",
        "2",
    ]
    codes = []
    for delay in (0.15, 0.5, 0.8, 1.1, 1.4, 1.8):
        process = subprocess.Popen(
            [*command, "--resume"],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        error = process.communicate()[1]
        codes.append(process.returncode)
        # Python itself may be hit before it has started: then it dies of the signal.
        assert process.returncode in (0, 130, -signal.SIGINT), error
        if delay > 0.5:
            assert "Traceback" not in error
    assert 130 in codes
    subprocess.run([*command, "--resume"], cwd=tmp_path, check=True, capture_output=True)
    assert open_store(tmp_path / "ntu.zarr").content_digest == undisturbed.content_digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ntu.zarr", "raw.zip", "whole.zarr"]
