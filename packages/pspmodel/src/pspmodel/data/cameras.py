"""Recordings of one performance by several cameras, as their names tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pspmodel.errors import UsageError
from skeldata import Store

Rows = NDArray[np.int64]


class OtherCameras:
    """What another camera saw of the same performance.

    A performance is what all but the camera agree on in a sample's name: action, subject,
    replication and, in NTU, setup.

    Args:
        store: an open store.
        rows: (n,) int64 among which recordings are paired; no other row is ever given.

    Raises:
        UsageError: no performance is there from two cameras.
    """

    def __init__(self, store: Store, rows: Rows) -> None:
        columns = [name for name in store.attributes["columns"] if name != "camera"]
        keys = np.stack([store.labels[rows], *(store.column(name)[rows] for name in columns)])
        camera = store.column("camera")[rows]
        _, performance = np.unique(keys, axis=1, return_inverse=True)
        performance = performance.reshape(-1)  # numpy 2.0.0 gives it as a row
        order = np.argsort(performance, kind="stable")
        self._others: dict[int, Rows] = {}
        for group in np.split(order, np.flatnonzero(np.diff(performance[order])) + 1):
            for member in group:
                others = group[camera[group] != camera[member]]
                if len(others):
                    self._others[int(rows[member])] = rows[others]
        if not self._others:
            raise UsageError(
                f'pseudo_labels.cameras="other" needs performances that two cameras saw, and {store.path} '
                "has none among the unlabelled clips; leave it out, or train on another protocol"
            )

    def of(self, rows: Rows, seed: int) -> Rows:
        """(n,) for each row a recording by another camera, drawn; the row itself where there is none."""
        draws = np.random.Generator(np.random.Philox(seed)).random(len(rows))
        return np.array(
            [self._one_of(int(row), draw) for row, draw in zip(rows, draws, strict=True)],
            dtype=np.int64,
        )

    def _one_of(self, row: int, draw: float) -> int:
        others = self._others.get(row)
        return row if others is None else int(others[int(draw * len(others))])
