"""Refuse a store that lacks a chunk before anything is made of its rows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import zarr

from skeldata.errors import StoreError
from skeldata.store.check_layout import ArrayLayout, missing_blocks


def require_all_blocks(store: Path, streams: Iterable[str]) -> None:
    """Check that every chunk of names, lengths, presence and streams has its file.

    zarr reads a missing chunk as zeros without a word, which would pass for data.

    Raises:
        StoreError: an array or a chunk is missing.
    """
    for path in ("name", "length", "present", *streams):
        try:
            array = zarr.open_array(store / path, mode="r")
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(f"{store}: array {path!r} cannot be opened ({error})") from error
        layout = ArrayLayout(path, str(array.dtype), array.shape, array.chunks[0])
        for block in missing_blocks(store, layout):
            raise StoreError(
                f"{store}: block {block} of {path} is missing; prepare the store again"
            )
