"""Check a store's root attributes: their form, and whether they agree with each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skeldata.datasets import Dataset
from skeldata.errors import UsageError
from skeldata.store.findings import Finding
from skeldata.store.schema import IGNORED_KEPT
from skeldata.store.seal import SEAL, attributes_digest
from skeldata.streams import choose_streams

_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]
_Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Counts(_Strict):
    files: _Count
    rows: _Count
    train: dict[str, _Count]
    missing: _Count
    rejected: _Count
    ignored: _Count


class _Rejected(_Strict):
    name: _Text
    line: Annotated[int, Field(ge=1)] | None
    reason: _Text


class _Ignored(_Strict):
    path: _Text
    reason: _Text


class _Tools(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")
    skeldata: _Text


class _Attributes(_Strict):
    format: str
    format_version: int
    dataset: str
    layout: dict[str, Any]
    classes: list[str]
    streams: list[str]
    columns: list[str]
    recipe: dict[str, Any]
    recipe_digest: _Digest
    content_digest: _Digest
    source_digest: _Digest
    tools: _Tools
    counts: _Counts
    missing: list[str]
    rejected: list[_Rejected]
    ignored: list[_Ignored]
    attributes_digest: _Digest | None = None


def columns_of(dataset: Dataset) -> list[str]:
    """The columns that a dataset's names give."""
    return ["subject", "camera", "replication", *(["setup"] if dataset.family == "ntu" else [])]


def check_attributes(attributes: Mapping[str, Any], dataset: Dataset) -> list[Finding]:
    """Check the root attributes of an opened store, without looking at its arrays."""
    try:
        facts = _Attributes.model_validate(dict(attributes))
    except ValidationError as error:
        return [
            Finding("attributes", f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}")
            for fault in error.errors(include_url=False)
        ]
    return [Finding("attributes", problem) for problem in _problems(facts, attributes, dataset)]


def _problems(facts: _Attributes, raw: Mapping[str, Any], dataset: Dataset) -> Iterator[str]:
    stated = raw.get(SEAL)
    if stated is not None and stated != (found := attributes_digest(raw)):
        yield f"{SEAL} is {stated}, the attributes give {found}"
    if facts.classes != list(dataset.classes):
        yield f"classes are not those of {dataset.id}"
    try:
        streams = choose_streams(facts.streams)
    except UsageError as error:
        yield f"streams: {error}"
    else:
        if facts.streams != list(streams):
            yield f"streams are {', '.join(facts.streams)}, not {', '.join(streams)}"
    if facts.columns != columns_of(dataset):
        yield f"columns are {', '.join(facts.columns)}, not {', '.join(columns_of(dataset))}"
    yield from _recipe_problems(facts, dataset)
    yield from _count_problems(facts, dataset)


def _recipe_problems(facts: _Attributes, dataset: Dataset) -> Iterator[str]:
    text = json.dumps(facts.recipe, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest != facts.recipe_digest:
        yield f"recipe_digest is {facts.recipe_digest}, the recipe gives {digest}"
    if dataset.layout.name not in facts.recipe.get("normalise", {}):
        yield f"the recipe has no normalise.{dataset.layout.name}"


def _count_problems(facts: _Attributes, dataset: Dataset) -> Iterator[str]:
    counts = facts.counts
    for key, listed in (("missing", facts.missing), ("rejected", facts.rejected)):
        if getattr(counts, key) != len(listed):
            yield f"counts.{key} is {getattr(counts, key)}, {len(listed)} are listed"
    if min(counts.ignored, IGNORED_KEPT) != len(facts.ignored):
        yield f"counts.ignored is {counts.ignored}, {len(facts.ignored)} are listed"
    if counts.files != counts.rows + counts.rejected:
        yield (
            f"counts.files is {counts.files}, not the {counts.rows} rows "
            f"and {counts.rejected} rejected files"
        )
    if set(counts.train) != set(dataset.protocols):
        yield f"counts.train is of {', '.join(counts.train)}, not {', '.join(dataset.protocols)}"
    official = dataset.missing_names()
    for name in facts.missing:
        if name not in official:
            yield f"missing: {name!r} is not on the official missing list of {dataset.id}"
    for entry in facts.rejected:
        if dataset.parse_name(entry.name) is None:
            yield f"rejected: {entry.name!r} is not a sample name of {dataset.id}"
