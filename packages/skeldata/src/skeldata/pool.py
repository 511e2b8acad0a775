"""Run batches of files through this process and spawned helpers; results come in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from types import ModuleType

from skeldata.datasets import Dataset
from skeldata.errors import SkeldataError
from skeldata.recipe import Recipe
from skeldata.sources import RawFile
from skeldata.store.rows import Batch
from skeldata.worker import Worker, serve

FILES_PER_BATCH = 32
_BATCHES_AHEAD = 2  # that a helper has: one in work, one waiting
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
        workers: processes, this one included: it prepares batches itself while it has no finished
            one to hand on.

    Raises:
        SkeldataError: a helper process died.
    """
    size = sum(file.size for file in files[first:])
    worker = Worker(dataset, recipe, size // max(workers, 1))
    under_way: deque[Future[Batch]] = deque()
    with _helpers(workers - 1, worker) as helpers:
        for start in range(first, len(files), FILES_PER_BATCH):
            batch = files[start : start + FILES_PER_BATCH]
            helper = min(helpers, key=_Helper.load, default=None)
            if helper is not None and helper.load() < _BATCHES_AHEAD:
                under_way.append(helper.submit(start, batch))
            else:
                under_way.append(_done(worker.prepare(start, batch)))
            most = workers * _BATCHES_AHEAD * 2
            while under_way and (under_way[0].done() or len(under_way) > most):
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


class _Helper:
    """A spawned process that does as ``worker`` does, and the thread that takes its answers.

    Each has a pipe of its own, so that one that is killed, even in the middle of an answer, hangs
    up; and one whose parent is killed ends by itself.
    """

    def __init__(self, worker: Worker) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, its_end = context.Pipe()
        arguments = (its_end, worker.dataset.id, worker.recipe, worker.size)
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        with _no_main_module(), _interrupts_held():
            self._process.start()
        its_end.close()
        self._asked: deque[Future[Batch]] = deque()
        self._thread = threading.Thread(target=self._take_answers, daemon=True)
        self._thread.start()

    def load(self) -> int:
        """Batches that it has not answered yet."""
        return len(self._asked)

    def submit(self, first: int, files: Sequence[RawFile]) -> Future[Batch]:
        """Have it prepare some files."""
        future: Future[Batch] = Future()
        self._asked.append(future)
        try:
            self._connection.send((first, files))
        except OSError:
            self._give_up()
        return future

    def _take_answers(self) -> None:
        while True:
            try:
                answer = self._connection.recv()
            except (EOFError, OSError):
                self._give_up()
                return
            future = self._asked.popleft()
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _give_up(self) -> None:
        error = SkeldataError(
            "a worker process died (killed, or out of memory?); repeat with --resume, "
            "perhaps with fewer --workers"
        )
        with suppress(IndexError):  # empty: both threads may see the end at once
            while True:
                self._asked.popleft().set_exception(error)

    def stop(self) -> None:
        """End the process, whatever it is doing: it writes nothing."""
        self._process.terminate()
        self._process.join()
        self._thread.join()
        self._connection.close()


@contextmanager
def _helpers(count: int, worker: Worker) -> Iterator[list[_Helper]]:
    """Start helpers, and stop them when the block is left."""
    helpers = []
    try:
        for _ in range(count):
            helpers.append(_Helper(worker))
        # While they start: code that is compiled here is on disk when the first of them asks.
        worker.parser  # noqa: B018
        yield helpers
    finally:
        for helper in helpers:
            helper.stop()


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
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts; the process inherits the block and never sees one.

    A terminal sends it to all of them, and one that is still importing would print a traceback.
    """
    resource_tracker.ensure_running()  # else it starts with the first process, and unblocks them
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    came: list[int] = []  # another thread may take the signal, for which this one then raises
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda *_: came.append(1)) if is_main else None
    try:
        yield
    finally:
        if is_main:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if came:
            signal.raise_signal(signal.SIGINT)


def _done(batch: Batch) -> Future[Batch]:
    future: Future[Batch] = Future()
    future.set_result(batch)
    return future
