"""Verify a finished store: whatever in it can be computed again is, and must agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from skeldata.datasets import Dataset
from skeldata.errors import ManifestError, StoreError, UsageError
from skeldata.splits.read import read_manifest
from skeldata.splits.verify import verify_manifest
from skeldata.store.check_attributes import check_attributes
from skeldata.store.check_blocks import BlockChecker
from skeldata.store.check_columns import Columns, check_columns
from skeldata.store.check_layout import StoreLayout, check_layout
from skeldata.store.digest import content_digest
from skeldata.store.findings import Finding
from skeldata.store.read import Store, open_unchecked
from skeldata.streams import ALWAYS, KNOWN

__all__ = ["Finding", "verify_store"]


def verify_store(
    path: str | Path,
    *,
    manifests: Sequence[str | Path] = (),
    advanced: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Verify a store, and that split manifests belong to it.

    Checked are the root attributes among themselves; that every array has the type, shape and
    chunks of format 1 and every chunk its file; that names are valid and sorted; that labels,
    columns, train masks and ranks are those that the names give; that streams are finite, exactly
    0 where a body is absent, and follow from joints and presence; and that the content digest is
    that of the rows. docs/store-format.md has the whole list.

    Args:
        path: the store. It is read once, block by block, in the memory of one block.
        manifests: split manifests that must be of this dataset, hold names of this store and be
            what their own rule draws for it.
        advanced: called with (rows done, rows in all) after every block.

    Returns:
        What is wrong; empty if the store is sound. Damage of any kind is a finding, not an error.

    Raises:
        StoreError: there is nothing at ``path``.
        UsageError: there is no such manifest.
    """
    root = Path(path)
    for manifest in manifests:
        if not Path(manifest).is_file():
            raise UsageError(f"{manifest}: no such manifest")
    if not root.exists():
        raise StoreError(f"no store at {root}; make one with `skeldata prepare`")
    try:
        store = open_unchecked(root)
    except StoreError as error:
        return [Finding("zarr.json", str(error))]
    except Exception as error:  # damaged metadata makes zarr raise whatever it stumbles over
        return [Finding("zarr.json", f"cannot be read ({type(error).__name__}: {error})")]
    dataset, attributes = store.dataset, store.attributes
    layout = check_layout(root, dataset, _listed_streams(attributes))
    columns = check_columns(dataset, layout)
    blocks = BlockChecker(dataset, layout, columns)
    blocks.run(advanced)
    findings = check_attributes(attributes, dataset)
    if not findings:  # else they may not even have the form to be compared
        findings += _contradictions(store, layout, columns)
    findings += layout.findings + columns.findings + blocks.findings
    if columns.names is not None and len(blocks.digests) == layout.rows:
        stated = attributes.get("content_digest")
        found = content_digest(dataset.id, columns.names, blocks.digests)
        if found != stated:
            problem = f"content_digest is {stated}, the rows give {found}"
            findings.append(Finding("attributes", problem))
    for manifest in manifests:
        findings += _manifest_findings(Path(manifest), dataset, columns.names)
    return findings


def _listed_streams(attributes: dict[str, Any]) -> tuple[str, ...]:
    """The streams whose arrays are looked for, even if the list is damaged."""
    listed = attributes.get("streams")
    named = listed if isinstance(listed, list) else []
    return tuple(name for name in KNOWN if name in ALWAYS or name in named)


def _contradictions(store: Store, layout: StoreLayout, columns: Columns) -> Iterator[Finding]:
    """What attributes say of the arrays, and do not hold."""
    attributes = store.attributes
    counts = attributes["counts"]
    if counts["rows"] != layout.rows:
        yield Finding("attributes", f"counts.rows is {counts['rows']}, there are {layout.rows}")
    for protocol, train in columns.train.items():
        if counts["train"][protocol] != train:
            stated = counts["train"][protocol]
            yield Finding("attributes", f"counts.train.{protocol} is {stated}, not {train}")
    frames = layout.blocks["present"].shape[2]
    if attributes["recipe"].get("frames") != frames:
        stated = attributes["recipe"].get("frames")
        yield Finding("attributes", f"recipe.frames is {stated}, clips have {frames} frames")
    rejected = {entry["name"] for entry in attributes["rejected"]}
    for row, name in enumerate(columns.names or ()):
        if name in rejected:
            yield Finding("attributes", "is listed as rejected", row=row, name=name)


def _manifest_findings(
    path: Path, dataset: Dataset, names: tuple[str, ...] | None
) -> Iterator[Finding]:
    try:
        read_manifest(path, dataset=dataset.id)
        if names is not None:
            for fault in verify_manifest(path, names):
                line = "" if fault.line is None else f"line {fault.line}: "
                yield Finding(fault.file, f"{line}{fault.problem}")
    except (ManifestError, UsageError) as error:
        yield Finding(str(path), str(error))
