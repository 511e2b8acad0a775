"""Verify splits on disk: against their lists, the name grammar, the protocol and a new draw."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError, UsageError
from skeldata.splits.draw import draw
from skeldata.splits.index import INDEX_FORMAT, Index, find_index, load_index
from skeldata.splits.jsonfile import read_json
from skeldata.splits.listing import Finding, list_bytes, names_digest, read_list_bytes
from skeldata.splits.manifest import MANIFEST_FORMAT, Draw, Manifest
from skeldata.splits.pool import training_names
from skeldata.splits.read import load_manifest, manifest_beside, read_listed
from skeldata.splits.split import Split


@dataclass
class Verification:
    """What was verified and what was found.

    Attributes:
        lists: labelled lists compared with their descriptions.
        redrawn: how many of them were also drawn again. A list from elsewhere has no draw to
            repeat, and a store's own draw needs the names of that store.
        findings: everything that is wrong; empty if all is well.
    """

    lists: int = 0
    redrawn: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, file: Path, *problems: str) -> None:
        """Note what is wrong with a file."""
        self.findings += [Finding(str(file), problem) for problem in problems]


def verify_manifest(path: str | Path, names: Iterable[str] | None = None) -> list[Finding]:
    """Verify a manifest, an index, a described list, or all of them in a folder.

    Count and digest must be those of the list, the list canonical, every name a training name of
    the protocol, and a new draw must give the same names. Nothing is raised for what lies on
    disk: a file that cannot be read is a finding.

    Args:
        path: ``.json`` manifest or index, list that one of them describes, or folder.
        names: a store's names (test names are passed over): the new draw is then for that store,
            and a labelled name that the store lacks, unless the manifest says so, is a finding.

    Returns:
        What is wrong, in the order found; empty if all is well.

    Raises:
        UsageError: ``path`` does not exist, or ``names`` are of another dataset.
    """
    return examine(path, names).findings


def examine(path: str | Path, names: Iterable[str] | None = None) -> Verification:
    """As `verify_manifest`, and saying how much was verified."""
    path, result = Path(path), Verification()
    own = None if names is None else tuple(names)
    if path.is_dir():
        found = False
        for file in sorted(path.rglob("*.json")):
            found |= _verify_file(file, own, result, others=True)
        if not found and not result.findings:
            result.add(path, "no manifest or index in this folder")
    elif path.is_file():
        _verify_file(path, own, result)
    else:
        raise UsageError(f"{path}: no such file or folder; give a manifest, index, list or folder")
    return result


def _verify_file(
    path: Path, own: tuple[str, ...] | None, result: Verification, *, others: bool = False
) -> bool:
    """Verify what one file describes, or what describes it; False if passed by as another's."""
    try:
        if path.suffix != ".json":
            _verify_described(path, own, result)
            return True
        kind = read_json(path).get("format")
        if others and kind not in (MANIFEST_FORMAT, INDEX_FORMAT):
            return False
        if kind == INDEX_FORMAT:
            _verify_index(path, own, result)
        else:
            manifest = load_manifest(path)
            _verify_list(path.parent / manifest.file, manifest, path, own, result)
    except ManifestError as error:
        result.findings.append(_as_finding(path, error))
    return True


def _verify_described(listing: Path, own: tuple[str, ...] | None, result: Verification) -> None:
    beside = manifest_beside(listing)
    if beside is not None:
        _verify_file(beside, own, result)
        return
    indexed = find_index(listing)
    if indexed is None:
        result.add(listing, "a bare list: no manifest beside it and no index lists it")
    else:
        index_path, _, entry = indexed
        _verify_list(listing, entry, index_path, own, result)


def _verify_list(
    listing: Path,
    stated: Draw,
    described_by: Path,
    own: tuple[str, ...] | None,
    result: Verification,
) -> None:
    result.lists += 1
    listed = read_listed(listing, stated, described_by)
    result.findings += listed.findings
    if own is not None:
        noted = stated.lacking if isinstance(stated, Manifest) else ()
        lacking = sorted({*listed.names} - {*own} - {*noted})
        if lacking:
            result.add(
                listing, f"the store lacks {len(lacking)} labelled names, the first {lacking[0]}"
            )
    again = _redraw(stated, own)
    if again is not None:
        result.redrawn += 1
        result.add(listing, *_name_differences(listed.names, again))
        if isinstance(stated, Manifest):
            result.add(described_by, *_draw_differences(stated, again, for_store=own is not None))


