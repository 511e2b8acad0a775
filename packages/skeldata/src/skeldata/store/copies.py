"""One recording under several names: rows that hold the same clip, bit for bit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from skeldata.store.read import Store

_ROWS_PER_READ = 2048


def find_copies(
    store: Store, *, advanced: Callable[[int, int], None] | None = None
) -> tuple[tuple[str, ...], ...]:
    """Find the names whose clips are the same: equal joints, presence and number of source frames.

    A copy among the test clips of a training clip tests memory, not recognition, and one that is
    labelled otherwise contradicts it. Recordings that share some frames only are not looked for.

    Args:
        store: an open store; its joints are read once, some rows at a time.
        advanced: called with (rows done, rows in all).

    Returns:
        Groups of two names and more, sorted, as are the names in them.

    Raises:
        StoreError: a block is damaged.
    """
    named: dict[bytes, list[str]] = {}
    for start in range(0, len(store), _ROWS_PER_READ):
        rows = slice(start, min(start + _ROWS_PER_READ, len(store)))
        clips = zip(
            store.names[rows],
            store.lengths[rows].tolist(),
            store.read_present(rows),
            store.read(rows),
            strict=True,
        )
        for name, length, present, joint in clips:
            state = hashlib.sha256(f"{length}\n".encode())
            state.update(np.ascontiguousarray(present).view(np.uint8).data)
            state.update(np.ascontiguousarray(joint).data)
            named.setdefault(state.digest(), []).append(name)
        if advanced:
            advanced(rows.stop, len(store))
    return tuple(sorted(tuple(names) for names in named.values() if len(names) > 1))


def copied_from_training(
    store: Store, protocol: str, copies: tuple[tuple[str, ...], ...]
) -> dict[str, str]:
    """The test clips that are training clips under another name.

    Args:
        store: an open store.
        protocol: what divides it.
        copies: from `find_copies`.

    Returns:
        The name of each such test clip, and the first training clip that it is a copy of.
    """
    train = dict(zip(store.names, store.train_mask(protocol).tolist(), strict=True))
    return {
        name: next(other for other in names if train[other])
        for names in copies
        if any(train[other] for other in names)
        for name in names
        if not train[name]
    }
