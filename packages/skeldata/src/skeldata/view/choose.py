"""Which clips are meant: names and classes as people write them, with a guess where they err."""

from __future__ import annotations

import difflib
import re
from bisect import bisect
from collections.abc import Iterable

import numpy as np

from skeldata.datasets import Dataset
from skeldata.errors import UsageError
from skeldata.store.read import Store

_MANY, _TAIL = 500, 8  # names, letters: a long list is looked through only where it is similar
_ACTION = re.compile(r"[aA]?0*([0-9]{1,3})", re.ASCII)


def row_of(store: Store, name: str) -> int:
    """The row of a sample name.

    Raises:
        UsageError: the store lacks it; the message names the most similar ones it has.
    """
    try:
        return store.names.index(name)
    except ValueError:
        raise UsageError(f"{store.path} has no sample {name!r}{near(name, store.names)}") from None


def label_of(dataset: Dataset, action: str) -> int:
    """The 0-based label of a class, given by its name or its number in sample names.

    Raises:
        UsageError: there is no such class.

    >>> from skeldata import get_dataset
    >>> label_of(get_dataset("ntu60"), "hand waving"), label_of(get_dataset("nw-ucla"), "a08")
    (22, 6)
    """
    names = {name.casefold(): label for label, name in enumerate(dataset.classes)}
    wanted = " ".join(action.split()).casefold()
    if wanted in names:
        return names[wanted]
    number = _ACTION.fullmatch(wanted)
    if number and int(number[1]) in dataset.labels:
        return dataset.labels[int(number[1])]
    inside = sorted(name for name in names if wanted and wanted in name)
    guess = f", did you mean {inside[0]!r}?" if inside else near(wanted, names)
    raise UsageError(
        f"{dataset.id} has no class {action!r}{guess or '; `skeldata info STORE` lists them'}"
    )


def rows_of_class(store: Store, label: int, count: int) -> list[int]:
    """At most ``count`` rows of a class, evenly spaced in name order.

    Raises:
        UsageError: the store holds no clip of the class.
    """
    rows = np.flatnonzero(store.labels == label)
    if not len(rows):
        raise UsageError(f"{store.path} holds no clip of class {store.dataset.classes[label]!r}")
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(np.int64)
    return [int(row) for row in rows[places]]


def one_of_each(store: Store) -> list[int]:
    """For each class that the store holds, the row of median length, the first by name of such."""
    rows = []
    for label in np.unique(store.labels):
        inside = np.flatnonzero(store.labels == label)
        by_length = inside[np.argsort(store.lengths[inside], kind="stable")]
        middle = store.lengths[by_length[(len(inside) - 1) // 2]]
        rows.append(int(inside[np.argmax(store.lengths[inside] == middle)]))
    return rows


def near(text: str, known: Iterable[str]) -> str:
    """``, did you mean 'x'?`` for a text that resembles a known one, else nothing.

    >>> near("drop trahs", ["throw", "drop trash"])
    ", did you mean 'drop trash'?"
    """
    names = sorted(known)
    if len(names) > _MANY:  # all of NTU-120 would take ten seconds
        place = bisect(names, text)
        around = names[max(place - _MANY, 0) : place + _MANY]
        names = [*around, *(name for name in names if name.endswith(text[-_TAIL:]))]
    found = difflib.get_close_matches(text, names, n=1)
    return f", did you mean {found[0]!r}?" if found else ""