def _redraw(stated: Draw, own: tuple[str, ...] | None) -> Split | None:
    """The split drawn anew, where that can be done."""
    if stated.rule == "list" or stated.protocol is None or stated.ratio is None:
        return None
    if own is None and isinstance(stated, Manifest) and stated.base == "store":
        return None
    names = None if own is None else training_names(stated.dataset, stated.protocol, own)
    seed = stated.seed or 0
    return draw(stated.dataset, stated.protocol, stated.ratio, seed, stated.rule, names)


def _name_differences(names: tuple[str, ...], again: Split) -> list[str]:
    missing = sorted({*again.names} - {*names})
    extra = sorted({*names} - {*again.names})
    return [
        f"{len(those)} names {what}, the first {those[0]}"
        for those, what in (
            (missing, "that the rule draws are not in the list"),
            (extra, "are not what the rule draws"),
        )
        if those
    ]


def _draw_differences(stated: Manifest, again: Split, *, for_store: bool) -> list[str]:
    problems = [
        f"{key} is {getattr(stated, key)}, drawn again it is {getattr(again, key)}"
        for key in ("base", "base_count", "base_digest")
        if getattr(stated, key) != getattr(again, key)
    ]
    # Of an official draw for a store, what is lacking depends on the store and is checked apart.
    if not for_store or again.base == "store":
        problems += [f"lacks the warning: {w}" for w in again.warnings if w not in stated.warnings]
    return problems


def _verify_index(path: Path, own: tuple[str, ...] | None, result: Verification) -> None:
    index = load_index(path)
    _verify_official(path, index, result)
    for entry in index.splits:
        try:
            _verify_list(path.parent / entry.file, entry, path, own, result)
        except ManifestError as error:
            result.findings.append(_as_finding(path, error))
    _verify_complete(path, index, result)


def _verify_official(path: Path, index: Index, result: Verification) -> None:
    """The name lists and the protocols' sizes against what ships with the package."""
    for listed in index.names:
        facts, file = get_dataset(listed.dataset), path.parent / listed.file
        names = facts.official_names() if listed.kind == "names" else facts.missing_names()
        if (listed.count, listed.digest) != (len(names), names_digest(names)):
            result.add(path, f"{listed.file}: count or digest is not the official list's")
        try:
            if read_list_bytes(file) != list_bytes(names):
                result.add(file, f"not the official {listed.kind} list of {listed.dataset}")
        except ManifestError as error:
            result.findings.append(_as_finding(file, error))
    for part in index.protocols:
        train = training_names(part.dataset, part.protocol)
        test = {*get_dataset(part.dataset).official_names()} - {*train}
        have = (part.train, part.test, part.train_digest, part.test_digest)
        if have != (len(train), len(test), names_digest(train), names_digest(test)):
            result.add(
                path, f"{part.dataset} {part.protocol}: counts or digests are not the official ones"
            )


def _verify_complete(path: Path, index: Index, result: Verification) -> None:
    """A list below the index that nothing describes would look verified and not be."""
    listed = frozenset(index.files)
    for file in sorted(path.parent.rglob("*.txt*")):
        name = file.relative_to(path.parent).as_posix()
        if name not in listed and file.is_file() and manifest_beside(file) is None:
            result.add(file, f"not listed in {path.name}")


def _as_finding(path: Path, error: ManifestError) -> Finding:
    """The finding in an error's text, which has the form of a finding's own."""
    match = re.fullmatch(r"(.*?)(?:, line ([0-9]+))?: (.*)", str(error), re.DOTALL)
    if match is None:
        return Finding(str(path), str(error))
    return Finding(match[1], match[3], None if match[2] is None else int(match[2]))
