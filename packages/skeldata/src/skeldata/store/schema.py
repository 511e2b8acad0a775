"""Names, shapes and numbers of store format 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skeldata.datasets import Dataset
from skeldata.layouts import Layout

FORMAT = "skeldata"
FORMAT_VERSION = 1

ROWS_PER_BLOCK = 256
"""Rows of one chunk: 7.7 MB of NTU joints, a good size for disks and for reading batches."""

SPLIT_SEEDS = (0, 1, 2, 3, 4)
"""Seeds whose ranks every store carries."""

JOURNAL = "journal.jsonl"
"""File inside an unfinished store that says which blocks are finished."""

IGNORED_KEPT = 1000
"""Ignored paths that the attributes list one by one; their number is always stated."""


def partial_path(target: Path) -> Path:
    """Where a store is built before it is renamed to its final name."""
    return target.with_name(f".{target.name}.partial")


def lock_path(target: Path) -> Path:
    """The file whose lock says that a run is writing ``target``."""
    return target.with_name(f".{target.name}.lock")


def layout_attributes(layout: Layout) -> dict[str, Any]:
    """A layout as the store's attributes carry it (joint indices 0-based)."""
    return {
        "name": layout.name,
        "joints": list(layout.joints),
        "bones": [list(bone) for bone in layout.bones],
        "centre": layout.centre,
        "flip_pairs": [list(pair) for pair in layout.flip_pairs],
        "bodies": [list(group) for group in layout.bodies],
        "parts": [list(group) for group in layout.parts],
        "part_to_body": list(layout.part_to_body),
    }


def stream_shape(dataset: Dataset, rows: int, frames: int) -> tuple[int, int, int, int, int]:
    """(N, M, T, V, C) of a stream."""
    return (rows, dataset.persons, frames, dataset.layout.joint_count, 3)
