"""PYSKL's annotation pickle, which MMAction2 reads as well.

A dict with ``split``, e.g. ``xsub_train`` and ``xsub_val`` -> names, and ``annotations``, a list of
dicts: ``frame_dir`` (the sample name), ``label`` (0-based), ``total_frames`` (T) and ``keypoint``
(M, T, V, 3) float16, as in PYSKL's own 3D files of NTU RGB+D; its pipelines cast to float32. M is
the number of bodies that the clip has, 1 or 2; frames in which one of them is absent are zeros.

PYSKL's own files hold camera coordinates in metres and its configurations normalise them
(``PreNormalize3D``), which is harmless for the recipe ``ctrgcn`` and undoes others in part.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skeldata.export.files import Tally, blocks
from skeldata.store.read import Store

PROTOCOL = 4  # what Python 3.4 to 3.7, on which PYSKL is often run, can read


def write_pyskl(store: Store, path: Path, tally: Tally) -> None:
    """Write a store as PYSKL's pickle, in the memory of one block."""
    tally.total = len(store)
    split = {}
    for protocol in store.dataset.protocols:
        train = store.train_mask(protocol)
        for part, mask in (("train", train), ("val", ~train)):
            split[f"{protocol}_{part}"] = [store.names[row] for row in np.flatnonzero(mask)]
    with path.open("wb") as file:
        pickler = _Pickler(file, PROTOCOL)
        # Without a memo the pickler keeps nothing of what it has written; no object here repeats.
        pickler.fast = True
        pickler.dump({"split": split, "annotations": _Annotations(store, tally)})


class _Annotations:
    """Pickled as a plain list, its entries made one by one."""

    def __init__(self, store: Store, tally: Tally) -> None:
        self._store = store
        self._tally = tally

    def __iter__(self) -> Iterator[dict[str, Any]]:
        store = self._store
        for part, joint in blocks(store, "joint", self._tally):
            present = store.read_present(part)
            for row in range(part.start, part.stop):
                at = row - part.start
                bodies = int(np.flatnonzero(present[at].any(axis=1))[-1]) + 1
                yield {
                    "frame_dir": store.names[row],
                    "label": int(store.labels[row]),
                    "total_frames": store.frames,
                    "keypoint": joint[at, :bodies].astype(np.float16),
                }


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, _Annotations):
            return list, (), None, iter(thing)
        if isinstance(thing, np.ndarray):
            # numpy's own way names a module that differs between numpy 1 and 2; this reads in both.
            data = bytearray(np.ascontiguousarray(thing).data)
            return np.ndarray, (thing.shape, thing.dtype.str, data)
        return NotImplemented
