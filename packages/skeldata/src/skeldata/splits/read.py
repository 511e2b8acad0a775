"""Read splits back: from a manifest, an index, or a bare list of names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError
from skeldata.splits.imported import read_bare
from skeldata.splits.index import INDEX_FORMAT, find_index, load_index
from skeldata.splits.jsonfile import parse_model, read_json
from skeldata.splits.listing import Finding, canonical_fault, parse_list, read_list_bytes
from skeldata.splits.manifest import MANIFEST_FORMAT, Draw, Manifest
from skeldata.splits.published import PUBLISHED, published
from skeldata.splits.split import Split, count_per_class


@dataclass(frozen=True)
class Listed:
    """A described list as it lies on disk: its names and whatever contradicts the description."""

    names: tuple[str, ...]
    findings: tuple[Finding, ...]


def read_manifest(
    path: str | Path, *, dataset: str | None = None, protocol: str | None = None
) -> Split:
    """Read one split and check it against its own description.

    Args:
        path: a ``.json`` manifest, or a list of names (``.txt``, ``.txt.gz``). A list is
            described by the manifest beside it or by an ``index.json`` in its folder or up to
            three above; without either it is a bare list, which may be of any format of
            `skeldata.splits.foreign`: a CSV, JSON or pickle too, in any order.
            Or, where no such file is, the id of a published list such as ``x-car``.
        dataset: needed for a bare list; else the split must be of it.
        protocol: the split must be of it; every name of a bare list must be in its training part.

    Returns:
        The split; ``rule`` is ``list`` for a bare list.

    Raises:
        ManifestError: unreadable, damaged, not as described, or of another dataset or protocol.
        UsageError: an unknown dataset or protocol.

    `skeldata.splits.verify_manifest` also draws again, which this does not.
    """
    path = Path(path)
    if is_published(path):
        split = published(str(path))
    elif path.suffix == ".json" and not _is_foreign(path):
        split = _read_json_split(path)
    else:
        split = _read_list(path, dataset, protocol)
    for what, have, want in (
        ("dataset", split.dataset, dataset),
        ("protocol", split.protocol, protocol),
    ):
        if want is not None and have != want:
            raise ManifestError(f"{path}: {what} is {have or 'not stated'}, not {want}")
    return split


def is_published(path: Path) -> bool:
    """Whether a path is the id of a published list, and no file."""
    return str(path) in PUBLISHED and not path.is_file()


def is_bare(path: str | Path) -> bool:
    """Whether `read_manifest` needs to be told the dataset, there being nothing that says it."""
    path = Path(path)
    if is_published(path):
        return False
    if path.suffix == ".json":
        return _is_foreign(path)
    return manifest_beside(path) is None and find_index(path) is None


def read_index(path: str | Path) -> tuple[Split, ...]:
    """Read every split of an index, each checked against its entry.

    Raises:
        ManifestError: as `read_manifest`.
    """
    path = Path(path)
    index = load_index(path)
    splits = []
    for entry in index.splits:
        listed = read_listed(path.parent / entry.file, entry, path)
        splits.append(index.split(entry, _faultless(listed)))
    return tuple(splits)


def read_listed(listing: Path, draw: Draw, described_by: Path) -> Listed:
    """Read the list that a manifest or an index's entry describes, noting every contradiction."""
    facts = get_dataset(draw.dataset)
    division = None if draw.protocol is None else facts.protocol(draw.protocol)
    data = read_list_bytes(listing)
    file = str(listing)
    names, findings = parse_list(data, file, facts, division)
    if not findings and (fault := canonical_fault(data, file, names)) is not None:
        findings.append(fault)
    digest = sha256(data).hexdigest()
    if len(names) != draw.count:
        findings.append(Finding(file, f"{len(names)} names, {described_by.name} says {draw.count}"))
    if digest != draw.digest:
        findings.append(
            Finding(file, f"digest is {digest}, {described_by.name} says {draw.digest}")
        )
    if isinstance(draw, Manifest):
        findings += _lacking_findings(draw, names, described_by)
    if isinstance(draw, Manifest) and list(count_per_class(facts, names)) != draw.per_class:
        findings.append(
            Finding(str(described_by), "per_class is not what the list holds of each class")
        )
    return Listed(names, tuple(findings))


def _lacking_findings(
    manifest: Manifest, names: tuple[str, ...], described_by: Path
) -> list[Finding]:
    """What it says a store lacks are some of the labelled names: others would hide nothing."""
    if foreign := sorted({*manifest.lacking} - {*names}):
        problem = (
            f"lacking has {len(foreign)} names that are not in the list, the first {foreign[0]}"
        )
        return [Finding(str(described_by), problem)]
    if names and len(manifest.lacking) == len(names):
        return [Finding(str(described_by), f"lacking has all {len(names)} names: none is labelled")]
    return []


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest's JSON alone; `ManifestError` with file and line."""
    content = read_json(path)
    if content.get("format") != MANIFEST_FORMAT:
        raise ManifestError(
            f"{path}: not a split manifest: format is {content.get('format')!r}, "
            f"not {MANIFEST_FORMAT!r}"
        )
    return parse_model(Manifest, content, path)


def manifest_beside(listing: Path) -> Path | None:
    """The manifest that describes a list, if one lies beside it."""
    path = listing.with_suffix(".json")
    if not path.is_file():
        return None
    content = read_json(path)
    ours = content.get("format") == MANIFEST_FORMAT and content.get("file") == listing.name
    return path if ours else None


def _is_foreign(path: Path) -> bool:
    """Whether a JSON file holds names from elsewhere, and neither is a manifest nor a damaged one."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False  # whoever reads it as a manifest says what is wrong with it
    if isinstance(content, dict):
        return "format" not in content and "names" in content
    return isinstance(content, list)


def _read_json_split(path: Path) -> Split:
    content = read_json(path)
    if content.get("format") != INDEX_FORMAT:
        manifest = load_manifest(path)
        return manifest.split(_faultless(read_listed(path.parent / manifest.file, manifest, path)))
    index = load_index(path)
    if len(index.splits) != 1:
        example = f"; name one, e.g. {path.parent / index.splits[0].file}" if index.splits else ""
        raise ManifestError(f"{path}: an index of {len(index.splits)} lists{example}")
    return read_index(path)[0]


def _read_list(path: Path, dataset: str | None, protocol: str | None) -> Split:
    read_list_bytes(path)  # whatever describes it, it must be there
    beside = None if path.suffix == ".json" else manifest_beside(path)
    if beside is not None:
        return _read_json_split(beside)
    indexed = find_index(path)
    if indexed is not None:
        index_path, index, entry = indexed
        return index.split(entry, _faultless(read_listed(path, entry, index_path)))
    if dataset is None:
        raise ManifestError(f"{path}: a bare list does not say its dataset; give the dataset")
    facts = get_dataset(dataset)
    return read_bare(path, facts, None if protocol is None else facts.protocol(protocol))


def _faultless(listed: Listed) -> tuple[str, ...]:
    if listed.findings:
        raise listed.findings[0].error()
    return listed.names
