"""Verify splits on disk: against their lists, the name grammar, the protocol and a new draw."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError, UsageError
from skeldata.splits.draw import draw
from skeldata.splits.index import INDEX_FORMAT, find_index, load_index
from skeldata.splits.jsonfile import read_json
from skeldata.splits.listing import Finding, names_digest
from skeldata.splits.manifest import MANIFEST_FORMAT, Draw, Manifest
from skeldata.splits.pool import training_names
from skeldata.splits.read import load_manifest, manifest_beside, read_listed
from skeldata.splits.split import Split
from skeldata.splits.verify_index import finding_of, official_findings, unlisted_findings


@dataclass
class Verification:
    """What was verified and what was found.

    Attributes:
        lists: labelled lists compared with their descriptions; one that an index and a manifest
            beside it both describe is compared with both and counts once.
        redrawn: how many of them were also drawn again. A list from elsewhere has no draw to
            repeat, and a store's own draw needs the names of that store.
        own_draws: how many of them are such draws, and the store was not given: an edit that
            their digests agree with does not show.
        findings: everything that is wrong; empty if all is well.
    """

    lists: int = 0
    redrawn: int = 0
    own_draws: int = 0
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


def examine(
    path: str | Path,
    names: Iterable[str] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Verification:
    """As `verify_manifest`, and saying how much was verified.

    Args:
        path: as there.
        names: as there.
        report: called behind each comparison of a list with (comparisons done, in all).
    """
    path = Path(path)
    examiner = _Examiner(None if names is None else tuple(names), report)
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*.json")) if _is_ours(file)]
        examiner.total = sum(map(_described_lists, files))
        for file in files:
            examiner.verify_file(file)
        if not files:
            examiner.result.add(path, "no manifest or index in this folder")
    elif path.is_file():
        examiner.total = _described_lists(path)
        examiner.verify_file(path)
    else:
        raise UsageError(f"{path}: no such file or folder; give a manifest, index, list or folder")
    return examiner.result


def _is_ours(path: Path) -> bool:
    """Whether a JSON file in a folder has to be verified; one that cannot be read does."""
    try:
        return read_json(path).get("format") in (MANIFEST_FORMAT, INDEX_FORMAT)
    except ManifestError:
        return True


def _described_lists(path: Path) -> int:
    """How many lists a file describes, for the progress."""
    try:
        content = read_json(path) if path.suffix == ".json" else {}
    except ManifestError:
        return 0
    splits = content.get("splits")
    return len(splits) if isinstance(splits, list) else 1


class _Examiner:
    """Verifies files one after the other, gathering what is found."""

    def __init__(
        self, own: tuple[str, ...] | None, report: Callable[[int, int], None] | None
    ) -> None:
        self.own = own
        self.report = report
        self.result = Verification()
        self.total = self.done = 0
        self.seen: set[Path] = set()

    def verify_file(self, path: Path) -> None:
        """Verify what one file describes, or what describes it."""
        try:
            if path.suffix != ".json":
                self.verify_described(path)
            elif read_json(path).get("format") == INDEX_FORMAT:
                self.verify_index(path)
            else:
                manifest = load_manifest(path)
                self.verify_list(path.parent / manifest.file, manifest, path)
        except ManifestError as error:
            self.result.findings.append(finding_of(path, error))

    def verify_described(self, listing: Path) -> None:
        """Verify a list by the manifest beside it or by the index above it."""
        beside = manifest_beside(listing)
        if beside is not None:
            self.verify_file(beside)
            return
        indexed = find_index(listing)
        if indexed is None:
            self.result.add(listing, "a bare list: no manifest beside it and no index lists it")
        else:
            index_path, _, entry = indexed
            self.verify_list(listing, entry, index_path)

    def verify_index(self, path: Path) -> None:
        """Verify an index: what it says of the datasets, and every list."""
        index = load_index(path)
        self.result.findings += official_findings(path, index)
        for entry in index.splits:
            try:
                self.verify_list(path.parent / entry.file, entry, path)
            except ManifestError as error:
                self.result.findings.append(finding_of(path, error))
        self.result.findings += unlisted_findings(path, index)

    def verify_list(self, listing: Path, stated: Draw, described_by: Path) -> None:
        """Verify a list by what is stated of it, and draw it again if that can be done."""
        first_time = listing.resolve() not in self.seen
        self.seen.add(listing.resolve())
        self.result.lists += first_time
        listed = read_listed(listing, stated, described_by)
        self.result.findings += listed.findings
        missing = sorted(get_dataset(stated.dataset).missing_names().intersection(listed.names))
        if missing:
            self.result.add(
                listing, f"{len(missing)} names are officially missing, the first {missing[0]}"
            )
        if self.own is not None:
            noted = stated.lacking if isinstance(stated, Manifest) else ()
            lacking = sorted({*listed.names} - {*self.own} - {*noted})
            if lacking:
                self.result.add(
                    listing,
                    f"the store lacks {len(lacking)} labelled names, the first {lacking[0]}",
                )
        again = _redraw(stated, self.own)
        if again is None:
            self.result.own_draws += first_time and stated.rule != "list"
        else:
            self.result.redrawn += first_time
            self.result.add(listing, *_name_differences(listed.names, again))
            if isinstance(stated, Manifest):
                differences = _draw_differences(stated, again, for_store=self.own is not None)
                self.result.add(described_by, *differences)
        self.done += 1
        if self.report is not None:
            self.report(self.done, self.total)


def _redraw(stated: Draw, own: tuple[str, ...] | None) -> Split | None:
    """The split drawn anew, where that can be done."""
    if stated.rule == "list" or stated.protocol is None or stated.ratio is None:
        return None
    if own is None and isinstance(stated, Manifest) and stated.base == "store":
        official = training_names(stated.dataset, stated.protocol)
        if stated.base_digest != names_digest(official):
            return None  # else it says that it is an official draw, and is compared with that
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
