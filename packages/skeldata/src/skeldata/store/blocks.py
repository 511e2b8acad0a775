"""The arrays of a store in the making that are written block by block: streams and presence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec

from skeldata.errors import StoreError
from skeldata.store.digest import row_digest
from skeldata.store.disk import flush_to_disk
from skeldata.store.journal import BlockRecord
from skeldata.store.plan import StorePlan
from skeldata.store.schema import stream_shape
from skeldata.streams import derive

# lz4 without shuffling: writing is faster than raw bytes because absent bodies are zeros.
# The checksum behind it guards the bytes that lz4 itself would not miss.
_CODECS = (BloscCodec(cname="lz4", clevel=1, shuffle="noshuffle"), Crc32cCodec())

# By default zarr leaves out chunks of zeros: then a lost block looks like data.
_CONFIG: Any = {"write_empty_chunks": True}


class Blocks:
    """Writes and reads whole blocks of rows; make the arrays with `create` or `open` first.

    Args:
        folder: of the store in the making.
        plan: what it will hold.
        rows: of one block.
    """

    def __init__(self, folder: Path, plan: StorePlan, rows: int) -> None:
        self.folder = folder
        self.plan = plan
        self.rows = rows
        self._arrays: dict[str, zarr.Array[Any]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return (*self.plan.streams, "present")

    def create(self) -> None:
        """Make the folder and its arrays, with room for all candidates."""
        shape = stream_shape(self.plan.dataset, self.plan.candidates, self.plan.recipe.frames)
        root = zarr.create_group(self.folder, zarr_format=3)
        for name in self.names:
            full = shape[:3] if name == "present" else shape
            self._arrays[name] = root.create_array(
                name,
                shape=full,
                chunks=(self.rows, *full[1:]),
                dtype="bool" if name == "present" else "float32",
                compressors=_CODECS,
                config=_CONFIG,
            )

    def open(self) -> None:
        """Open the arrays of an earlier run and give them room for all candidates again.

        Raises:
            StoreError: they are damaged.
        """
        for torn in self.folder.rglob("*.partial"):  # what zarr was writing when a run was killed
            torn.unlink()
        try:
            for name in self.names:
                self._arrays[name] = zarr.open_array(self.folder / name, mode="r+", config=_CONFIG)
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(
                f"the unfinished run at {self.folder} is damaged ({error}); "
                "start over with --overwrite instead of --resume"
            ) from error
        self.resize(self.plan.candidates)

    def resize(self, rows: int) -> None:
        """Give the arrays another number of rows."""
        for array in self._arrays.values():
            array.resize((rows, *array.shape[1:]))

    def write(self, index: int, joint: NDArray[np.float32], present: NDArray[np.bool_]) -> None:
        """Write one block and flush it to disk."""
        rows = slice(index * self.rows, index * self.rows + len(joint))
        self._arrays["present"][rows] = present
        for name in self.plan.streams:
            self._arrays[name][rows] = self._derived(name, joint, present)
        flush_to_disk(path for name in self.names for path in self._chunk_paths(name, index))

    def is_sound(self, index: int, record: BlockRecord) -> bool:
        """Whether a block, read from disk, is what its record states, derived streams included."""
        if record.sha256 != digest_of(record.digests):
            return False
        rows = slice(index * self.rows, index * self.rows + len(record.names))
        try:
            joint = np.asarray(self._arrays["joint"][rows], dtype=np.float32)
            present = np.asarray(self._arrays["present"][rows], dtype=np.bool_)
            for name in self.plan.streams:
                made = self._derived(name, joint, present)
                if made is not joint and not np.array_equal(self._arrays[name][rows], made):
                    return False
        except (OSError, ValueError, RuntimeError):
            return False
        label_of = self.plan.dataset.label_of
        return all(
            row_digest(name, label_of(name), length, present[row], joint[row]) == stated
            for row, (name, length, stated) in enumerate(
                zip(record.names, record.lengths, record.digests, strict=True)
            )
        )

    def _derived(
        self, name: str, joint: NDArray[np.float32], present: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """One stream at a time: a block of all of them at once takes much memory."""
        return derive([name], joint, present, self.plan.dataset.layout)[name]

    def _chunk_paths(self, name: str, index: int) -> Iterator[Path]:
        """The file of a chunk and all folders that may be new with it."""
        array = self.folder / name
        chunk = array.joinpath("c", str(index), *["0"] * (self._arrays[name].ndim - 1))
        yield chunk
        yield from (folder for folder in chunk.parents if folder.is_relative_to(array))


def digest_of(digests: list[str]) -> str:
    """sha256 hex over the digests of rows, so over everything in a block."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
