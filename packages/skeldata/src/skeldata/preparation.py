"""Raw recordings -> finished store: list, prepare in blocks, write splits and facts, rename."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import skeldata
from skeldata.dask_pool import run_batches_on_dask
from skeldata.datasets import Dataset, Family
from skeldata.errors import InterruptedRunError, RejectedFilesError, SourceError
from skeldata.pool import default_workers, run_batches
from skeldata.recipe import load_recipe
from skeldata.sources import Listing, RawFile, detect_dataset, list_sources
from skeldata.splits.draw import draw, rank_names
from skeldata.store import open_store
from skeldata.store.digest import content_digest, source_digest
from skeldata.store.schema import (
    FORMAT,
    FORMAT_VERSION,
    IGNORED_KEPT,
    SPLIT_SEEDS,
    layout_attributes,
)
from skeldata.store.seal import SEAL, attributes_digest
from skeldata.store.write import StorePlan, StoreWriter
from skeldata.streams import ALWAYS, choose_streams
from skeldata.types import Rejection


@dataclass(frozen=True)
class PrepareReport:
    """What a run of `prepare` did.

    Attributes:
        path: the store.
        dataset: what it holds.
        rows: prepared samples.
        train: protocol -> training rows; the others are test rows.
        missing: files left out because the official list calls them missing or incomplete.
        rejected: files left out because they are broken, with reasons.
        ignored: (path, reason) of files that are no recordings.
        resumed: rows taken over from an unfinished run.
        discarded: rows of an unfinished run that was started over.
        content_digest, source_digest: fingerprints of store and source.
        seconds: wall time.
        source_bytes: uncompressed size of the files read.
    """

    path: Path
    dataset: Dataset
    rows: int
    train: dict[str, int]
    missing: tuple[str, ...]
    rejected: tuple[Rejection, ...]
    ignored: tuple[tuple[str, str], ...]
    resumed: int
    discarded: int
    content_digest: str
    source_digest: str
    seconds: float
    source_bytes: int


def prepare(
    family: Family,
    raw: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    recipe: str | Path = "psp",
    frames: int | None = None,
    streams: Sequence[str] = ALWAYS,
    workers: int | None = None,
    dask: str | None = None,
    strict: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    started: Callable[[int, int], None] | None = None,
    advanced: Callable[[int, int], None] | None = None,
) -> PrepareReport:
    """Prepare raw recordings into a store.

    Args:
        family: ``ntu`` (finds out whether 60 or 120) or ``ucla``.
        raw: folders, zips or both.
        out: the store to write; ``ntu.zarr`` or ``ucla.zarr`` by default.
        recipe: a shipped recipe's name or a ``.toml`` file.
        frames: overrides the recipe's number of frames.
        streams: beside ``joint`` and ``motion``, which are always there: ``bone``, ``bone-motion``.
        workers: processes; chosen by the amount of work if None.
        dask: address of a dask cluster that prepares instead, e.g. ``tcp://host:8786``.
        strict: write nothing if any file is rejected.
        resume: continue an unfinished run.
        overwrite: replace an existing store.
        started: called once with (files in all, files that an earlier run finished).
        advanced: called with (files done in all, rejected so far) after every batch.

    Raises:
        SourceError, RecipeError, StoreError: see `skeldata.errors`.
        UsageError: an unknown stream.
        RejectedFilesError: ``strict`` and a file was rejected; no store was written.
        InterruptedRunError: Ctrl-C; finished blocks are kept for ``resume``.
    """
    begun = time.monotonic()
    target = Path(out if out is not None else f"{family}.zarr")
    loaded = load_recipe(recipe, frames=frames)
    chosen_streams = choose_streams(streams)
    listing = list_sources(raw, family)
    dataset = detect_dataset(listing)
    files, missing = _without_missing(listing, dataset)
    plan = StorePlan(dataset, loaded, chosen_streams, len(files), _source_key(files))
    writer = StoreWriter(target, plan, resume=resume, overwrite=overwrite)
    resumed = writer.rows
    try:
        if started:
            started(len(files), writer.consumed)
        first = writer.consumed
        if dask is not None:
            batches = run_batches_on_dask(files, first, dataset, loaded, dask)
        else:
            chosen = workers if workers is not None else default_workers(files[first:])
            batches = run_batches(files, first, dataset, loaded, chosen)
        for batch in batches:
            writer.add(batch)
            if advanced:
                advanced(len(writer.crcs), len(writer.rejected))
        if strict and writer.rejected:
            raise RejectedFilesError(_strict_message(writer.rejected))
        if not writer.rows:
            raise SourceError(
                f"all {len(files)} files were rejected; the first: {writer.rejected[0]}"
            )
        writer.flush_rest()
        attributes = _write_facts(writer, files, missing, listing)
        rejected = tuple(writer.rejected)
        writer.finish(attributes)
    except KeyboardInterrupt:
        writer.close()
        raise InterruptedRunError(
            f"interrupted; {sum(len(r.names) for r in writer.records):,} finished rows are kept: "
            "repeat the command with --resume"
        ) from None
    except (RejectedFilesError, SourceError):
        writer.abandon()
        raise
    except BaseException:
        writer.close()
        raise
    return PrepareReport(
        path=target,
        dataset=dataset,
        rows=attributes["counts"]["rows"],
        train=attributes["counts"]["train"],
        missing=missing,
        rejected=rejected,
        ignored=listing.ignored,
        resumed=resumed,
        discarded=writer.discarded,
        content_digest=attributes["content_digest"],
        source_digest=attributes["source_digest"],
        seconds=time.monotonic() - begun,
        source_bytes=sum(file.size for file in files),
    )


def already_complete(target: Path) -> bool:
    """Whether a finished store stands at ``target`` (its name is given only when it is complete)."""
    return target.exists() and open_store(target) is not None


def _without_missing(
    listing: Listing, dataset: Dataset
) -> tuple[tuple[RawFile, ...], tuple[str, ...]]:
    official = dataset.missing_names()
    files = tuple(file for file in listing.files if file.name not in official)
    missing = tuple(file.name for file in listing.files if file.name in official)
    if not files:
        raise SourceError(
            f"all {len(missing)} recordings are on {dataset.id}'s official missing list"
        )
    return files, missing


def _source_key(files: Sequence[RawFile]) -> str:
    text = "".join(f"{file.name} {file.size}\n" for file in files)
    return hashlib.sha256(text.encode()).hexdigest()


def _strict_message(rejected: Sequence[Rejection]) -> str:
    shown = "; ".join(map(str, rejected[:3]))
    more = f"; and {len(rejected) - 3} more" if len(rejected) > 3 else ""
    return f"--strict: {len(rejected)} files were rejected, nothing is written: {shown}{more}"


def _write_facts(
    writer: StoreWriter, files: Sequence[RawFile], missing: Sequence[str], listing: Listing
) -> dict[str, Any]:
    """Write names, labels and splits; return the root attributes."""
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
    train = {name: _write_split(writer, name, names) for name in dataset.protocols}
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


def _write_split(writer: StoreWriter, protocol: str, names: Sequence[str]) -> int:
    """Write train mask and ranks of one protocol; return the number of training rows."""
    dataset = writer.plan.dataset
    is_train = dataset.protocol(protocol).is_train
    train = np.array([is_train(dataset.require_name(name)) for name in names])
    training_names = [name for name, inside in zip(names, train, strict=True) if inside]
    ranks = np.full((len(names), len(SPLIT_SEEDS)), -1, dtype=np.int32)
    base: str | None = "store"
    if training_names:
        base = draw(dataset.id, protocol, "0.05", names=training_names).base
        for column, seed in enumerate(SPLIT_SEEDS):
            rank = rank_names(dataset.id, protocol, seed, training_names)
            ranks[train, column] = [rank[name] for name in training_names]
    writer.write_group(f"splits/{protocol}", {"base": base, "seeds": list(SPLIT_SEEDS)})
    writer.write_column(f"splits/{protocol}/train", train)
    writer.write_column(f"splits/{protocol}/rank", ranks)
    return int(train.sum())
