"""Count what a store holds: classes, protocols, labelled rows, lengths and bodies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeldata.splits.draw import labelled_counts
from skeldata.splits.pool import choose_pool, own_names, training_names
from skeldata.splits.split import Base
from skeldata.store.read import Store

USUAL_RATIOS = {"ntu": ("0.05", "0.1", "0.2", "0.4"), "ucla": ("0.05", "0.15", "0.3", "0.4")}
"""The labelled shares that papers report, by dataset family."""

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Lengths:
    """Source frames of clips before resampling: fewest, median and most."""

    least: int
    median: float
    most: int


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """One class.

    Attributes:
        label: 0-based.
        name: of the class.
        rows: clips.
        bodies: ``bodies[m]`` clips have m + 1 bodies.
        lengths: source frames; None for a class without clips.
        train: protocol -> training clips; the others are test clips.
    """

    label: int
    name: str
    rows: int
    bodies: tuple[int, ...]
    lengths: Lengths | None
    train: dict[str, int]


@dataclass(frozen=True, slots=True)
class ProtocolSummary:
    """One protocol.

    Attributes:
        name: of the protocol.
        train, test: clips.
        labelled: usual ratio -> k by class label, as the default rule draws it for this store;
            empty without training clips.
        base: whether labels are drawn from the ``official`` training names or from those of the
            ``store``, as they are where it holds less than 99 % of the official ones.
        official: how many official training names the store holds, and how many there are.
    """

    name: str
    train: int
    test: int
    labelled: dict[str, dict[int, int]]
    base: Base
    official: tuple[int, int]


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """A store in numbers.

    Attributes:
        rows: clips.
        bodies: ``bodies[m]`` clips have m + 1 bodies.
        lengths: source frames of all clips.
        classes: in label order, all of the dataset's.
        protocols: in the dataset's order.
        official: how many official names the store holds, and how many there are.
    """

    rows: int
    bodies: tuple[int, ...]
    lengths: Lengths | None
    classes: tuple[ClassSummary, ...]
    protocols: tuple[ProtocolSummary, ...]
    official: tuple[int, int]


def summarise(store: Store) -> StoreSummary:
    """Count a store's clips; reads ``present`` and the small arrays.

    Raises:
        StoreError: an array is missing or damaged.
    """
    dataset, labels = store.dataset, store.labels
    bodies = _bodies(store)
    train = {name: store.train_mask(name) for name in dataset.protocols}
    classes = []
    for label, title in enumerate(dataset.classes):
        inside = labels == label
        classes.append(
            ClassSummary(
                label=label,
                name=title,
                rows=int(np.count_nonzero(inside)),
                bodies=_histogram(bodies[inside], store.persons),
                lengths=_lengths(store.lengths[inside]),
                train={name: int(np.count_nonzero(mask & inside)) for name, mask in train.items()},
            )
        )
    official = dataset.official_names()
    return StoreSummary(
        rows=len(store),
        bodies=_histogram(bodies, store.persons),
        lengths=_lengths(store.lengths),
        classes=tuple(classes),
        protocols=tuple(_protocol(store, name, mask) for name, mask in train.items()),
        official=(len({*store.names} & {*official}), len(official)),
    )


def _protocol(store: Store, name: str, train: NDArray[np.bool_]) -> ProtocolSummary:
    count, dataset = int(np.count_nonzero(train)), store.dataset
    labelled = {}
    names, official = (
        training_names(dataset.id, name, store.names),
        training_names(dataset.id, name),
    )
    base: Base = "store"
    if count:
        division = dataset.protocol(name)
        base = choose_pool(dataset, division, own_names(dataset, division, names)).base
        for ratio in USUAL_RATIOS[dataset.family]:
            labelled[ratio] = labelled_counts(dataset.id, name, ratio, names=names)
    held = len({*names} & {*official})
    return ProtocolSummary(name, count, len(train) - count, labelled, base, (held, len(official)))


def _bodies(store: Store) -> NDArray[np.int64]:
    """(N,) how many bodies each clip has."""
    counts = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(store), _ROWS_AT_ONCE):
        present = store.read_present(slice(start, start + _ROWS_AT_ONCE))
        counts.append(present.any(axis=2).sum(axis=1))
    return np.concatenate(counts)


def _histogram(bodies: NDArray[np.int64], persons: int) -> tuple[int, ...]:
    return tuple(int(np.count_nonzero(bodies == m + 1)) for m in range(persons))


def _lengths(values: NDArray[np.int64]) -> Lengths | None:
    if not len(values):
        return None
    return Lengths(int(values.min()), float(np.median(values)), int(values.max()))
