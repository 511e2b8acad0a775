"""A split on disk: a plain list that ``sha256sum`` checks, and a JSON manifest beside it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError
from skeldata.splits.arguments import MAX_SEED, format_ratio, parse_ratio
from skeldata.splits.listing import Finding, list_bytes, write_atomically
from skeldata.splits.split import Base, Origin, Split

MANIFEST_FORMAT = "skeldata-split"

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
ModelT = TypeVar("ModelT", bound=BaseModel)


class StrictModel(BaseModel):
    """Exact types, no unknown keys, no changes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Draw(StrictModel):
    """What a manifest says of where its names come from; shared with an index's entries.

    Raises (as `pydantic.ValidationError`): an unknown dataset or protocol, a ratio that is not in
    its canonical text, a drawn rule without its terms or a list with them.
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


def write_split(split: Split, folder: str | Path) -> Path:
    """Write a split's list and its manifest into a folder; returns the manifest's path.

    File names follow from the split, e.g. ``ntu60-xsub-assl-ratio0.05-seed0.json`` and ``.txt``;
    those of a store's own draw or of a list from elsewhere end in eight digits of the digest
    that tells them apart. Each file appears whole or not at all, the manifest last.

    Raises:
        OSError: the folder cannot be written.
    """
    path = Path(folder) / f"{split_stem(split)}.json"
    listing = path.with_suffix(".txt")
    write_atomically(listing, list_bytes(split.names))
    manifest = Manifest.of(split, listing.name).model_dump()
    first = ("format", "version")
    ordered = {key: manifest[key] for key in (*first, *(k for k in manifest if k not in first))}
    write_atomically(path, json_lines(ordered))
    return path


def split_stem(split: Split) -> str:
    """File name of a split without its suffix."""
    where = split.dataset if split.protocol is None else f"{split.dataset}-{split.protocol}"
    if split.ratio is None:
        return f"{where}-list-{split.digest[:8]}"
    stem = f"{where}-{split.rule}-ratio{format_ratio(split.ratio)}-seed{split.seed}"
    return f"{stem}-store-{(split.base_digest or '')[:8]}" if split.base == "store" else stem


def json_lines(content: dict[str, Any]) -> bytes:
    """JSON with one key a line, and one entry a line in a list of objects: it diffs well."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(f"    {_compact(row)}" for row in value)
            lines.append(f"  {_compact(key)}: [\n{rows}\n  ]")
        else:
            lines.append(f"  {_compact(key)}: {_compact(value)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, or `ManifestError` with file and line."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ManifestError(f"{path}: cannot read the manifest: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not UTF-8 text: {error.reason}") from error
    except json.JSONDecodeError as error:
        raise Finding(str(path), f"not JSON: {error.msg}", error.lineno).error() from error
    if not isinstance(content, dict):
        raise ManifestError(f"{path}: not a split manifest: the JSON is no object")
    return content


def parse_model(model: type[ModelT], content: dict[str, Any], path: Path) -> ModelT:
    """Check a JSON object against a model, or raise `ManifestError` naming the line at fault."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        cause = first.get("ctx", {}).get("error")
        problem = str(cause) if isinstance(cause, ValueError) else first["msg"]
        where = "".join(f"{part}." for part in first["loc"])[:-1]
        line = _line_of(path, content, first["loc"])
        fault = Finding(str(path), f"{where}: {problem}" if where else problem, line)
        raise fault.error() from error


def _line_of(path: Path, content: dict[str, Any], loc: tuple[int | str, ...]) -> int | None:
    """Line of the faulty key, or of the faulty row in a list of objects, where one shows it."""
    key, place = (*loc, "", "")[:2]
    value = content.get(str(key))
    row = value[place] if isinstance(value, list) and isinstance(place, int) else None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        stripped = line.strip()
        if isinstance(row, dict):
            found = stripped.startswith("{") and stripped.rstrip(",") == _compact(row)
        else:
            found = stripped.startswith(f'"{key}":')
        if found:
            return number
    return None
