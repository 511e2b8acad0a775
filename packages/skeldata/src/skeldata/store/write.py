"""Write a store in whole blocks, one writer, under a temporary name until it is complete.

A block is written once, flushed to disk, read back, and only then recorded in the journal; so a run
that ends at any moment, however it ends, leaves blocks that a later run can trust or ignore. All of
that happens in a thread, one block at a time, while the next block is being prepared. The rest is
written in the same thread, where no Ctrl-C stops it half-way.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

from skeldata.datasets import Dataset
from skeldata.errors import StoreError, StoreExistsError
from skeldata.memory import share_one_heap
from skeldata.recipe import Recipe
from skeldata.store.digest import row_digest
from skeldata.store.journal import BlockRecord, Journal
from skeldata.store.lock import OutputLock
from skeldata.store.rows import Batch, Rows
from skeldata.store.schema import (
    FORMAT_VERSION,
    ROWS_PER_BLOCK,
    lock_path,
    partial_path,
    stream_shape,
)
from skeldata.streams import derive
from skeldata.types import Rejection

# lz4 without shuffling: writing is faster than raw bytes because absent bodies are zeros.
# The checksum behind it guards the bytes that lz4 itself would not miss.
_BLOCK_CODECS = (BloscCodec(cname="lz4", clevel=1, shuffle="noshuffle"), Crc32cCodec())
_COLUMN_CODECS = (ZstdCodec(), Crc32cCodec())

_SYNCS_AT_ONCE = 8
Arguments = ParamSpec("Arguments")


@dataclass(frozen=True)
class StorePlan:
    """What a store will hold; two runs with equal plans may continue each other.

    Attributes:
        dataset: what the samples are.
        recipe: how they are prepared.
        streams: names of the arrays to write.
        candidates: number of files that will be tried.
        source_key: digest of their names and sizes.
    """

    dataset: Dataset
    recipe: Recipe
    streams: tuple[str, ...]
    candidates: int
    source_key: str

    def header(self) -> dict[str, Any]:
        """The plan as the first line of the journal."""
        return {
            "format_version": FORMAT_VERSION,
            "dataset": self.dataset.id,
            "recipe": self.recipe.digest,
            "streams": list(self.streams),
            "candidates": self.candidates,
            "source_key": self.source_key,
            "rows_per_block": ROWS_PER_BLOCK,
        }


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
        overwrite: replace a store that already stands at ``target``.

    Attributes:
        consumed: candidate files that need not be tried again.
        rows: taken so far.
        rejected: rejections so far, of finished blocks and of later ones.
        discarded: rows of an unfinished run that was started over.

    Raises:
        StoreExistsError: ``target`` exists and ``overwrite`` is off.
        StoreBusyError: another living run writes ``target``.
        StoreError: the unfinished run was of another plan, or the disk refuses.
    """

    def __init__(
        self, target: Path, plan: StorePlan, *, resume: bool = False, overwrite: bool = False
    ) -> None:
        self.target = target
        self.plan = plan
        self._partial = partial_path(target)
        self._journal = Journal(self._partial / "journal.jsonl")
        self.records: list[BlockRecord] = []
        self.crcs: list[int] = []
        self._rejected: list[tuple[int, Rejection]] = []
        self.discarded = 0
        self.consumed = 0
        self.rows = 0
        self._pending: list[Rows] = []
        share_one_heap()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="skeldata-write")
        self._writing: Future[None] | None = None
        if (target.exists() or target.is_symlink()) and not overwrite:
            raise StoreExistsError(f"{target} already exists; add --overwrite to replace it")
        with _disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._lock = OutputLock(lock_path(target), target)
            try:
                self._open(resume)
            except BaseException:
                self.close()
                raise

    @_in_thread
    def _open(self, resume: bool) -> None:
        loaded = self._journal.load()
        if loaded and resume:
            header, records = loaded
            changed = [k for k, v in self.plan.header().items() if header.get(k) != v]
            if changed:
                raise StoreError(
                    f"the unfinished run at {self._partial} had another {', '.join(changed)}; "
                    "give the same input and recipe, or start over without --resume"
                )
            self._arrays = self._open_arrays()
            self._take_up(records)
        else:
            self.discarded = sum(len(record.names) for record in loaded[1]) if loaded else 0
            shutil.rmtree(self._partial, ignore_errors=True)
            self._arrays = self._create_arrays()
            self._journal.start(self.plan.header())

    def _take_up(self, records: list[BlockRecord]) -> None:
        for record in records:
            # A short block can only have been the last of its run: its files are tried again.
            whole = len(record.names) == ROWS_PER_BLOCK
            if not whole or not self._block_is_sound(len(self.records), record):
                break
            first = len(self.crcs)
            self.records.append(record)
            self.crcs += record.crcs
            self._rejected += [(first, rejection) for rejection in record.rejected]
        self._journal.keep(1 + len(self.records))
        self.consumed = len(self.crcs)
        self.rows = sum(len(record.names) for record in self.records)

    @property
    def rejected(self) -> list[Rejection]:
        """Rejections so far, in name order."""
        return sorted(rejection for _, rejection in self._rejected)

    def add(self, batch: Batch) -> None:
        """Take the outcome of the next candidate files; write every block that becomes full."""
        if batch.first != len(self.crcs):
            raise StoreError(f"batch of file {batch.first} came instead of {len(self.crcs)}")
        self.crcs += batch.crcs
        self._rejected += [
            (batch.first + offset, rejection) for offset, rejection in batch.rejected
        ]
        taken = 0
        while taken < len(batch.kept):
            part = slice(taken, taken + ROWS_PER_BLOCK - self.rows % ROWS_PER_BLOCK)
            self._pending.append(_part(batch.rows, part))
            taken += len(self._pending[-1].names)
            self.rows += len(self._pending[-1].names)
            if self.rows % ROWS_PER_BLOCK == 0:
                self._hand_over(consumed=batch.first + batch.kept[taken - 1] + 1)

    def _hand_over(self, consumed: int) -> None:
        """Have the thread write the pending rows as the next block; waits for the block before."""
        parts, self._pending = self._pending, []
        digests = [digest for part in parts for digest in part.digests]
        record = BlockRecord(
            names=[name for part in parts for name in part.names],
            lengths=[length for part in parts for length in part.length.tolist()],
            digests=digests,
            sha256=_sha256_of(digests),
            consumed=consumed,
            crcs=self.crcs[self.consumed : consumed],
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
        rows = slice(index * ROWS_PER_BLOCK, index * ROWS_PER_BLOCK + len(record.names))
        joint = np.concatenate([part.streams["joint"] for part in parts])
        present = np.concatenate([part.present for part in parts])
        parts.clear()
        with _disk_errors(self.target):
            self._arrays["present"][rows] = present
            for name in self.plan.streams:
                self._arrays[name][rows] = self._derived(name, joint, present)
            del joint, present
            _sync(path for name in self._arrays for path in self._chunk_paths(name, index))
            if not self._block_is_sound(index, record):
                raise StoreError(
                    f"block {index} of {self.target} reads back differently; check the disk"
                )
            self._journal.append(record)
        self.records.append(record)

    def _derived(
        self, name: str, joint: NDArray[np.float32], present: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """One stream at a time: a block of all of them at once takes much memory."""
        return derive([name], joint, present, self.plan.dataset.layout)[name]

    def _chunk_paths(self, name: str, index: int) -> Iterator[Path]:
        """The file of a chunk and all folders that may be new with it."""
        array = self._partial / name
        chunk = array.joinpath("c", str(index), *["0"] * (self._arrays[name].ndim - 1))
        yield chunk
        yield from (folder for folder in chunk.parents if folder.is_relative_to(array))

    def _block_is_sound(self, index: int, record: BlockRecord) -> bool:
        """Whether a block, read from disk, is what its record states, derived streams included."""
        if record.sha256 != _sha256_of(record.digests):
            return False
        part = slice(index * ROWS_PER_BLOCK, index * ROWS_PER_BLOCK + len(record.names))
        try:
            joint = np.asarray(self._arrays["joint"][part], dtype=np.float32)
            present = np.asarray(self._arrays["present"][part], dtype=np.bool_)
            for name in self.plan.streams:
                made = self._derived(name, joint, present)
                if made is not joint and not np.array_equal(self._arrays[name][part], made):
                    return False
        except (OSError, ValueError, RuntimeError):
            return False
        found = (
            row_digest(name, self.plan.dataset.label_of(name), length, present[row], joint[row])
            for row, (name, length) in enumerate(zip(record.names, record.lengths, strict=True))
        )
        return all(digest == stated for digest, stated in zip(found, record.digests, strict=True))

    def flush_rest(self) -> None:
        """Write the last, short block and cut the arrays to their true length."""
        if self._pending:
            self._hand_over(consumed=self.plan.candidates)
        self._wait()
        self._cut_arrays()

    @_in_thread
    def _cut_arrays(self) -> None:
        with _disk_errors(self.target):
            for array in self._arrays.values():
                array.resize((self.rows, *array.shape[1:]))

    @_in_thread
    def write_column(self, path: str, values: NDArray[Any] | list[str]) -> None:
        """Write one small array, e.g. ``label`` or ``splits/xsub/train``."""
        text = isinstance(values, list)
        data = np.array(values, dtype=np.dtypes.StringDType()) if text else np.asarray(values)
        with _disk_errors(self.target):
            array = zarr.create_array(
                self._partial / path,
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
        with _disk_errors(self.target):
            zarr.create_group(
                self._partial / path, attributes=attributes, zarr_format=3, overwrite=True
            )

    def finish(self, attributes: dict[str, Any]) -> None:
        """Write the root attributes, drop the journal and give the store its name."""
        self._complete(attributes)
        self.close()

    @_in_thread
    def _complete(self, attributes: dict[str, Any]) -> None:
        with _disk_errors(self.target):
            zarr.open_group(self._partial, mode="r+").attrs.update(attributes)
            _sync(self._files_beside_blocks())
            old = self.target.with_name(f".{self.target.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            if self.target.is_dir() and not self.target.is_symlink():
                self.target.rename(old)
            elif self.target.exists() or self.target.is_symlink():
                self.target.unlink()
            self._partial.rename(self.target)
            # Only now: until the name is given, the journal is what a later run goes on from.
            (self.target / self._journal.path.name).unlink()
            _sync([self.target, self.target.parent])
            shutil.rmtree(old, ignore_errors=True)

    def _files_beside_blocks(self) -> Iterator[Path]:
        """All files and folders but the chunks, which were flushed with their block."""
        for folder, folders, files in os.walk(self._partial):
            if Path(folder).parent == self._partial and Path(folder).name in self._arrays:
                folders.clear()
            yield from (Path(folder, file) for file in files)
            yield Path(folder)

    def close(self) -> None:
        """Stop here; finished blocks stay for a later run with ``resume``."""
        try:
            self._thread.shutdown()  # the block that is being written is finished first
        finally:
            self._lock.release()

    def abandon(self) -> None:
        """Stop here and leave nothing behind."""
        self._thread.shutdown()
        shutil.rmtree(self._partial, ignore_errors=True)
        self._lock.release()

    def _create_arrays(self) -> dict[str, zarr.Array[Any]]:
        shape = stream_shape(self.plan.dataset, self.plan.candidates, self.plan.recipe.frames)
        root = zarr.create_group(self._partial, zarr_format=3)
        kinds: dict[str, tuple[tuple[int, ...], str]]
        kinds = dict.fromkeys(self.plan.streams, (shape, "float32"))
        kinds["present"] = (shape[:3], "bool")
        return {
            name: root.create_array(
                name,
                shape=full,
                chunks=(ROWS_PER_BLOCK, *full[1:]),
                dtype=dtype,
                compressors=_BLOCK_CODECS,
                # By default zarr leaves out chunks of zeros: then a lost block looks like data.
                config={"write_empty_chunks": True},
            )
            for name, (full, dtype) in kinds.items()
        }

    def _open_arrays(self) -> dict[str, zarr.Array[Any]]:
        names = (*self.plan.streams, "present")
        try:
            arrays = {
                name: zarr.open_array(
                    self._partial / name, mode="r+", config={"write_empty_chunks": True}
                )
                for name in names
            }
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(
                f"the unfinished run at {self._partial} is damaged ({error}); start over without --resume"
            ) from error
        for array in arrays.values():
            array.resize((self.plan.candidates, *array.shape[1:]))
        return arrays


def _sha256_of(digests: list[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _part(rows: Rows, part: slice) -> Rows:
    return Rows(
        names=rows.names[part],
        streams={"joint": rows.streams["joint"][part]},
        present=rows.present[part],
        length=rows.length[part],
        digests=rows.digests[part],
    )


def _sync(paths: Iterable[Path]) -> None:
    """Flush files and folders to disk, several at once: the disk then commits them together."""
    with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool:
        for done in [pool.submit(_sync_one, path) for path in paths]:
            done.result()


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    """Turn what the disk says into one clear line."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(
                f"no space left on the disk of {target}; free some, then repeat with --resume"
            ) from error
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
