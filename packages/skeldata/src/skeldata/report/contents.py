"""What a report says of a store, gathered before any of it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeldata.splits.draw import draw
from skeldata.splits.pool import training_names
from skeldata.splits.split import Split
from skeldata.store.read import Store
from skeldata.store.summary import USUAL_RATIOS

SEED = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Clips that have one value in common.

    Attributes:
        value: e.g. the subject's number, or the class's label.
        rows: clips.
        train: protocol -> training clips.
        length: median of source frames.
        two: clips of two bodies or more.
    """

    value: int
    rows: int
    train: dict[str, int]
    length: float
    two: int


@dataclass(frozen=True, slots=True)
class Names:
    """A store's names beside the official ones.

    Attributes:
        official: how many have a skeleton, as published.
        held: how many of them the store holds.
        lacking: those that it does not, sorted.
        beyond: names of the store that are on no list, sorted.
        missing: how many names are officially missing or incomplete.
        missing_seen: those of them that lay among the raw files and were left out, sorted.
    """

    official: int
    held: int
    lacking: tuple[str, ...]
    beyond: tuple[str, ...]
    missing: int
    missing_seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """All of it.

    Attributes:
        classes: of each class that has clips, by label.
        columns: ``subject``, ``camera``, ... -> of each value.
        splits: protocol -> the labelled names at each usual ratio, seed 0; none without training
            clips.
        test: protocol -> test clips.
        names: beside the official ones.
        ignored: reason -> how many files; of those that the store lists one by one.
    """

    classes: tuple[Group, ...]
    columns: dict[str, tuple[Group, ...]]
    splits: dict[str, tuple[Split, ...]]
    test: dict[str, int]
    names: Names
    ignored: dict[str, int]


def gather(store: Store) -> Contents:
    """Read all small arrays and ``present`` of a store, and draw its usual splits.

    Raises:
        StoreError: an array is damaged.
    """
    train = {name: store.train_mask(name) for name in store.dataset.protocols}
    bodies = store.read_present().any(axis=2).sum(axis=1)

    def groups(values: NDArray[np.int64]) -> tuple[Group, ...]:
        found = []
        for value in np.unique(values):
            inside = values == value
            found.append(
                Group(
                    value=int(value),
                    rows=int(inside.sum()),
                    train={name: int((mask & inside).sum()) for name, mask in train.items()},
                    length=float(np.median(store.lengths[inside])),
                    two=int((bodies[inside] > 1).sum()),
                )
            )
        return tuple(found)

    return Contents(
        classes=groups(store.labels),
        columns={name: groups(store.column(name)) for name in store.attributes["columns"]},
        splits={name: _splits(store, name) for name in train if train[name].any()},
        test={name: int((~mask).sum()) for name, mask in train.items()},
        names=_names(store),
        ignored=dict(Counter(str(each["reason"]) for each in store.attributes["ignored"])),
    )


def _splits(store: Store, protocol: str) -> tuple[Split, ...]:
    dataset = store.dataset
    names: Sequence[str] = training_names(dataset.id, protocol, store.names)
    return tuple(
        draw(dataset.id, protocol, ratio, SEED, names=names)
        for ratio in USUAL_RATIOS[dataset.family]
    )


def _names(store: Store) -> Names:
    official, held = frozenset(store.dataset.official_names()), frozenset(store.names)
    return Names(
        official=len(official),
        held=len(held & official),
        lacking=tuple(sorted(official - held)),
        beyond=tuple(sorted(held - official)),
        missing=len(store.dataset.missing_names()),
        missing_seen=tuple(store.attributes["missing"]),
    )
