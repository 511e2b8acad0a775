"""Run batches of files through this process and spawned helpers; results come in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import ModuleType

from skeldata.datasets import Dataset
from skeldata.errors import SkeldataError
from skeldata.recipe import Recipe
from skeldata.sources import RawFile
from skeldata.store.rows import Batch
from skeldata.worker import Worker, get_ready, prepare_in_process, start_process

FILES_PER_BATCH = 32
_BATCHES_AHEAD = 2  # per helper; with the bound on all batches it bounds memory
_BYTES_WORTH_A_POOL = 256 * 1024 * 1024  # a second of work; starting a process takes most of that


def default_workers(files: Sequence[RawFile]) -> int:
    """One process for little work, else one a core, at most 16."""
    if sum(file.size for file in files) < _BYTES_WORTH_A_POOL:
        return 1
    return min(len(os.sched_getaffinity(0)), 16)


def run_batches(
    files: Sequence[RawFile], first: int, dataset: Dataset, recipe: Recipe, workers: int
) -> Iterator[Batch]:
    """Prepare ``files[first:]``; yields batches in file order, a bounded number under way.

    Args:
        files: all candidates.
        first: index of the first one to prepare.
        dataset: what they are.
        recipe: how they are prepared.
        workers: processes, this one included: it prepares batches itself while nothing waits to be
            written.

    Raises:
        SkeldataError: a helper process died.
    """
    starts = range(first, len(files), FILES_PER_BATCH)
    size = sum(file.size for file in files[first:])
    worker = Worker(dataset, recipe, size // max(workers, 1))
    if workers <= 1:
        for start in starts:
            yield worker.prepare(start, files[start : start + FILES_PER_BATCH])
        return
    try:
        with _helpers(workers - 1, worker) as pool:
            under_way: deque[Future[Batch]] = deque()
            for start in starts:
                batch = files[start : start + FILES_PER_BATCH]
                with_helpers = sum(not future.done() for future in under_way)
                if with_helpers < (workers - 1) * _BATCHES_AHEAD:
                    under_way.append(pool.submit(prepare_in_process, start, batch))
                else:
                    under_way.append(_prepared(worker.prepare(start, batch)))
                while under_way and (
                    under_way[0].done() or len(under_way) > workers * _BATCHES_AHEAD * 2
                ):
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
    except BrokenProcessPool:
        raise SkeldataError(
            "a worker process died (killed, or out of memory?); repeat with --resume, "
            "perhaps with fewer --workers"
        ) from None


@contextmanager
def _helpers(count: int, worker: Worker) -> Iterator[ProcessPoolExecutor]:
    """Spawned processes that do as ``worker`` does, and stop when the block is left."""
    pool = ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=start_process,
        initargs=(worker.dataset.id, worker.recipe, worker.size),
    )
    try:
        with _no_main_module(), _interrupts_blocked():
            for _ in range(count):
                pool.submit(get_ready)
        # While they start: code that is compiled here is on disk when the first of them asks.
        worker.parser  # noqa: B018
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _no_main_module() -> Iterator[None]:
    """Keep spawned processes from importing the caller's script.

    They need nothing of it, and a script that calls `prepare` without asking for
    ``__name__ == "__main__"`` would be run again in each of them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Hold Ctrl-C back while processes start: they inherit the block and never see one.

    A terminal sends it to all of them, and one that is still importing would print a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepared(batch: Batch) -> Future[Batch]:
    future: Future[Batch] = Future()
    future.set_result(batch)
    return future
