"""Write a store in whole blocks, one writer, under a temporary name until it is complete.

A block is written once, flushed to disk, read back, and only then recorded in the journal; so a run
that ends at any moment, however it ends, leaves blocks that a later run can trust or ignore. All of
that happens in a thread, one block at a time, while the next block is being prepared. The rest is
written in the same thread, where no Ctrl-C stops it half-way.
"""

from __future__ import annotations

import os
import shutil
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from skeldata.errors import StoreError, StoreExistsError
from skeldata.memory import give_back_memory, keep_one_heap
from skeldata.store.blocks import Blocks, digest_of
from skeldata.store.disk import disk_errors, flush_to_disk
from skeldata.store.journal import BlockRecord, FinishedBlock, Journal
from skeldata.store.lock import OutputLock
from skeldata.store.plan import StorePlan
from skeldata.store.rows import Batch, Rows
from skeldata.store.schema import JOURNAL, ROWS_PER_BLOCK, lock_path, partial_path
from skeldata.store.target import check_replaceable
from skeldata.types import Rejection

_COLUMN_CODECS = (ZstdCodec(), Crc32cCodec())

Arguments = ParamSpec("Arguments")


def _in_thread(
    method: Callable[Concatenate[StoreWriter, Arguments], None],
) -> Callable[Concatenate[StoreWriter, Arguments], None]:
    """Have the writer's thread run a method, behind the block that it is writing; wait for it."""

    @wraps(method)
    def run(self: StoreWriter, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        self._thread.submit(method, self, *args, **kwargs).result()

    return run


class StoreWriter:
    """Builds one store; `add` batches in order, then `finish`.

    Args:
        target: final path of the store.
        plan: what it will hold.
        resume: continue an unfinished run of the same plan, if there is one.
        overwrite: replace a store that already stands at ``target``, or an unfinished run of it.

    Attributes:
        consumed: candidate files that need not be tried again.
        rows: taken so far.
        partial: where the store lies until it is complete.
        rejected: rejections so far, of finished blocks and of later ones.
        discarded: rows of an unfinished run that was started over.

    Raises:
        StoreExistsError: ``target`` exists, or finished rows of an unfinished run that is not to be
            resumed, and ``overwrite`` is off; or it exists and is no store.
        StoreBusyError: another living run writes ``target``.
        StoreError: the unfinished run was of another plan, or the disk refuses.
    """

    def __init__(
        self, target: Path, plan: StorePlan, *, resume: bool = False, overwrite: bool = False
    ) -> None:
        self.target = target
        self.plan = plan
        self._overwrite = overwrite
        self.partial = partial_path(target)
        self._block_rows = ROWS_PER_BLOCK
        self._blocks = Blocks(self.partial, plan, self._block_rows)
        self._journal = Journal(self.partial / JOURNAL)
        self.records: list[FinishedBlock] = []
        self.crcs = array("I")
        self._rejected: list[tuple[int, Rejection]] = []
        self.discarded = 0
        self.consumed = 0
        self.rows = 0
        self._pending: list[Rows] = []
        keep_one_heap()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="skeldata-write")
        self._writing: Future[None] | None = None
        check_replaceable(target, overwrite=overwrite)
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._lock = OutputLock(lock_path(target), target)
            try:
                self._open(resume)
            except BaseException:
                self.close()
                raise

    @_in_thread
    def _open(self, resume: bool) -> None:
        check_replaceable(
            self.target, overwrite=self._overwrite
        )  # whoever had the lock may be done
        loaded = self._journal.load()
        if loaded and resume:
            header, records = loaded
            planned = self.plan.header(self._block_rows)
            changed = [key for key, value in planned.items() if header.get(key) != value]
            if changed:
                raise StoreError(
                    f"the unfinished run at {self.partial} had another {', '.join(changed)}; "
                    "give the same input and recipe, or start over with --overwrite instead of --resume"
                )
            self._blocks.open()
            self._take_up(records)
        else:
            self.discarded = sum(len(record.names) for record in loaded[1]) if loaded else 0
            if self.discarded and not self._overwrite:
                raise StoreExistsError(
                    f"{self.partial} holds {self.discarded:,} finished rows of an interrupted run; "
                    "add --resume to go on with it, or --overwrite to start over"
                )
            shutil.rmtree(self.partial, ignore_errors=True)
            self._blocks.create()
            self._journal.start(self.plan.header(self._block_rows))

    def _take_up(self, records: list[BlockRecord]) -> None:
        for record in records:
            # A short block can only have been the last of its run: its files are tried again.
            whole = len(record.names) == self._block_rows
            if not whole or not self._blocks.is_sound(len(self.records), record):
                break
            first = len(self.crcs)
            self.records.append(FinishedBlock(record))
            self.crcs.extend(record.crcs)
            self._rejected += [(first, rejection) for rejection in record.rejected]
        self._journal.keep(1 + len(self.records))
        self.consumed = len(self.crcs)
        self.rows = sum(record.rows for record in self.records)

    @property
    def rejected(self) -> list[Rejection]:
        """Rejections so far, in name order."""
        return sorted(rejection for _, rejection in self._rejected)

    def add(self, batch: Batch) -> None:
        """Take the outcome of the next candidate files; write every block that becomes full."""
        if batch.first != len(self.crcs):
            raise StoreError(f"batch of file {batch.first} came instead of {len(self.crcs)}")
        self.crcs.extend(batch.crcs)
        self._rejected += [
            (batch.first + offset, rejection) for offset, rejection in batch.rejected
        ]
        taken = 0
        while taken < len(batch.kept):
            part = slice(taken, taken + self._block_rows - self.rows % self._block_rows)
            self._pending.append(_part(batch.rows, part))
            taken += len(self._pending[-1].names)
            self.rows += len(self._pending[-1].names)
            if self.rows % self._block_rows == 0:
                self._hand_over(consumed=batch.first + batch.kept[taken - 1] + 1)

    def _hand_over(self, consumed: int) -> None:
        """Have the thread write the pending rows as the next block; waits for the block before."""
        parts, self._pending = self._pending, []
        digests = [digest for part in parts for digest in part.digests]
        record = BlockRecord(
            names=[name for part in parts for name in part.names],
            lengths=[length for part in parts for length in part.length.tolist()],
            digests=digests,
            sha256=digest_of(digests),
            consumed=consumed,
            crcs=self.crcs[self.consumed : consumed].tolist(),
            rejected=[r for at, r in self._rejected if self.consumed <= at < consumed],
        )
        self.consumed = consumed
        self._wait()
        self._writing = self._thread.submit(self._write_block, record, parts)

    def _wait(self) -> None:
        """Wait until the block that is being written is recorded, or raise what went wrong."""
        if self._writing:
            self._writing.result()

    def _write_block(self, record: BlockRecord, parts: list[Rows]) -> None:
        index = len(self.records)
        joint = np.concatenate([part.streams["joint"] for part in parts])
        present = np.concatenate([part.present for part in parts])
        parts.clear()
        with disk_errors(self.target):
            self._blocks.write(index, joint, present)
            del joint, present
            if not self._blocks.is_sound(index, record):
                raise StoreError(
                    f"block {index} of {self.target} reads back differently; check the disk"
                )
            self._journal.append(record)
        self.records.append(FinishedBlock(record))

    def flush_rest(self) -> None:
        """Write the last, short block and cut the arrays to their true length."""
        if self._pending:
            self._hand_over(consumed=self.plan.candidates)
        self._wait()
        self._cut_arrays()
        give_back_memory()

    @_in_thread
    def _cut_arrays(self) -> None:
        with disk_errors(self.target):
            self._blocks.resize(self.rows)

    @_in_thread
    def write_column(self, path: str, values: NDArray[Any] | list[str]) -> None:
        """Write one small array, e.g. ``label`` or ``splits/xsub/train``."""
        text = isinstance(values, list)
        data = np.array(values, dtype=np.dtypes.StringDType()) if text else np.asarray(values)
        with disk_errors(self.target):
            array = zarr.create_array(
                self.partial / path,
                shape=data.shape,
                chunks=tuple(max(1, n) for n in data.shape),
                dtype=str if text else data.dtype,
                compressors=_COLUMN_CODECS,
                zarr_format=3,
                overwrite=True,  # a run that ended here has left one behind
            )
            array[...] = data

    @_in_thread
    def write_group(self, path: str, attributes: dict[str, Any]) -> None:
        """Make a group with attributes."""
        with disk_errors(self.target):
            zarr.create_group(
                self.partial / path, attributes=attributes, zarr_format=3, overwrite=True
            )

    def finish(self, attributes: dict[str, Any]) -> None:
        """Write the root attributes, drop the journal and give the store its name."""
        self._complete(attributes)
        self.close()

    @_in_thread
    def _complete(self, attributes: dict[str, Any]) -> None:
        with disk_errors(self.target):
            check_replaceable(self.target, overwrite=self._overwrite)  # hours may have passed
            zarr.open_group(self.partial, mode="r+").attrs.update(attributes)
            flush_to_disk(self._files_beside_blocks())
            old = self.target.with_name(f".{self.target.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            if self.target.exists():
                self.target.rename(old)
            self.partial.rename(self.target)
            # Only now: until the name is given, the journal is what a later run goes on from.
            (self.target / self._journal.path.name).unlink()
            flush_to_disk([self.target, self.target.parent])
            shutil.rmtree(old, ignore_errors=True)

    def _files_beside_blocks(self) -> Iterator[Path]:
        """All files and folders but the chunks, which were flushed with their block."""
        for folder, folders, files in os.walk(self.partial):
            if Path(folder).parent == self.partial and Path(folder).name in self._blocks.names:
                folders.clear()
            yield from (Path(folder, file) for file in files)
            yield Path(folder)

    def close(self) -> None:
        """Stop here; finished blocks stay for a later run with ``resume``."""
        try:
            self._thread.shutdown()  # the block that is being written is finished first
        except KeyboardInterrupt:
            self._thread.shutdown()  # all the same: who comes next must find it whole
            raise
        finally:
            self._lock.release()

    def abandon(self) -> None:
        """Stop here and leave nothing behind."""
        self._thread.shutdown()
        shutil.rmtree(self.partial, ignore_errors=True)
        self._lock.release()


def _part(rows: Rows, part: slice) -> Rows:
    return Rows(
        names=rows.names[part],
        streams={"joint": rows.streams["joint"][part]},
        present=rows.present[part],
        length=rows.length[part],
        digests=rows.digests[part],
    )
