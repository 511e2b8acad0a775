"""Compare two stores: names, samples step by step, recipes and splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skeldata.store.compare_clips import Parting, StoredClip, compare_clips
from skeldata.store.read import Store, open_store
from skeldata.store.schema import SPLIT_SEEDS

_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class StoreDifference:
    """What tells two stores apart.

    Attributes:
        only_a, only_b: names that one of them lacks.
        common: how many names both have.
        samples: name -> where the two preparations of that sample part.
        streams: streams that only one of the stores has.
        facts: fact -> its two values, where they differ: dataset, rows, frames, digests.
        recipe: key of the recipe, dotted -> its two values, where they differ.
        columns: column -> how many common names have different values in it.
        splits: what differs between the splits, one line each.
    """

    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    common: int = 0
    samples: Mapping[str, Parting] = field(default_factory=dict)
    streams: tuple[str, ...] = ()
    facts: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    recipe: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    columns: Mapping[str, int] = field(default_factory=dict)
    splits: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether both hold the same samples with the same values, columns and splits.

        Recipes and sources may still be described in other words.
        """
        return not (
            self.only_a
            or self.only_b
            or self.samples
            or self.streams
            or self.columns
            or self.splits
            or "dataset" in self.facts
        )


def diff_stores(
    a: str | Path | Store,
    b: str | Path | Store,
    *,
    advanced: Callable[[int, int], None] | None = None,
) -> StoreDifference:
    """Compare two stores, also of different recipes or datasets.

    Args:
        a: a store or its path.
        b: the other one. Both are read block by block.
        advanced: called with (samples done, common samples) after every block.

    Raises:
        StoreError: one of them is unreadable, damaged, or lacks a block.
    """
    first, second = (side if isinstance(side, Store) else open_store(side) for side in (a, b))
    names = sorted({*first.names} & {*second.names})
    rows = first.rows_of(names), second.rows_of(names)
    return StoreDifference(
        only_a=tuple(sorted({*first.names} - {*names})),
        only_b=tuple(sorted({*second.names} - {*names})),
        common=len(names),
        samples=dict(_sample_differences(first, second, names, rows, advanced)),
        streams=tuple(sorted({*first.streams} ^ {*second.streams})),
        facts=_unequal(_facts(first), _facts(second)),
        recipe=_unequal(*(_flat(_used_recipe(s, (first, second))) for s in (first, second))),
        columns=dict(_column_differences(first, second, rows)),
        splits=tuple(_split_differences(first, second, rows)),
    )


def _sample_differences(
    a: Store,
    b: Store,
    names: Sequence[str],
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    advanced: Callable[[int, int], None] | None,
) -> Iterator[tuple[str, Parting]]:
    others = [name for name in a.streams if name in b.streams and name != "joint"]
    for start in range(0, len(names), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        in_a, in_b = rows[0][part], rows[1][part]
        clips_a, clips_b = _clips(a, in_a), _clips(b, in_b)
        streams = {name: (_read(a, in_a, name), _read(b, in_b, name)) for name in others}
        for at, name in enumerate(names[part]):
            parting = compare_clips(clips_a[at], clips_b[at])
            if parting is None:
                changed = [s for s, (x, y) in streams.items() if not np.array_equal(x[at], y[at])]
                if changed:
                    detail = f"{', '.join(changed)} differs though joints are the same"
                    parting = Parting("streams", detail, 0.0)
            if parting is not None:
                yield name, parting
        if advanced:
            advanced(min(start + _ROWS_AT_ONCE, len(names)), len(names))


def _clips(store: Store, rows: NDArray[np.int64]) -> list[StoredClip]:
    joint, present = _read(store, rows, "joint"), store.read_present(_as_slice(rows))
    lengths = store.lengths[rows]
    return [StoredClip(joint[at], present[at], int(length)) for at, length in enumerate(lengths)]


def _read(store: Store, rows: NDArray[np.int64], stream: str) -> NDArray[np.float32]:
    return store.read(_as_slice(rows), stream)


def _as_slice(rows: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Neighbouring rows as a slice, which zarr reads several times faster."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows


def _column_differences(
    a: Store, b: Store, rows: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Iterator[tuple[str, int]]:
    shared = [c for c in a.attributes["columns"] if c in b.attributes["columns"]]
    columns = {"label": (a.labels, b.labels)}
    columns |= {column: (a.column(column), b.column(column)) for column in shared}
    for column, (in_a, in_b) in columns.items():
        if count := np.count_nonzero(in_a[rows[0]] != in_b[rows[1]]):
            yield column, int(count)


def _split_differences(
    a: Store, b: Store, rows: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Iterator[str]:
    for protocol in sorted({*a.dataset.protocols} | {*b.dataset.protocols}):
        if protocol not in a.dataset.protocols or protocol not in b.dataset.protocols:
            yield f"{protocol}: only in {'A' if protocol in a.dataset.protocols else 'B'}"
            continue
        masks = a.train_mask(protocol)[rows[0]], b.train_mask(protocol)[rows[1]]
        if count := np.count_nonzero(masks[0] != masks[1]):
            yield f"{protocol}: {count:,} common names are in training in one store only"
        for seed in SPLIT_SEEDS:
            ranks = a.ranks(protocol, seed)[rows[0]], b.ranks(protocol, seed)[rows[1]]
            if count := np.count_nonzero(ranks[0] != ranks[1]):
                yield f"{protocol}: {count:,} common names have other ranks for seed {seed}"


def _facts(store: Store) -> dict[str, Any]:
    return {
        "dataset": store.dataset.id,
        "rows": len(store),
        "frames": store.frames,
        "streams": ", ".join(store.streams),
        "recipe": f"{store.recipe['name']} {store.recipe['version']}",
        "content_digest": store.content_digest,
        "source_digest": store.source_digest,
    }


def _unequal(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {key: (a.get(key), b.get(key)) for key in sorted({*a, *b}) if a.get(key) != b.get(key)}


def _used_recipe(store: Store, both: Sequence[Store]) -> dict[str, Any]:
    """A store's recipe without what it says of layouts that neither store has."""
    used = {each.layout.name for each in both}
    tables = store.recipe.get("normalise", {})
    return store.recipe | {"normalise": {key: tables[key] for key in tables if key in used}}


def _flat(content: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested tables as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return flat
