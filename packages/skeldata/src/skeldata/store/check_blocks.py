"""Check the large arrays of a store block by block, in the memory of one block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from skeldata.datasets import Dataset
from skeldata.store.check_columns import Columns
from skeldata.store.check_layout import ArrayLayout, StoreLayout, size_fault
from skeldata.store.digest import row_digest
from skeldata.store.findings import Finding, at_rows
from skeldata.streams import derive

_NOT_DERIVED = {
    "motion": "is not the difference of consecutive joints",
    "bone": "is not the difference of joint and parent joint",
    "bone-motion": "is not the difference of consecutive bones",
}


class BlockChecker:
    """Reads every block once.

    Attributes:
        findings: what is wrong.
        digests: row digests in row order; fewer than there are rows if some cannot be known.
    """

    def __init__(self, dataset: Dataset, layout: StoreLayout, columns: Columns) -> None:
        self.findings: list[Finding] = []
        self.digests: list[str] = []
        self._dataset = dataset
        self._layout = layout
        self._names = columns.names
        self._lengths = columns.lengths
        self._arrays: dict[str, zarr.Array[Any]] = {}
        for path, array in layout.blocks.items():
            if path not in layout.untrusted:
                self._open(array)

    def run(self, advanced: Callable[[int, int], None] | None = None) -> None:
        """Check all blocks; ``advanced`` is called with (rows done, rows in all) after each."""
        rows, step = self._layout.rows, self._layout.block_rows
        for block, first in enumerate(range(0, rows, step)):
            last = min(first + step, rows)
            self._check_block(block, first, last)
            if advanced:
                advanced(last, rows)

    def _open(self, array: ArrayLayout) -> None:
        # A chunk holds rows behind the last one, too: with a shape of whole chunks they can be
        # read, so that a changed byte among them is found.
        rows = array.chunks * array.chunk_rows
        try:
            self._arrays[array.path] = self._layout.open(array.path, rows)
        except Exception as error:  # damaged metadata makes zarr raise whatever it stumbles over
            self._note(array.path, f"zarr.json cannot be read ({_told(error)})")

    def _check_block(self, block: int, first: int, last: int) -> None:
        data = dict(self._read_block(block, first, last))
        present = data.pop("present", None)
        if present is None:
            return
        other = present.view(np.uint8) > 1
        if other.any():
            self._note_rows("present", "has bytes other than 0 and 1", other, first, block)
            return
        nobody = np.logical_not(present.any(axis=1))
        self._note_rows("present", "has a frame without any body", nobody, first, block)
        absent = ~present[..., None, None]
        for name, values in data.items():
            infinite = ~np.isfinite(values)
            self._note_rows(name, "has values that are not finite", infinite, first, block)
            filled = (_bits(values) != 0) & absent
            self._note_rows(name, "is not exactly 0 where a body is absent", filled, first, block)
        joint = data.get("joint")
        if joint is None:
            return
        with np.errstate(invalid="ignore", over="ignore"):
            derived = derive(data, joint, present, self._dataset.layout)
        for name, problem in _NOT_DERIVED.items():
            if name in data:
                differ = _bits(data[name]) != _bits(derived[name])
                self._note_rows(name, problem, differ, first, block)
        self._digest_rows(joint, present, first, last)

    def _read_block(self, block: int, first: int, last: int) -> Iterator[tuple[str, NDArray[Any]]]:
        """Those arrays of a block that can be read, cut to its true rows."""
        for path, array in self._arrays.items():
            expected = self._layout.blocks[path]
            if (path, block) in self._layout.missing:
                problem = f"the block is missing: no file {expected.chunk(block)}"
                every = np.ones(last - first, dtype=np.bool_)
                self._note_rows(path, problem, every, first, block)
                continue
            start = block * expected.chunk_rows
            if (fault := size_fault(self._layout, expected, block)) is not None:
                self._note(path, f"cannot be read ({fault})", block)
                continue
            try:
                values = np.asarray(array[start : start + expected.chunk_rows])
            except Exception as error:  # a damaged chunk makes codecs raise whatever they meet
                self._note(path, f"cannot be read ({_told(error)})", block)
                continue
            if np.ascontiguousarray(values[last - first :]).view(np.uint8).any():
                self._note(path, "is not zero behind the last row", block)
            yield path, values[: last - first]

    def _digest_rows(
        self, joint: NDArray[np.float32], present: NDArray[np.bool_], first: int, last: int
    ) -> None:
        if self._names is None or self._lengths is None:
            return
        for row in range(first, last):
            name, at = self._names[row], row - first
            label, length = self._dataset.label_of(name), int(self._lengths[row])
            self.digests.append(row_digest(name, label, length, present[at], joint[at]))

    def _note(self, array: str, problem: str, block: int | None = None) -> None:
        self.findings.append(Finding(array, problem, block))

    def _note_rows(
        self, array: str, problem: str, wrong: NDArray[np.bool_], first: int, block: int
    ) -> None:
        """Note the rows in which ``wrong``, of any shape behind its first axis, holds anywhere."""
        self.findings += at_rows(array, problem, wrong, self._names, first=first, block=block)


def _bits(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """The bits of floats: -0.0 is not 0.0, and a NaN equals itself."""
    return values.view(np.uint32)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
