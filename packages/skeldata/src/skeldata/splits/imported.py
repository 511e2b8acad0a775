"""Names from elsewhere made a split: every name checked, all faults named at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skeldata.datasets import Dataset, Protocol, get_dataset
from skeldata.errors import ManifestError, UsageError
from skeldata.names import parse_ntu_name
from skeldata.splits.foreign import Entry, read_entries
from skeldata.splits.listing import Finding
from skeldata.splits.split import Split, count_per_class, some

FAULTS_SHOWN = 20


@dataclass(frozen=True)
class Imported:
    """What came of a list.

    Attributes:
        split: of rule ``list``; None if anything is wrong.
        findings: everything that is wrong, in file order.
        notes: what was found out without being told, one line each.
    """

    split: Split | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def import_list(
    path: str | Path,
    *,
    source: str,
    dataset: str | None = None,
    protocol: str | None = None,
    credit: str | None = None,
) -> Split:
    """Make a split of a list of names from elsewhere, or refuse it.

    Args:
        path: in one of the formats of `skeldata.splits.foreign`.
        source: where the list was found; goes into the manifest.
        dataset: None: the one of the names.
        protocol: None: the one whose test part holds the fewest of the names, if there is only one.
        credit: whose work it is; goes into the manifest.

    Raises:
        ManifestError: unreadable, or names that do not belong; the first 20 are named, with lines.
        UsageError: dataset or protocol unknown, or not to be found out; no source.
    """
    found = examine_list(path, source=source, dataset=dataset, protocol=protocol, credit=credit)
    if found.split is None:
        rest = len(found.findings) - FAULTS_SHOWN
        lines = [str(finding) for finding in found.findings[:FAULTS_SHOWN]]
        raise ManifestError("\n".join([*lines, *([f"and {rest:,} more"] if rest > 0 else [])]))
    return found.split


def examine_list(
    path: str | Path,
    *,
    source: str,
    dataset: str | None = None,
    protocol: str | None = None,
    credit: str | None = None,
) -> Imported:
    """As `import_list`, but a name that does not belong is a finding.

    Every entry must hold one name of the dataset, each name once, none of them officially missing,
    all of them training names of the protocol. Names that no official list has are only warned of:
    counts of NW-UCLA differ, and a lab may have recordings of its own.

    Raises:
        ManifestError: the file is unreadable or of no known format.
        UsageError: as `import_list`.
    """
    path = Path(path)
    source = _one_line("source", source)
    credit = None if credit is None else _one_line("credit", credit)
    entries = read_entries(path)
    if not entries:
        raise ManifestError(f"{path}: the list has no names")
    notes: list[str] = []
    facts = _choose_dataset(entries, path, notes) if dataset is None else get_dataset(dataset)
    division = (
        _choose_protocol(entries, facts, path, notes)
        if protocol is None
        else facts.protocol(protocol)
    )
    names, findings = _checked(entries, path, facts, division)
    if findings:
        return Imported(None, findings, tuple(notes))
    split = Split(
        dataset=facts.id,
        protocol=division.name,
        rule="list",
        names=names,
        per_class=(per_class := count_per_class(facts, names)),
        warnings=tuple(_warnings(names, per_class, facts)),
        source=source,
        credit=credit,
    )
    return Imported(split, (), tuple(notes))


def read_bare(path: Path, facts: Dataset, division: Protocol | None) -> Split:
    """Names from elsewhere that nothing describes, for use as they are.

    Args:
        path: in one of the formats of `skeldata.splits.foreign`.
        facts: the dataset they are of.
        division: whose training names they must be; None if that is not known.

    Raises:
        ManifestError: unreadable, without a name, or with a fault as `examine_list` finds it.
    """
    entries = read_entries(path)
    if not entries:
        raise ManifestError(f"{path}: the list has no names")
    names, findings = _checked(entries, path, facts, division)
    if findings:
        rest = len(findings) - 1
        more = f"; {rest:,} more, `skeldata splits import` names them" if rest else ""
        raise ManifestError(f"{findings[0]}{more}")
    per_class = count_per_class(facts, names)
    return Split(
        dataset=facts.id,
        protocol=None if division is None else division.name,
        rule="list",
        names=names,
        per_class=per_class,
        warnings=tuple(_warnings(names, per_class, facts)),
    )


def _checked(
    entries: Sequence[Entry], path: Path, facts: Dataset, division: Protocol | None
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """The names of a list, sorted, and everything that is wrong with it, in file order."""
    seen: dict[str, Entry] = {}
    faults = [(entry, _fault(entry, facts, division, seen)) for entry in entries]
    findings = tuple(entry.finding(str(path), fault) for entry, fault in faults if fault)
    return tuple(sorted(seen)), findings


def _fault(
    entry: Entry, facts: Dataset, division: Protocol | None, seen: dict[str, Entry]
) -> str | None:
    """What is wrong with an entry; if nothing, its name is noted as seen."""
    if len(entry.names) > 1:
        return f"holds several sample names: {', '.join(entry.names)[:60]}; give one a line"
    text = entry.names[0] if entry.names else entry.text
    name = facts.parse_name(text)
    if name is None:
        return f"{text[:60]!r} is not a sample name of {facts.id}, e.g. {facts.example}"
    if text in seen:
        return f"{text} is already in {seen[text].where}"
    if text in facts.missing_names():
        return f"{text} is officially missing: it has no usable skeleton"
    if division is not None and not division.is_train(name):
        return f"{text} is no training sample of {facts.id} {division.name} ({division.rule})"
    seen[text] = entry
    return None


def _choose_dataset(entries: Sequence[Entry], path: Path, notes: list[str]) -> Dataset:
    """The dataset that the names are of; NTU-120 if a tenth of them can only be that.

    Fewer are taken for strays in a list of NTU-60, so that they are refused, not let in.
    """
    named = [name for entry in entries for name in entry.names]
    if not named:
        problem = f"{entries[0].text[:60]!r} holds no sample name of any dataset"
        raise entries[0].finding(str(path), problem).error()
    ntu = [name for name in named if parse_ntu_name(name)]
    if 2 * len(ntu) < len(named):
        facts = get_dataset("nw-ucla")
    else:
        facts = get_dataset("ntu60")
        if 10 * sum(facts.parse_name(name) is None for name in ntu) >= len(ntu):
            facts = get_dataset("ntu120")
    notes.append(f"dataset {facts.id}, found from the names")
    return facts


def _choose_protocol(
    entries: Sequence[Entry], facts: Dataset, path: Path, notes: list[str]
) -> Protocol:
    """The one protocol whose test part holds the fewest of the names, best none."""
    names = [name for e in entries for text in e.names if (name := facts.parse_name(text))]
    tested = {
        protocol.name: sum(not protocol.is_train(name) for name in names)
        for protocol in facts.protocols.values()
    }
    fewest = min(tested.values())
    best = [name for name, count in tested.items() if count == fewest]
    if len(best) > 1:
        raise UsageError(
            f"{path}: the names do not say the protocol, {' and '.join(best)} have "
            f"{fewest:,} test names among them; give the protocol"
        )
    if len(tested) > 1:
        notes.append(f"protocol {best[0]}, found from the names")
    return facts.protocol(best[0])


def _warnings(names: tuple[str, ...], per_class: tuple[int, ...], facts: Dataset) -> list[str]:
    warnings = []
    unknown = sorted({*names}.difference(facts.official_names()))
    if unknown:
        warnings.append(
            f"{len(unknown)} names are not on the official list of {facts.id}: {some(unknown)}"
        )
    empty = [label for label, count in enumerate(per_class) if not count]
    if empty:
        listed = some([f"{label} ({facts.classes[label]})" for label in empty])
        warnings.append(f"{len(empty)} classes have no labelled name: {listed}")
    return warnings


def _one_line(what: str, text: str) -> str:
    line = " ".join(text.split())
    if not line:
        raise UsageError(f"the {what} is empty; say where the list was found or whose work it is")
    return line
