"""The npz that CTR-GCN, InfoGCN and HD-GCN train on: one protocol, split and flattened.

``x_train`` and ``x_test`` (N, T, M * V * 3) float32: frame by frame the joints of the first actor,
then of the second, x y z each, zeros where an actor is absent (150 columns for NTU, 60 for NW-UCLA,
for which their own reader takes other files); ``y_train`` and ``y_test`` (N, classes) one-hot.
Their readers ignore what is added here: ``name_train`` and ``name_test``, the samples in row order.

The clips are the store's: T frames each, resampled, where the published files hold source frames
padded with zeros to 300; the readers resample once more and take both.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skeldata.datasets import Dataset
from skeldata.errors import UsageError
from skeldata.export.files import Tally, blocks
from skeldata.export.npz import NpzWriter
from skeldata.store.read import Store
from skeldata.store.schema import stream_shape


def choose_protocol(dataset: Dataset, name: str | None) -> str:
    """The protocol asked for, or the only one there is; `UsageError` if neither."""
    if name is not None:
        return dataset.protocol(name).name
    if len(dataset.protocols) > 1:
        known = ", ".join(dataset.protocols)
        raise UsageError(f"{dataset.id} has several protocols; give --protocol, one of: {known}")
    return next(iter(dataset.protocols))


def write_ctrgcn(store: Store, path: Path, protocol: str, tally: Tally) -> None:
    """Write the training and test clips of one protocol."""
    tally.total = len(store)
    _, persons, frames, joints, axes = stream_shape(store.dataset, 0, store.frames)
    train = store.train_mask(protocol)
    one_hot = np.eye(len(store.dataset.classes), dtype=np.float32)
    with NpzWriter(path) as archive:
        for part, mask in (("train", train), ("test", ~train)):
            rows = np.flatnonzero(mask)
            shape = (len(rows), frames, persons * joints * axes)
            archive.add_parts(f"x_{part}", shape, np.float32, _flattened(store, rows, tally))
            archive.add(f"y_{part}", one_hot[store.labels[rows]])
            archive.add(f"name_{part}", np.array([store.names[row] for row in rows], dtype=np.str_))


def _flattened(
    store: Store, rows: NDArray[np.int64], tally: Tally
) -> Iterator[NDArray[np.float32]]:
    for _, joint in blocks(store, "joint", tally, rows):
        yield joint.transpose(0, 2, 1, 3, 4).reshape(len(joint), store.frames, -1)
