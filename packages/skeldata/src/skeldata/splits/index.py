"""An index: one JSON file that describes many lists, such as ``data_manifests/index.json``.

Three kinds of entry: the official name lists of each dataset, the size and digest of each
protocol's two parts, and the labelled lists. Paths are relative to the index, with ``/``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Literal, Self

from pydantic import Field, model_validator

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError
from skeldata.splits.jsonfile import StrictModel, parse_model, read_json
from skeldata.splits.manifest import Count, Digest, Draw, require_printable
from skeldata.splits.split import Split, count_per_class

INDEX_FORMAT = "skeldata-split-index"
INDEX_NAME = "index.json"


def _check_relative(file: str) -> None:
    require_printable(file)
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or "\\" in file or str(path) != file:
        raise ValueError(f"file {file!r} must be a plain path below the index")


class NamesEntry(StrictModel):
    """An official list: all samples with a skeleton (``names``) or those without (``missing``)."""

    dataset: str
    kind: Literal["names", "missing"]
    count: Count
    digest: Digest
    file: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_relative(self.file)
        return self


class ProtocolEntry(StrictModel):
    """How a protocol divides a dataset: sizes, and digests of the two parts' names."""

    dataset: str
    protocol: str
    rule: str
    train: Count
    test: Count
    train_digest: Digest
    test_digest: Digest


class SplitEntry(Draw):
    """A labelled list: drawn from the official names, or others' work with source and credit."""

    warnings: list[str] = Field(default_factory=list)
    source: str | None = None
    credit: str | None = None

    @model_validator(mode="after")
    def _check_entry(self) -> Self:
        _check_relative(self.file)
        return self


class Index(StrictModel):
    """The whole file."""

    format: Literal["skeldata-split-index"]
    version: Literal[1]
    about: str
    names: list[NamesEntry]
    protocols: list[ProtocolEntry]
    splits: list[SplitEntry]

    @model_validator(mode="after")
    def _check_unique(self) -> Self:
        for file, times in Counter(self.files).items():
            if times > 1:
                raise ValueError(f"file {file!r} is listed {times} times")
        return self

    @property
    def files(self) -> list[str]:
        """Every list, by its path below the index."""
        return [entry.file for entry in self.names] + [entry.file for entry in self.splits]

    def entry(self, file: str) -> SplitEntry | None:
        """The entry of a labelled list, by its path below the index."""
        return next((entry for entry in self.splits if entry.file == file), None)

    def split(self, entry: SplitEntry, names: tuple[str, ...]) -> Split:
        """The split an entry describes, given the names of its list."""
        parts = {(part.dataset, part.protocol): part for part in self.protocols}
        part = parts.get((entry.dataset, entry.protocol or ""))
        drawn = entry.rule != "list"
        return Split(
            dataset=entry.dataset,
            protocol=entry.protocol,
            rule=entry.rule,
            names=names,
            per_class=count_per_class(get_dataset(entry.dataset), names),
            ratio=entry.exact_ratio,
            seed=entry.seed,
            base="official" if drawn else None,
            base_count=part.train if drawn and part else None,
            base_digest=part.train_digest if drawn and part else None,
            warnings=tuple(entry.warnings),
            source=entry.source,
            credit=entry.credit,
        )


def load_index(path: Path) -> Index:
    """Read and check an index; `ManifestError` with file and line if it is not one."""
    return parse_model(Index, read_json(path), path)


def is_index(path: Path) -> bool:
    """Whether a file says that it is an index of ours; one that cannot be read does not."""
    try:
        return read_json(path).get("format") == INDEX_FORMAT
    except ManifestError:
        return False


def find_index(listing: Path) -> tuple[Path, Index, SplitEntry] | None:
    """The index that lists a file, in its folder or up to three above; None if there is none.

    An ``index.json`` of another kind is passed by.
    """
    listing = listing.resolve()
    for folder in listing.parents[:4]:
        path = folder / INDEX_NAME
        if path.is_file() and is_index(path):
            index = load_index(path)
            entry = index.entry(listing.relative_to(folder).as_posix())
            return None if entry is None else (path, index, entry)
    return None
