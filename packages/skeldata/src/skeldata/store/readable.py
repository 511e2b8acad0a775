"""Refuse a store that lacks an attribute or a chunk before anything is made of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import zarr
from pydantic import BaseModel, ConfigDict, ValidationError

from skeldata.errors import StoreError
from skeldata.store.check_layout import ArrayLayout, missing_blocks


class _Form(BaseModel):
    """Exact types; what no reader asks for may be anything, `skeldata verify` looks at it."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Recipe(_Form):
    name: str
    version: int
    summary: str
    normalise: dict[str, Any]


class _Counts(_Form):
    files: int
    rows: int
    missing: int
    rejected: int
    ignored: int


class _Rejected(_Form):
    name: str
    line: int | None
    reason: str


class _Ignored(_Form):
    path: str
    reason: str


class _Attributes(_Form):
    streams: list[Literal["joint", "motion", "bone", "bone-motion"]]
    columns: list[Literal["subject", "camera", "replication", "setup"]]
    recipe: _Recipe
    recipe_digest: str
    content_digest: str
    source_digest: str
    tools: dict[str, Any]
    counts: _Counts
    missing: list[str]
    rejected: list[_Rejected]
    ignored: list[_Ignored]


def require_attributes(store: Path, attributes: Mapping[str, Any]) -> None:
    """Check that the root attributes that readers use are there and of their form.

    Whether they agree with each other and with the arrays is for `skeldata verify` to say.

    Raises:
        StoreError: one is missing or of another form.
    """
    try:
        _Attributes.model_validate(dict(attributes))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        fault = f"{store}: the attribute {where!r} is damaged ({first['msg']})"
        if first["type"] == "missing":
            fault = f"{store} lacks the attribute {where!r}"
        raise StoreError(
            f"{fault}; `skeldata verify {store}` says what else is wrong, prepare the store again"
        ) from error


def require_all_blocks(store: Path, streams: Iterable[str]) -> None:
    """Check that every chunk of names, lengths, presence and streams has its file.

    zarr reads a missing chunk as zeros without a word, which would pass for data.

    Raises:
        StoreError: an array or a chunk is missing, or an array's metadata is damaged.
    """
    for path in ("name", "length", "present", *streams):
        try:
            array = zarr.open_array(store / path, mode="r")
            layout = ArrayLayout(path, str(array.dtype), array.shape, array.chunks[0])
        except Exception as error:  # damaged metadata makes zarr raise whatever it stumbles over
            raise StoreError(
                f"{store}: array {path!r} cannot be opened ({error}); "
                f"`skeldata verify {store}` says more, prepare the store again"
            ) from error
        for block in missing_blocks(store, layout):
            raise StoreError(
                f"{store}: block {block} of {path} is missing; prepare the store again"
            )
