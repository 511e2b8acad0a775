"""A split on disk: a plain list that ``sha256sum`` checks, and a JSON manifest beside it."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError, UsageError
from skeldata.splits.arguments import MAX_SEED, format_ratio, parse_ratio
from skeldata.splits.jsonfile import StrictModel, json_lines
from skeldata.splits.listing import list_bytes, write_atomically
from skeldata.splits.split import Base, Origin, Split

MANIFEST_FORMAT = "skeldata-split"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


def require_printable(file: str) -> None:
    """Refuse, by `ValueError`, a file name that no file can have or no terminal can show."""
    if not file.isprintable():
        raise ValueError(f"file {file!r} has control characters; give it a plain name")


class Draw(StrictModel):
    """What a manifest says of where its names come from; shared with an index's entries.

    Raises (as `pydantic.ValidationError`): an unknown dataset or protocol, a ratio that is not in
    its canonical text, a drawn rule without its terms or a list with them, no names at all, a
    file name with control characters.
    """

    dataset: str
    protocol: str | None
    rule: Origin
    ratio: str | None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None
    count: Count
    digest: Digest
    file: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        facts = get_dataset(self.dataset)
        require_printable(self.file)
        if self.count == 0:
            raise ValueError("count is 0: a split labels one name at least")
        if self.protocol is not None:
            facts.protocol(self.protocol)
        if self.rule == "list":
            self._forbid("ratio", "seed")
        else:
            self._require("protocol", "ratio", "seed")
        if self.ratio is not None:
            canonical = format_ratio(parse_ratio(self.ratio))
            if canonical != self.ratio:
                raise ValueError(f"ratio {self.ratio!r} must be written {canonical!r}")
        return self

    def _forbid(self, *keys: str) -> None:
        for key in keys:
            if getattr(self, key) is not None:
                raise ValueError(f"{key} must be null where rule is {self.rule!r}")

    def _require(self, *keys: str) -> None:
        for key in keys:
            if getattr(self, key) is None:
                raise ValueError(f"{key} must be given where rule is {self.rule!r}")

    @property
    def exact_ratio(self) -> Decimal | None:
        """The ratio as the number it is."""
        return None if self.ratio is None else parse_ratio(self.ratio)


class Manifest(Draw):
    """One split's manifest; ``file`` is the list beside it.

    ``per_class`` counts in label order. ``base`` and its count and digest say which training
    names were drawn from; all three are null for a list from elsewhere.
    """

    format: Literal["skeldata-split"] = "skeldata-split"
    version: Literal[1] = 1
    base: Base | None
    base_count: Count | None
    base_digest: Digest | None
    per_class: list[Count]
    warnings: list[str] = Field(default_factory=list)
    lacking: list[str] = Field(default_factory=list)
    source: str | None = None
    credit: str | None = None

    @model_validator(mode="after")
    def _check_manifest(self) -> Self:
        if Path(self.file).name != self.file or "\\" in self.file:
            raise ValueError(f"file {self.file!r} must lie beside the manifest, without a folder")
        check = self._forbid if self.rule == "list" else self._require
        check("base", "base_count", "base_digest")
        if len({*self.lacking}) < len(self.lacking):
            raise ValueError("lacking has a name more than once")
        return self

    @classmethod
    def of(cls, split: Split, file: str) -> Self:
        """The manifest of a split whose list is ``file``."""
        return cls(
            dataset=split.dataset,
            protocol=split.protocol,
            rule=split.rule,
            ratio=None if split.ratio is None else format_ratio(split.ratio),
            seed=split.seed,
            base=split.base,
            base_count=split.base_count,
            base_digest=split.base_digest,
            count=split.count,
            per_class=list(split.per_class),
            digest=split.digest,
            file=file,
            warnings=list(split.warnings),
            lacking=list(split.lacking),
            source=split.source,
            credit=split.credit,
        )

    def split(self, names: tuple[str, ...]) -> Split:
        """The split this manifest describes, given the names of its list."""
        return Split(
            dataset=self.dataset,
            protocol=self.protocol,
            rule=self.rule,
            names=names,
            per_class=tuple(self.per_class),
            ratio=self.exact_ratio,
            seed=self.seed,
            base=self.base,
            base_count=self.base_count,
            base_digest=self.base_digest,
            warnings=tuple(self.warnings),
            lacking=tuple(self.lacking),
            source=self.source,
            credit=self.credit,
        )


def write_split(split: Split, folder: str | Path, name: str | None = None) -> Path:
    """Write a split's list and its manifest into a folder; returns the manifest's path.

    File names follow from the split, e.g. ``ntu60-xsub-assl-ratio0.05-seed0.json`` and ``.txt``;
    those of a store's own draw or of a list from elsewhere end in eight digits of the digest
    that tells them apart. Each file appears whole or not at all, the manifest last.

    Args:
        split: what to write.
        folder: made if need be.
        name: of the two files, without suffix, instead of the one that follows from the split.

    Raises:
        UsageError: ``name`` is no plain file name, or files of that name hold another split.
        ManifestError: the folder cannot be written to.
    """
    path = Path(folder) / f"{split_stem(split) if name is None else _plain(name)}.json"
    listing = path.with_suffix(".txt")
    files = {listing: list_bytes(split.names), path: manifest_bytes(split, listing.name)}
    if name is not None:
        for file, data in files.items():
            if _present(file) not in (None, data):
                raise UsageError(f"{file} is already there and differs; choose another name")
    for file, data in files.items():
        write_atomically(file, data)
    return path


def manifest_bytes(split: Split, file: str) -> bytes:
    """The manifest of a split whose list is ``file``, as it is written."""
    manifest = Manifest.of(split, file).model_dump()
    first = ("format", "version")
    return json_lines({key: manifest[key] for key in (*first, *manifest)})


def _present(file: Path) -> bytes | None:
    """What a file holds; None if there is none."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ManifestError(
            f"cannot write {file}: {error.strerror or error}; choose another name or folder"
        ) from error


def _plain(name: str) -> str:
    if not _PLAIN_NAME.fullmatch(name) or name.endswith((".json", ".txt")):
        raise UsageError(
            f"name {name!r} is no plain file name without suffix; write e.g. our-labels"
        )
    return name


def split_stem(split: Split) -> str:
    """File name of a split without its suffix."""
    where = split.dataset if split.protocol is None else f"{split.dataset}-{split.protocol}"
    if split.ratio is None:
        return f"{where}-list-{split.digest[:8]}"
    stem = f"{where}-{split.rule}-ratio{format_ratio(split.ratio)}-seed{split.seed}"
    return f"{stem}-store-{(split.base_digest or '')[:8]}" if split.base == "store" else stem
