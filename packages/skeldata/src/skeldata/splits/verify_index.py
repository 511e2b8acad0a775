"""Verify what an index says of the datasets, and that it lists every file below it."""

from __future__ import annotations

import re
from pathlib import Path

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError
from skeldata.splits.index import Index
from skeldata.splits.listing import Finding, list_bytes, names_digest, read_list_bytes
from skeldata.splits.pool import training_names
from skeldata.splits.read import manifest_beside


def official_findings(path: Path, index: Index) -> list[Finding]:
    """The name lists and the protocols' sizes against what ships with the package."""
    findings = []
    for listed in index.names:
        facts, file = get_dataset(listed.dataset), path.parent / listed.file
        names = facts.official_names() if listed.kind == "names" else facts.missing_names()
        if (listed.count, listed.digest) != (len(names), names_digest(names)):
            problem = f"{listed.file}: count or digest is not the official list's"
            findings.append(Finding(str(path), problem))
        try:
            if read_list_bytes(file) != list_bytes(names):
                problem = f"not the official {listed.kind} list of {listed.dataset}"
                findings.append(Finding(str(file), problem))
        except ManifestError as error:
            findings.append(finding_of(file, error))
    for part in index.protocols:
        train = training_names(part.dataset, part.protocol)
        test = {*get_dataset(part.dataset).official_names()} - {*train}
        have = (part.train, part.test, part.train_digest, part.test_digest)
        if have != (len(train), len(test), names_digest(train), names_digest(test)):
            where = f"{part.dataset} {part.protocol}"
            problem = f"{where}: counts or digests are not the official ones"
            findings.append(Finding(str(path), problem))
    return findings


def unlisted_findings(path: Path, index: Index) -> list[Finding]:
    """A list below the index that nothing describes would look verified and not be."""
    listed = frozenset(index.files)
    return [
        Finding(str(file), f"not listed in {path.name}")
        for file in sorted(path.parent.rglob("*.txt*"))
        if file.relative_to(path.parent).as_posix() not in listed
        and file.is_file()
        and manifest_beside(file) is None
    ]


def finding_of(path: Path, error: ManifestError) -> Finding:
    """The finding in an error's text, which has the form of a finding's own."""
    match = re.fullmatch(r"(.*?)(?:, line ([0-9]+))?: (.*)", str(error), re.DOTALL)
    if match is None:
        return Finding(str(path), str(error))
    return Finding(match[1], match[3], None if match[2] is None else int(match[2]))
