"""Run batches of files on a dask cluster instead of local processes; the store is the same.

The extra ``[dask]`` installs what this needs. The cluster's workers must have skeldata and see the
raw files under the same paths; only this process writes the store.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from skeldata.datasets import Dataset, get_dataset
from skeldata.errors import MissingExtraError, SkeldataError, UsageError
from skeldata.recipe import Recipe
from skeldata.sources import RawFile
from skeldata.store.rows import Batch
from skeldata.worker import Worker

FILES_PER_BATCH = 32
_BATCHES_AHEAD = 3  # per thread of the cluster
_CONNECT_SECONDS = 15
_kept = threading.local()


def run_batches_on_dask(
    files: Sequence[RawFile], first: int, dataset: Dataset, recipe: Recipe, address: str
) -> Iterator[Batch]:
    """Prepare ``files[first:]`` on the cluster at ``address``; batches come in file order.

    Raises:
        MissingExtraError: dask.distributed is not installed.
        UsageError: no cluster answers at the address, or it has no worker.
        SkeldataError: the cluster was lost on the way.
    """
    client = _connect(address)
    try:
        threads = sum(client.nthreads().values())
        if not threads:
            raise UsageError(f"the dask cluster at {address} has no workers; start one first")
        under_way: deque[Any] = deque()
        for start in range(first, len(files), FILES_PER_BATCH):
            batch = files[start : start + FILES_PER_BATCH]
            task = client.submit(prepare_on_worker, start, batch, dataset.id, recipe, pure=False)
            under_way.append(task)
            if len(under_way) >= threads * _BATCHES_AHEAD:
                yield _result(under_way.popleft(), address)
        while under_way:
            yield _result(under_way.popleft(), address)
    finally:
        client.close()


def prepare_on_worker(first: int, files: Sequence[RawFile], dataset: str, recipe: Recipe) -> Batch:
    """`Worker.prepare` on a cluster's worker."""
    # Kept between calls, because listing an archive takes longer than a batch; and one for each
    # thread, because readers of one archive share its position.
    if getattr(_kept, "key", None) != (dataset, recipe.digest):
        _kept.key = dataset, recipe.digest
        _kept.worker = Worker(get_dataset(dataset), recipe)
    worker: Worker = _kept.worker
    return worker.prepare(first, files)


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError(
            "--dask needs dask.distributed: pip install 'skeldata[dask]'"
        ) from None
    try:
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"no dask scheduler answers at {address}: {error}") from None


def _result(task: Any, address: str) -> Batch:
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    try:
        batch: Batch = task.result()
    except (KilledWorker, FutureCancelledError, OSError) as error:
        raise SkeldataError(
            f"the dask cluster at {address} lost a batch ({type(error).__name__}); "
            "repeat with --resume"
        ) from None
    task.release()
    return batch
