"""Everything in a store beside its blocks: what names say, splits, and the root attributes."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

import numpy as np

import skeldata
from skeldata.datasets import Dataset
from skeldata.sources import Listing, RawFile
from skeldata.splits.draw import rank_names
from skeldata.splits.pool import Pool, choose_pool, own_names
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
    digests = [digest for record in writer.records for digest in record.digests]
    parsed = [dataset.require_name(name) for name in names]
    writer.write_column("name", names)
    writer.write_column(
        "label", np.array([dataset.labels[n.action] for n in parsed], dtype=np.int64)
    )
    lengths = [length for record in writer.records for length in record.lengths]
    writer.write_column("length", np.array(lengths, dtype=np.int32))
    columns = {
        "subject": [n.subject for n in parsed],
        "camera": [n.camera for n in parsed],
        "replication": [n.replication for n in parsed],
    }
    if dataset.family == "ntu":
        columns["setup"] = [n.setup or 0 for n in parsed]
    for column, values in columns.items():
        writer.write_column(column, np.array(values, dtype=np.int16))
    writer.write_group("splits", {})
    train = {}
    for name, protocol in dataset.protocols.items():
        inside = np.array([protocol.is_train(parts) for parts in parsed])
        _write_split(writer, name, names, inside)
        train[name] = int(inside.sum())
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
        "content_digest": content_digest(dataset.id, names, digests),
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


def _write_split(
    writer: StoreWriter, protocol: str, names: Sequence[str], train: np.ndarray[Any, Any]
) -> None:
    """Write train mask and ranks of one protocol."""
    dataset = writer.plan.dataset
    training_names = [name for name, inside in zip(names, train.tolist(), strict=True) if inside]
    ranks = np.full((len(names), len(SPLIT_SEEDS)), -1, dtype=np.int32)
    base = "store"
    if training_names:
        pool = _pool(dataset, protocol, training_names)
        base = pool.base
        for column, seed in enumerate(SPLIT_SEEDS):
            rank = (
                rank_names(dataset.id, protocol, seed, training_names)
                if base == "official"
                else _ranks_within(pool, seed)
            )
            ranks[train, column] = [rank[name] for name in training_names]
    writer.write_group(f"splits/{protocol}", {"base": base, "seeds": list(SPLIT_SEEDS)})
    writer.write_column(f"splits/{protocol}/train", train)
    writer.write_column(f"splits/{protocol}/rank", ranks)


def _pool(dataset: Dataset, protocol: str, training_names: Sequence[str]) -> Pool:
    """What `choose_pool` chooses; for a store that is too small by far, without the official list.

    To take that list apart takes a quarter of a second, as long as to prepare 400 recordings.
    """
    division = dataset.protocol(protocol)
    own = own_names(dataset, division, training_names)
    assert own is not None  # some names are given
    if len(training_names) * LEAST_TRAINING_SHARE < len(dataset.official_names()):
        return Pool(dataset.id, protocol, "store", own)
    return choose_pool(dataset, division, own)


def _ranks_within(pool: Pool, seed: int) -> dict[str, int]:
    return {name: rank for names in pool.order(seed).values() for rank, name in enumerate(names)}
