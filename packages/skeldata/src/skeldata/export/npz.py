"""npz: every array of the store under its own path, without pickled objects.

``numpy.load(file)`` gives ``joint``, ``motion`` and further streams (N, M, T, V, 3) float32,
``present`` (N, M, T) bool, ``name`` (N,) text, ``label``, ``length``, the columns, and for each
protocol ``splits/xsub/train`` (N,) bool and ``splits/xsub/rank`` (N, 5) int32 for the seeds 0 to 4.
``attributes`` is the store's attributes as one JSON text.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from skeldata.export.files import Tally, blocks
from skeldata.store.read import Store
from skeldata.store.schema import SPLIT_SEEDS, stream_shape

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # no clock time: equal stores give equal files


class NpzWriter:
    """Writes an npz array by array and part by part, in the memory of one part."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def __enter__(self) -> NpzWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()

    def add(self, key: str, values: NDArray[Any]) -> None:
        """Write a whole array."""
        self.add_parts(key, values.shape, values.dtype, [values])

    def add_parts(
        self, key: str, shape: tuple[int, ...], dtype: DTypeLike, parts: Iterable[NDArray[Any]]
    ) -> None:
        """Write an array that comes in parts along its first axis."""
        kind = np.dtype(dtype)
        header = {
            "descr": npy.dtype_to_descr(kind),
            "fortran_order": False,
            "shape": shape,
        }
        entry = zipfile.ZipInfo(f"{key}.npy", _ZIP_EPOCH)
        with self._archive.open(entry, "w", force_zip64=True) as member:
            npy.write_array_header_1_0(member, header)
            for part in parts:
                member.write(np.ascontiguousarray(part, dtype=kind).tobytes())


def write_npz(store: Store, path: Path, tally: Tally) -> None:
    """Write a store as npz."""
    tally.total = len(store) * len(store.streams)
    with NpzWriter(path) as archive:
        for stream in store.streams:
            shape = stream_shape(store.dataset, len(store), store.frames)
            parts = (values for _, values in blocks(store, stream, tally))
            archive.add_parts(stream, shape, np.float32, parts)
        for key, values in small_arrays(store).items():
            archive.add(key, values)
        archive.add("attributes", np.array(json.dumps(store.attributes)))


def small_arrays(store: Store) -> dict[str, NDArray[Any]]:
    """All arrays but the streams, by their path in the store; names as fixed-width text."""
    arrays: dict[str, NDArray[Any]] = {
        "present": store.read_present(),
        "name": np.array(store.names),
        "label": store.labels,
        "length": store.lengths.astype(np.int32),
    }
    for column in store.attributes["columns"]:
        arrays[column] = store.column(column).astype(np.int16)
    for protocol in store.dataset.protocols:
        ranks = [store.ranks(protocol, seed) for seed in SPLIT_SEEDS]
        arrays[f"splits/{protocol}/train"] = store.train_mask(protocol)
        arrays[f"splits/{protocol}/rank"] = np.stack(ranks, axis=1).astype(np.int32)
    return arrays
