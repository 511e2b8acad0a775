"""Prepared samples on their way from the workers to the store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeldata.types import Rejection


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n prepared samples.

    Attributes:
        names: sample names, sorted.
        streams: stream name -> (n, M, T, V, 3) float32.
        present: (n, M, T) bool.
        length: (n,) int32 source frames.
        digests: sha256 hex of each sample (`skeldata.store.digest.row_digest`).
    """

    names: list[str]
    streams: dict[str, NDArray[np.float32]]
    present: NDArray[np.bool_]
    length: NDArray[np.int32]
    digests: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What became of a run of consecutive candidate files.

    Attributes:
        first: index of the first file among all candidates.
        crcs: CRC-32 of every file, in order (0 for one that could not be read at all).
        kept: offsets of the files that became ``rows``.
        rejected: (offset, rejection) of the others.
        rows: the prepared samples.
    """

    first: int
    crcs: list[int]
    kept: list[int]
    rejected: list[tuple[int, Rejection]]
    rows: Rows
