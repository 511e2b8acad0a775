"""Run what a sweep still lacks."""

from __future__ import annotations

import fcntl
import gc
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from pspmodel.errors import InterruptedRunError, PspmodelError, UsageError
from pspmodel.report import write_report
from pspmodel.report.records import read_run
from pspmodel.report.rules import RULES, SHORT, percent
from pspmodel.sweep.plan import Planned, Sweep
from pspmodel.sweep.processes import log_path, run_in_processes
from pspmodel.sweep.table import write_tables
from pspmodel.train.interrupt import StopSignal
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run
from skeldata.errors import SkeldataError
from skeldata.progress import Progress

Failure = str
"""Why a run ended without a report, in one line."""


def run_sweep(
    sweep: Sweep, *, jobs: int = 1, say: Callable[[str], None] = lambda text: None
) -> dict[str, Failure]:
    """Run what is not finished, and keep ``sweep.json`` and ``sweep.csv`` up to date.

    A run that fails is recorded, and the others go on.

    Args:
        sweep: from `plan_sweep`.
        jobs: runs at a time; one runs in this process, several in processes of their own.
        say: called with a line for each run.

    Returns:
        Failures by run name.

    Raises:
        InterruptedRunError: SIGINT or SIGTERM; what ran has saved its state.
        UsageError: another sweep is writing the folder.
    """
    with _locked(sweep.out) as lock, StopSignal() as stop:
        failures: dict[str, Failure] = {}
        waiting = [planned for planned in sweep.runs if not _is_done(sweep, planned)]
        total, done = len(sweep.runs), len(sweep.runs) - len(waiting)
        if done:
            say(f"{done} of {total} runs are finished already")
        write_tables(sweep, failures)
        ended = (
            run_in_processes(sweep, waiting, jobs, stop, lock)
            if jobs > 1
            else _run_here(sweep, waiting, stop)
        )
        for planned, failure in ended:
            done += 1
            if failure is not None:
                failures[planned.name] = failure
            write_tables(sweep, failures)
            end = f"failed: {failure}" if failure else _accuracies(sweep, planned)
            say(f"[{done}/{total}] {planned.name}: {end}")
        if stop.received:
            write_tables(sweep, failures)
            raise InterruptedRunError(
                f"{stop.received}: {done} of {total} runs are done; repeat the command to go on"
            )
    return failures


def _run_here(
    sweep: Sweep, waiting: Sequence[Planned], stop: StopSignal
) -> Iterator[tuple[Planned, Failure | None]]:
    """Runs one after another; yields each that ended by itself."""
    for planned in waiting:
        try:
            failure = _one_run(sweep, planned, stop)
        except InterruptedRunError as error:
            # The loop's own handler took the signal; this process is to stop all the same.
            stop.received = stop.received or str(error).split()[0]
        if stop.received:
            return
        gc.collect()  # the next run loads the store again: give its memory back first
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        yield planned, failure


def _one_run(sweep: Sweep, planned: Planned, stop: StopSignal) -> Failure | None:
    try:
        run = new_run(
            sweep.store,
            ratio=planned.ratio,
            recipe=planned.recipe,
            protocol=sweep.protocol,
            overrides=sweep.overrides,
            seed=planned.seed,
            split_seed=planned.split_seed,
            device=sweep.device,
            out=sweep.folder(planned),
            resume=True,
        )
        if stop.received:
            return None
        with Progress(None, planned.name, "steps") as progress:
            outcome = train(run, resume=True, started=progress.begin, advanced=progress.update)
        write_report(run, outcome)
    except InterruptedRunError:
        raise
    except (PspmodelError, SkeldataError) as error:
        return " ".join(str(error).split())
    except Exception as error:
        # A fault of a method or of the machine must not cost the other runs; its trace is kept.
        log = log_path(sweep, planned)
        with open(log, "a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
        return f"{type(error).__name__}: {' '.join(str(error).split())}; see {log}"
    return None


def _is_done(sweep: Sweep, planned: Planned) -> bool:
    try:
        return sweep.is_done(planned)
    except PspmodelError:
        return False  # running it says what is wrong with its folder


def _accuracies(sweep: Sweep, planned: Planned) -> str:
    record = read_run(sweep.folder(planned))
    shown = ", ".join(f"{SHORT[rule]} {percent(record.accuracy(rule))}" for rule in RULES)
    seconds = record.report["seconds"] if record.report else 0.0
    return f"{shown}, {seconds:,.0f} s"


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Hold the folder for one sweep; processes inherit the lock, so the last of them releases it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".sweep.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UsageError(f"--out {folder} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError(
            f"another sweep, or a run it left behind, is writing {folder}; wait for it to end"
        ) from None
    try:
        yield handle
    finally:
        os.close(handle)
