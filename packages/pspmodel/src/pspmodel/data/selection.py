"""Which rows of a store train with labels, without labels, choose an epoch, and test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pspmodel.config import DataConfig, HeldOutConfig
from pspmodel.errors import DataMismatchError, UsageError
from skeldata import Split, Store, draw, read_manifest

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows of a store by their part in a run; all sorted.

    Attributes:
        protocol: the division into training and test rows.
        split: the labelled names, with their digest.
        labelled: training rows whose labels train.
        unlabelled: training rows that train without labels.
        held_out: training rows whose labels choose an epoch; never among ``labelled``.
        held_out_subjects: whose rows those are.
        test: test rows.
        warnings: what the user should know about the split.
    """

    protocol: str
    split: Split
    labelled: Rows
    unlabelled: Rows
    held_out: Rows
    held_out_subjects: tuple[int, ...]
    test: Rows
    warnings: tuple[str, ...]


def choose_split(
    store: Store, *, protocol: str | None, ratio: str | None, seed: int, labels: Path | None
) -> tuple[str, Split]:
    """The protocol and the labelled names: drawn by the rule, or read from a manifest or any list.

    Raises:
        UsageError: neither or both of ratio and manifest, or the protocol is missing.
        DataMismatchError: the manifest is of another dataset or protocol.
    """
    if (ratio is None) == (labels is None):
        raise UsageError("give either --ratio, such as 0.05, or --labels with a list of names")
    if labels is not None:
        split = read_manifest(labels, dataset=store.dataset.id, protocol=protocol)
        if split.dataset != store.dataset.id:
            raise DataMismatchError(
                "dataset", store.dataset.id, split.dataset, str(labels), "use a matching manifest"
            )
        if protocol is not None and split.protocol not in (None, protocol):
            raise DataMismatchError(
                "protocol", protocol, split.protocol, str(labels), "use a matching manifest"
            )
        return protocol_of(store, protocol or split.protocol), split
    chosen = protocol_of(store, protocol)
    train = store.train_mask(chosen)
    names = [name for name, inside in zip(store.names, train, strict=True) if inside]
    return chosen, draw(store.dataset.id, chosen, str(ratio), seed, names=names)


def protocol_of(store: Store, protocol: str | None) -> str:
    """The protocol asked for, or the dataset's only or first one."""
    known = list(store.dataset.protocols)
    if protocol is None:
        return known[0]
    store.dataset.protocol(protocol)
    return protocol


def select(
    store: Store, protocol: str, split: Split, data: DataConfig, held_out: HeldOutConfig
) -> Selection:
    """Divide the rows of a store.

    Raises:
        DataMismatchError: no labelled name is in the store, or no test row.
        UsageError: a held-out subject is not a training subject.
    """
    train_mask = store.train_mask(protocol)
    train, test = np.flatnonzero(train_mask), np.flatnonzero(~train_mask)
    inside = set(store.names)
    held = [name for name in split.names if name in inside]
    warnings = [*split.warnings, *filter(None, [split.rounding])]
    if len(held) < len(split.names):
        lacking = next(name for name in split.names if name not in inside)
        warnings.append(
            f"{store.path} lacks {len(split.names) - len(held)} of the {len(split.names)} labelled "
            f"names, e.g. {lacking}"
        )
    labelled = np.sort(store.rows_of(held))
    wrong = labelled[~train_mask[labelled]]
    if len(wrong):
        raise DataMismatchError(
            "training rows", "labelled names only from the training part",
            f"{len(wrong)} test names, e.g. {store.names[wrong[0]]}", f"split {split.digest[:12]}",
            "use a split of this protocol, or say which one it is of with --protocol",
        )  # fmt: skip
    for what, rows in (("labelled rows", labelled), ("test rows", test)):
        if not len(rows):
            raise DataMismatchError(what, "at least 1", 0, str(store.path), "use a larger store")
    subjects = _held_out_subjects(store, train, held_out)
    of_subjects = train[np.isin(store.column("subject")[train], subjects)]
    return Selection(
        protocol=protocol,
        split=split,
        labelled=labelled,
        unlabelled=train if data.unlabelled == "all" else np.setdiff1d(train, labelled),
        held_out=np.setdiff1d(of_subjects, labelled),
        held_out_subjects=subjects,
        test=test,
        warnings=tuple(warnings),
    )


def _held_out_subjects(store: Store, train: Rows, held_out: HeldOutConfig) -> tuple[int, ...]:
    present = np.unique(store.column("subject")[train]).tolist()
    if held_out.subjects:
        foreign = sorted(set(held_out.subjects) - set(present))
        if foreign:
            raise UsageError(
                f"held_out.subjects {foreign} are not among the training subjects {present}"
            )
        return tuple(sorted(held_out.subjects))
    return tuple(present[-math.ceil(held_out.fraction * len(present)) :])
