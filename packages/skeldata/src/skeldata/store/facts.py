"""Everything in a store beside its blocks: what names say, splits, and the root attributes."""

from __future__ import annotations

import platform
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import skeldata
from skeldata.datasets import Dataset
from skeldata.raw_files import RawFile
from skeldata.sources import Listing
from skeldata.splits.draw import ranks_in
from skeldata.splits.pool import ByClass, Pool, choose_pool, own_names
from skeldata.store.digest import content_digest, source_digest
from skeldata.store.schema import (
    FORMAT,
    FORMAT_VERSION,
    IGNORED_KEPT,
    SPLIT_SEEDS,
    layout_attributes,
)
from skeldata.store.seal import SEAL, attributes_digest
from skeldata.store.write import StoreWriter

LEAST_TRAINING_SHARE = 4
"""Every protocol trains on more than one in so many official names."""

OFFICIAL_COUNTS = {"ntu60": 56_578, "ntu120": 113_945, "nw-ucla": 1_484}
"""How many official names there are: to unpack the lists takes a small store 30 ms."""


def write_facts(
    writer: StoreWriter, files: Sequence[RawFile], missing: Sequence[str], listing: Listing
) -> dict[str, Any]:
    """Write names, labels and splits behind the last block; return the root attributes.

    Args:
        writer: of the store, all rows added.
        files: the candidates.
        missing: names left out because the official list calls them missing.
        listing: what lay in the source.
    """
    dataset = writer.plan.dataset
    names = [name for record in writer.records for name in record.names]
    lengths = [length for record in writer.records for length in record.lengths]
    columns, labels, inside = _from_names(dataset, names)
    writer.write_column("name", names)
    writer.write_column("label", np.array(labels, dtype=np.int64))
    writer.write_column("length", np.array(lengths, dtype=np.int32))
    for column, values in columns.items():
        writer.write_column(column, np.array(values, dtype=np.int16))
    writer.write_group("splits", {})
    train = {}
    for protocol, mask in inside.items():
        _write_split(writer, protocol, names, np.array(mask, dtype=np.bool_))
        train[protocol] = sum(mask)
    rejected = writer.rejected
    attributes = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "dataset": dataset.id,
        "layout": layout_attributes(dataset.layout),
        "classes": list(dataset.classes),
        "streams": list(writer.plan.streams),
        "columns": list(columns),
        "recipe": writer.plan.recipe.model_dump(mode="json"),
        "recipe_digest": writer.plan.recipe.digest,
        "content_digest": content_digest(
            dataset.id, names, (digest for record in writer.records for digest in record.digests)
        ),
        "source_digest": source_digest(
            (file.name, file.size, crc) for file, crc in zip(files, writer.crcs, strict=True)
        ),
        "tools": {
            "skeldata": skeldata.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "counts": {
            "files": len(files),
            "rows": len(names),
            "train": train,
            "missing": len(missing),
            "rejected": len(rejected),
            "ignored": len(listing.ignored),
        },
        "missing": list(missing),
        "rejected": [{"name": r.name, "line": r.line, "reason": r.reason} for r in rejected],
        "ignored": [{"path": p, "reason": r} for p, r in listing.ignored[:IGNORED_KEPT]],
    }
    return {**attributes, SEAL: attributes_digest(attributes)}


def _from_names(
    dataset: Dataset, names: Sequence[str]
) -> tuple[dict[str, array[int]], array[int], dict[str, array[int]]]:
    """What sample names say: columns, labels, and for each protocol whether they train."""
    labels = array("l")
    columns = {name: array("h") for name in ("subject", "camera", "replication")}
    if dataset.family == "ntu":
        columns["setup"] = array("h")
    inside = {protocol: array("b") for protocol in dataset.protocols}
    for name in names:
        parts = dataset.require_name(name)
        labels.append(dataset.labels[parts.action])
        for column, values in columns.items():
            values.append(getattr(parts, column))
        for protocol, mask in inside.items():
            mask.append(dataset.protocols[protocol].is_train(parts))
    return columns, labels, inside


def _write_split(
    writer: StoreWriter, protocol: str, names: Sequence[str], train: NDArray[np.bool_]
) -> None:
    """Write train mask and ranks of one protocol."""
    dataset = writer.plan.dataset
    training_names = [name for name, inside in zip(names, train.tolist(), strict=True) if inside]
    ranks = np.full((len(names), len(SPLIT_SEEDS)), -1, dtype=np.int32)
    base = "store"
    if training_names:
        own = own_names(dataset, dataset.protocol(protocol), training_names)
        assert own is not None  # some names are given
        pool = _pool(dataset, protocol, own, len(training_names))
        base = pool.base
        for column, seed in enumerate(SPLIT_SEEDS):
            rank = ranks_in(pool, own, seed)
            ranks[train, column] = [rank[name] for name in training_names]
    writer.write_group(f"splits/{protocol}", {"base": base, "seeds": list(SPLIT_SEEDS)})
    writer.write_column(f"splits/{protocol}/train", train)
    writer.write_column(f"splits/{protocol}/rank", ranks)


def _pool(dataset: Dataset, protocol: str, own: ByClass, count: int) -> Pool:
    """What `choose_pool` chooses; for a store that is too small by far, without the official list.

    To take that list apart takes a quarter of a second, as long as to prepare 400 recordings.
    """
    if count * LEAST_TRAINING_SHARE < OFFICIAL_COUNTS[dataset.id]:
        return Pool(dataset.id, protocol, "store", own)
    return choose_pool(dataset, dataset.protocol(protocol), own)
