"""Raw recordings -> finished store: list, prepare in blocks, write splits and facts, rename."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skeldata.clean.clip import require_layout
from skeldata.dask_pool import run_batches_on_dask
from skeldata.datasets import Dataset, Family, get_dataset
from skeldata.errors import (
    AllRejectedError,
    InterruptedRunError,
    RejectedFilesError,
    SourceError,
    StoreError,
)
from skeldata.memory import collection_paused
from skeldata.pool import default_workers, started_pool
from skeldata.raw_files import RawFiles, size_of
from skeldata.recipe import Recipe, load_recipe
from skeldata.sources import Listing, detect_dataset, list_sources, names_beyond_ntu60
from skeldata.store.plan import StorePlan
from skeldata.store.rows import Batch
from skeldata.store.schema import JOURNAL
from skeldata.store.target import check_replaceable, real_target
from skeldata.streams import ALWAYS, choose_streams
from skeldata.types import Rejection

if TYPE_CHECKING:
    from skeldata.store.write import StoreWriter

_FEW = 10
"""A dataset that one recording in so many, or fewer, make another may be a slip."""


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
        notes: what may not be as it was meant.
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
    notes: tuple[str, ...]
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
        overwrite: replace an existing store, or start an unfinished run over.
        started: called once with (files in all, files that an earlier run finished).
        advanced: called with (files done in all, rejected so far) after every batch.

    Raises:
        SourceError, RecipeError, StoreError: see `skeldata.errors`.
        StoreExistsError: the store is there, or finished rows of an interrupted run are, and neither
            ``resume`` nor ``overwrite`` says what to do with them.
        UsageError: an unknown stream.
        RejectedFilesError: ``strict`` and a file was rejected; no store was written.
        InterruptedRunError: Ctrl-C; finished blocks are kept for ``resume``.
    """
    begun = time.monotonic()
    target = real_target(Path(out if out is not None else f"{family}.zarr"), list(map(Path, raw)))
    check_replaceable(target, overwrite=overwrite)
    loaded = load_recipe(recipe, frames=frames)
    chosen_streams = choose_streams(streams)
    listing = list_sources(raw, family)
    dataset = detect_dataset(listing)
    require_layout(loaded, dataset)
    files, missing = _without_missing(listing, dataset)
    plan = StorePlan(dataset, loaded, chosen_streams, len(files), _source_key(files))
    writer: StoreWriter | None = None
    try:
        with _batches(files, dataset, loaded, workers, dask) as run:
            # zarr is loaded while helper processes, which need none, start.
            with collection_paused():
                from skeldata.store.facts import write_facts
                from skeldata.store.write import StoreWriter

            writer = StoreWriter(target, plan, resume=resume, overwrite=overwrite)
            resumed = writer.rows
            try:
                if started:
                    started(len(files), writer.consumed)
                for batch in run(writer.consumed):
                    writer.add(batch)
                    if advanced:
                        advanced(len(writer.crcs), len(writer.rejected))
                if strict and writer.rejected:
                    raise RejectedFilesError(_strict_message(writer.rejected))
                if not writer.rows:
                    raise AllRejectedError(
                        f"all {len(files)} files were rejected; the first: {writer.rejected[0]}"
                    )
                writer.flush_rest()
                attributes = write_facts(writer, files, missing, listing)
                rejected = tuple(writer.rejected)
                writer.finish(attributes)
            except (RejectedFilesError, AllRejectedError):
                writer.abandon()
                raise
            except SourceError as error:
                writer.close()
                raise SourceError(f"{error}; {_kept(writer)}") from error
            except BaseException:
                writer.close()
                raise
    except KeyboardInterrupt:  # out here, where a second one while all is closed is met as well
        if writer is None:
            raise
        raise InterruptedRunError(_interrupted(writer)) from None
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
        notes=_notes(listing, dataset),
        content_digest=attributes["content_digest"],
        source_digest=attributes["source_digest"],
        seconds=time.monotonic() - begun,
        source_bytes=size_of(files),
    )


@contextmanager
def _batches(
    files: RawFiles, dataset: Dataset, recipe: Recipe, workers: int | None, dask: str | None
) -> Iterator[Callable[[int], Iterator[Batch]]]:
    """What prepares the files from a given one on, its processes started."""
    if dask is not None:
        yield lambda first: run_batches_on_dask(files, first, dataset, recipe, dask)
        return
    count = workers if workers is not None else default_workers(files)
    with started_pool(dataset, recipe, size_of(files), count) as pool:
        yield lambda first: pool.run(files, first)


def already_complete(
    target: Path,
    family: Family,
    *,
    recipe: str | Path = "psp",
    frames: int | None = None,
    streams: Sequence[str] = ALWAYS,
) -> bool:
    """Whether the store that is asked for stands at ``target``; its name is given only to whole ones.

    Raises:
        StoreError: another one stands there.
    """
    if not target.exists():
        return False
    from skeldata.store.read import open_store

    store = open_store(target)
    wanted = load_recipe(recipe, frames=frames)
    asked = {"family": family, "recipe": wanted.digest, "streams": choose_streams(streams)}
    found = {
        "family": store.dataset.family,
        "recipe": store.attributes["recipe_digest"],
        "streams": store.streams,
    }
    other = [key for key, value in asked.items() if found[key] != value]
    if other:
        raise StoreError(
            f"{target} is complete, but of another {', '.join(other)} than asked for; "
            "choose another --out, or give --overwrite instead of --resume"
        )
    (target / JOURNAL).unlink(missing_ok=True)  # left by a run killed as it gave the store its name
    return True


def _without_missing(listing: Listing, dataset: Dataset) -> tuple[RawFiles, tuple[str, ...]]:
    official = dataset.missing_names()
    missing = tuple(name for name in listing.files.names() if name in official)
    files = listing.files.without(official) if missing else listing.files
    if not files:
        raise SourceError(
            f"all {len(missing)} recordings are on {dataset.id}'s official missing list"
        )
    return files, missing


def _notes(listing: Listing, dataset: Dataset) -> tuple[str, ...]:
    if dataset.id != "ntu120":
        return ()
    beyond, count = names_beyond_ntu60(listing), len(listing.files)
    if len(beyond) * _FEW > count:
        return ()
    return (
        f"taken for {dataset.title} because of {len(beyond):,} of {count:,} recordings, such as "
        f"{beyond[0]}; the others are those of {get_dataset('ntu60').title}",
    )


def _source_key(files: RawFiles) -> str:
    state = hashlib.sha256()
    for name, size, crc in zip(files.names(), files.sizes(), files.crcs(), strict=True):
        state.update(f"{name} {size} {crc}\n".encode())
    return state.hexdigest()


def _interrupted(writer: StoreWriter) -> str:
    """What is left of a run that was stopped, and how to go on; its writer is closed."""
    if not writer.partial.exists():  # the store was being given its name
        return f"interrupted, but all was written: {writer.target} is complete"
    return f"interrupted; {_kept(writer)}"


def _kept(writer: StoreWriter) -> str:
    kept = sum(len(record.names) for record in writer.records)
    if not kept:
        return "the first block of rows was not finished: repeat the command"
    return f"{kept:,} finished rows are kept in {writer.partial}: repeat the command with --resume"


def _strict_message(rejected: Sequence[Rejection]) -> str:
    shown = "; ".join(map(str, rejected[:3]))
    more = f"; and {len(rejected) - 3} more" if len(rejected) > 3 else ""
    return f"--strict: {len(rejected)} files were rejected, nothing is written: {shown}{more}"
