"""Run batches of files through workers: here, or in spawned processes, results in order."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from skeldata.datasets import Dataset
from skeldata.errors import SkeldataError
from skeldata.recipe import Recipe
from skeldata.sources import RawFile
from skeldata.store.rows import Batch
from skeldata.worker import Worker, prepare_in_process, start_process

FILES_PER_BATCH = 32
_BATCHES_AHEAD = 3  # per worker: bounds memory whatever the number of files
_BYTES_WORTH_A_POOL = 64 * 1024 * 1024  # below, starting processes costs more than it saves


def default_workers(files: Sequence[RawFile]) -> int:
    """One process for little work, else one a core, at most 16."""
    if sum(file.size for file in files) < _BYTES_WORTH_A_POOL:
        return 1
    return min(len(os.sched_getaffinity(0)), 16)


def run_batches(
    files: Sequence[RawFile], first: int, dataset: Dataset, recipe: Recipe, workers: int
) -> Iterator[Batch]:
    """Prepare ``files[first:]``; yields batches in file order, a bounded number under way.

    Raises:
        SkeldataError: a worker process died.
    """
    starts = range(first, len(files), FILES_PER_BATCH)
    if workers <= 1:
        worker = Worker(dataset, recipe)
        for start in starts:
            yield worker.prepare(start, files[start : start + FILES_PER_BATCH])
        return
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=start_process,
        initargs=(dataset.id, recipe),
    )
    under_way: deque[Future[Batch]] = deque()
    try:
        for start in starts:
            batch = files[start : start + FILES_PER_BATCH]
            under_way.append(pool.submit(prepare_in_process, start, batch))
            if len(under_way) >= workers * _BATCHES_AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except BrokenProcessPool:
        raise SkeldataError(
            "a worker process died (killed, or out of memory?); repeat with --resume, "
            "perhaps with fewer --workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
