"""Several runs of a sweep at a time, each a `pspmodel train` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from pspmodel.sweep.plan import Planned, Sweep
from pspmodel.train.interrupt import StopSignal

_LOGS = "logs"
_SECONDS_BETWEEN_LOOKS = 0.2
_INTERRUPTED = 130


class _Running(NamedTuple):
    """A run in its process; its log, which earlier attempts may have begun, is its own from a byte on."""

    planned: Planned
    process: subprocess.Popen[bytes]
    log_from: int


def run_in_processes(
    sweep: Sweep, waiting: Sequence[Planned], jobs: int, stop: StopSignal, lock: int
) -> Iterator[tuple[Planned, str | None]]:
    """Run up to ``jobs`` runs at a time; yields each that ended by itself, with its failure.

    On a signal the runs are asked once to save their state, and waited for. They are given sessions
    of their own, because a second Ctrl-C from the terminal would make them drop it.

    Args:
        sweep: what they belong to.
        waiting: in order.
        jobs: at least 1; GPUs are dealt out in turn.
        stop: of this process.
        lock: handle that the processes hold open as long as they live.
    """
    queue = list(reversed(waiting))
    running: dict[int, _Running] = {}
    asked = False
    try:
        while (queue and not stop.received) or running:
            for slot in set(range(jobs)) - running.keys():
                if queue and not stop.received:
                    planned = queue.pop()
                    running[slot] = _start(sweep, planned, slot, jobs, lock)
            if stop.received and not asked:
                asked = True
                for each in running.values():
                    each.process.terminate()
            for slot, each in list(running.items()):
                code = each.process.poll()
                if code is not None:
                    del running[slot]
                    if code != _INTERRUPTED or not stop.received:
                        yield each.planned, _failure(sweep, each, code)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        for each in running.values():
            each.process.kill()


def log_path(sweep: Sweep, planned: Planned) -> Path:
    """Where a run's messages go; the folder is made."""
    folder = sweep.out / _LOGS
    folder.mkdir(exist_ok=True)
    return folder / f"{planned.name}.log"


def command(sweep: Sweep, planned: Planned) -> list[str]:
    """The command line of one run."""
    overrides = [part for text in sweep.overrides for part in ("--set", text)]
    return [
        sys.executable, "-m", "pspmodel", "train", "--store", str(sweep.store),
        "--ratio", planned.ratio, "--protocol", sweep.protocol, "--recipe", planned.recipe,
        "--seed", str(planned.seed), "--split-seed", str(planned.split_seed),
        "--device", sweep.device, "--out", str(sweep.folder(planned)), "--resume", *overrides,
    ]  # fmt: skip


def environment(device: str, slot: int, jobs: int) -> dict[str, str]:
    """The environment of the run in a slot: its share of the CPU's cores, and its GPU."""
    own = dict(os.environ)
    own.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    gpus = 0 if device == "cpu" else torch.cuda.device_count()
    if gpus > 1:
        visible = own.get("CUDA_VISIBLE_DEVICES", "").split(",")
        known = visible if len(visible) == gpus else [str(gpu) for gpu in range(gpus)]
        own["CUDA_VISIBLE_DEVICES"] = known[slot % gpus]
    return own


def _start(sweep: Sweep, planned: Planned, slot: int, jobs: int, lock: int) -> _Running:
    with open(log_path(sweep, planned), "ab") as log:
        log_from = log.tell()
        process = subprocess.Popen(
            command(sweep, planned),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(sweep.device, slot, jobs),
            pass_fds=(lock,),
            start_new_session=True,
        )
    return _Running(planned, process, log_from)


def _failure(sweep: Sweep, run: _Running, code: int) -> str | None:
    """The last error line of this attempt's log, or its last line at all."""
    if code == 0:
        return None
    log = log_path(sweep, run.planned)
    written = log.read_bytes()[run.log_from :].decode("utf-8", "replace")
    lines = [line for line in written.splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if errors:
        return errors[-1]
    ended = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
    return f"{ended}: {lines[-1].strip()}; see {log}" if lines else f"{ended}; see {log}"
