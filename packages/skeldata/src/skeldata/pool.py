"""Run batches of files through this process and spawned helpers; results come in order."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from types import ModuleType, SimpleNamespace
from typing import Any

from pydantic import BaseModel

from skeldata.cores import usable_cores
from skeldata.datasets import Dataset
from skeldata.errors import SkeldataError
from skeldata.raw_files import RawFile, size_of
from skeldata.recipe import Recipe
from skeldata.store.rows import Batch
from skeldata.worker import Worker, serve

FILES_PER_BATCH = 32
_BATCHES_AHEAD = 2  # that a helper has: one in work, one waiting
_BYTES_WORTH_A_POOL = 256 * 1024 * 1024  # a second of work; starting a process takes most of that


def default_workers(files: Sequence[RawFile]) -> int:
    """One process for little work, else one a core, at most 16."""
    if size_of(files) < _BYTES_WORTH_A_POOL:
        return 1
    return min(usable_cores(), 16)


def run_batches(
    files: Sequence[RawFile], first: int, dataset: Dataset, recipe: Recipe, workers: int
) -> Iterator[Batch]:
    """Prepare ``files[first:]`` with a `started_pool`; yields batches in file order."""
    with started_pool(dataset, recipe, size_of(files, first), workers) as pool:
        yield from pool.run(files, first)


@contextmanager
def started_pool(dataset: Dataset, recipe: Recipe, size: int, workers: int) -> Iterator[Pool]:
    """Start processes, and stop them when the block is left.

    Args:
        dataset: what the files are.
        recipe: how they are prepared.
        size: bytes of all of them.
        workers: processes, this one included.
    """
    # One alone reads ahead in a thread; of several, each has a core to fill already.
    worker = Worker(dataset, recipe, size // max(workers, 1), ahead=workers == 1)
    helpers: list[_Helper] = []
    try:
        for _ in range(workers - 1):
            helpers.append(_Helper(worker))
        yield Pool(worker, helpers)
    finally:
        for helper in helpers:
            helper.stop()


class Pool:
    """This process and its helpers; make one with `started_pool`."""

    def __init__(self, worker: Worker, helpers: list[_Helper]) -> None:
        self._worker = worker
        self._helpers = helpers

    def run(self, files: Sequence[RawFile], first: int) -> Iterator[Batch]:
        """Prepare ``files[first:]``; yields batches in file order, a bounded number under way.

        This process prepares batches itself while it has no finished one to hand on.

        Raises:
            SkeldataError: a helper process died.
        """
        under_way: deque[Future[Batch]] = deque()
        most = (1 + len(self._helpers)) * _BATCHES_AHEAD * 2
        for start in range(first, len(files), FILES_PER_BATCH):
            batch = files[start : start + FILES_PER_BATCH]
            helper = min(self._ready(), key=_Helper.load, default=None)
            if helper is not None and helper.load() < _BATCHES_AHEAD:
                under_way.append(helper.submit(start, batch))
            else:
                under_way.append(_done(self._worker.prepare(start, batch)))
            while under_way and (under_way[0].done() or len(under_way) > most):
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def _ready(self) -> list[_Helper]:
        """Helpers that need not start first: this process would have to wait for their batches."""
        return [helper for helper in self._helpers if helper.ready.is_set()]


class _Helper:
    """A spawned process that does as ``worker`` does, and the thread that takes its answers.

    Each has a pipe of its own, so that one that is killed, even in the middle of an answer, hangs
    up; and one whose parent is killed ends by itself.

    Attributes:
        ready: set once it waits for files, or has ended: to be asked then tells that it has.
    """

    def __init__(self, worker: Worker) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, its_end = context.Pipe()
        arguments = (its_end, worker.dataset.id, _plain(worker.recipe), worker.size)
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        with _no_main_module(), _interrupts_held():
            self._process.start()
        its_end.close()
        self._asked: deque[Future[Batch]] = deque()
        self.ready = threading.Event()
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
            if not self.ready.is_set():
                self.ready.set()
                continue
            future = self._asked.popleft()
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _give_up(self) -> None:
        self.ready.set()
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


def _plain(value: Any) -> Any:
    """A recipe's numbers without pydantic, which a helper process would have to load first."""
    if isinstance(value, BaseModel):
        return SimpleNamespace(**{key: _plain(inner) for key, inner in value})
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value


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
