"""Read a finished store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from skeldata.datasets import Dataset, datasets
from skeldata.errors import StoreError, UsageError
from skeldata.layouts import Layout
from skeldata.store.readable import require_all_blocks, require_attributes
from skeldata.store.schema import FORMAT, FORMAT_VERSION, layout_attributes


class Store:
    """A prepared dataset, opened read-only; use `open_store` to get one.

    Rows are sorted by sample name. Nothing is read before it is asked for, and nothing forks.
    """

    def __init__(self, path: Path, group: zarr.Group, attributes: dict[str, Any]) -> None:
        self.path = path
        self.attributes = attributes
        self._group = group

    def __len__(self) -> int:
        return int(self._array("label").shape[0])

    def __repr__(self) -> str:
        return f"<Store {self.path} {self.dataset.id} rows={len(self)} streams={self.streams}>"

    @property
    def dataset(self) -> Dataset:
        """Facts of the dataset: classes, protocols, layout."""
        return datasets()[self.attributes["dataset"]]

    @property
    def layout(self) -> Layout:
        """Joints, bones and groups."""
        return self.dataset.layout

    @property
    def recipe(self) -> dict[str, Any]:
        """The preparation recipe, whole."""
        return dict(self.attributes["recipe"])

    @property
    def content_digest(self) -> str:
        """sha256 hex of everything the store holds (`skeldata.store.digest.content_digest`)."""
        return str(self.attributes["content_digest"])

    @property
    def source_digest(self) -> str:
        """sha256 hex of names, sizes and CRCs of the raw files."""
        return str(self.attributes["source_digest"])

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams, ``joint`` and ``motion`` at least."""
        return tuple(self.attributes["streams"])

    @property
    def persons(self) -> int:
        """M, bodies a row."""
        return self.dataset.persons

    @property
    def frames(self) -> int:
        """T, frames a row."""
        return int(self._array("joint").shape[2])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Sample names in row order."""
        return tuple(str(name) for name in self._values("name"))

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(N,) 0-based labels."""
        return self._values("label").astype(np.int64)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) source frames with a chosen body, before resampling."""
        return self._values("length").astype(np.int64)

    def column(self, name: str) -> NDArray[np.int64]:
        """(N,) ``subject``, ``camera``, ``replication`` or ``setup`` (NTU only)."""
        if name not in self.attributes["columns"]:
            known = ", ".join(self.attributes["columns"])
            raise UsageError(f"{self.path} has no column {name!r}, only {known}")
        return self._values(name).astype(np.int64)

    def read(
        self, rows: slice | Sequence[int] | NDArray[Any] | None = None, stream: str = "joint"
    ) -> NDArray[np.float32]:
        """Read a stream: (n, M, T, V, 3) float32 of the rows asked for, all by default.

        Args:
            rows: a slice, row numbers in any order, or a (N,) bool mask.
            stream: ``joint``, ``motion`` or another of `streams`.

        Raises:
            UsageError: there is no such stream.
            StoreError: a block is damaged.
        """
        if stream not in self.streams:
            raise UsageError(
                f"{self.path} has no stream {stream!r}, only {', '.join(self.streams)}"
            )
        return np.asarray(self._select(stream, rows), dtype=np.float32)

    def read_present(
        self, rows: slice | Sequence[int] | NDArray[Any] | None = None
    ) -> NDArray[np.bool_]:
        """Read which bodies are there: (n, M, T) bool."""
        return np.asarray(self._select("present", rows), dtype=np.bool_)

    def train_mask(self, protocol: str) -> NDArray[np.bool_]:
        """(N,) bool: the training rows of a protocol."""
        self.dataset.protocol(protocol)
        return self._values(f"splits/{protocol}/train").astype(np.bool_)

    def ranks(self, protocol: str, seed: int) -> NDArray[np.int64]:
        """(N,) rank of each training row within its class for a seed, -1 for test rows.

        The labelled rows of any ratio are those with ``0 <= rank < k``.

        Raises:
            UsageError: an unknown protocol, or a seed whose ranks the store does not carry.
            StoreError: ranks or their seeds are missing or damaged.
        """
        self.dataset.protocol(protocol)
        path = f"splits/{protocol}"
        seeds = self._node(path).attrs.asdict().get("seeds")
        ranks = self._values(f"{path}/rank")
        if not isinstance(seeds, list) or ranks.shape != (len(self), len(seeds)):
            raise StoreError(
                f"{self.path}: attribute 'seeds' of {path!r} is {seeds!r}, which is not one seed for "
                f"each column of its ranks; `skeldata verify {self.path}` says more"
            )
        if seed not in seeds:
            raise UsageError(f"{self.path} carries ranks for seeds {seeds}, not {seed}")
        return ranks[:, seeds.index(seed)].astype(np.int64)

    def rows_of(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Row numbers of sample names, in the order given.

        Raises:
            UsageError: the store lacks one of them.
        """
        lacking = [name for name in names if name not in self._row_of]
        if lacking:
            raise UsageError(
                f"{self.path} lacks {len(lacking)} of {len(names)} names, e.g. {lacking[0]}"
            )
        return np.array([self._row_of[name] for name in names], dtype=np.int64)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.names)}

    def _node(self, path: str) -> zarr.Array[Any] | zarr.Group:
        try:
            return self._group[path]
        except KeyError:
            raise StoreError(f"{self.path} lacks {path!r}; prepare it again") from None
        except Exception as error:  # damaged metadata makes zarr raise whatever it stumbles over
            raise StoreError(
                f"{self.path}: {path!r} cannot be opened ({error}); prepare it again"
            ) from error

    def _array(self, path: str) -> zarr.Array[Any]:
        array = self._node(path)
        if not isinstance(array, zarr.Array):
            raise StoreError(f"{self.path}: {path!r} is not an array; prepare it again")
        return array

    def _values(self, path: str) -> NDArray[Any]:
        return self._select(path, None)

    def _select(self, path: str, rows: slice | Sequence[int] | NDArray[Any] | None) -> NDArray[Any]:
        array = self._array(path)
        chosen = np.asarray(rows)
        if not (rows is None or isinstance(rows, slice)) and (
            chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iub")
        ):
            raise UsageError(
                f"{rows!r} are no rows of {self.path}: give numbers in a list or a slice; "
                "`store.rows_of(names)` finds those of sample names"
            )
        try:
            if rows is None or isinstance(rows, slice):
                return np.asarray(array[rows if rows is not None else ...])
            return np.asarray(array.oindex[_as_index(chosen, len(self))])
        except IndexError as error:
            raise UsageError(f"{self.path} has rows 0..{len(self) - 1}: {error}") from None
        except (OSError, RuntimeError, ValueError) as error:
            raise StoreError(
                f"{self.path}: array {path!r} is damaged ({error}); prepare it again"
            ) from error


def _as_index(rows: NDArray[Any], count: int) -> NDArray[Any]:
    """Row numbers of any integer type, or an empty list, as zarr takes them; a mask as it is."""
    if rows.dtype.kind == "u":
        rows = np.minimum(rows, count)  # so that what is beyond the end stays there as int64
    return rows if rows.dtype.kind == "b" else rows.astype(np.int64)


def open_store(path: str | Path) -> Store:
    """Open a store for reading.

    zarr reads a missing chunk as zeros without a word: that all are there is checked here, and
    that the attributes are.

    Raises:
        StoreError: nothing is there, it is no skeldata store, or of a format this version of
            skeldata does not know, or an attribute or a block is missing or damaged.
    """
    store = open_unchecked(Path(path))
    require_attributes(store.path, store.attributes)
    require_all_blocks(store.path, store.streams)
    return store


def open_unchecked(path: Path) -> Store:
    """Open a store that may lack attributes and blocks, to examine it; raises as `open_store` otherwise."""
    if not path.exists():
        raise StoreError(f"no store at {path}; make one with `skeldata prepare`")
    try:
        group = zarr.open_group(path, mode="r")
        attributes = json.loads(json.dumps(dict(group.attrs)))
    except Exception as error:  # damaged metadata makes zarr raise whatever it stumbles over
        raise StoreError(f"{path} is not a zarr store ({type(error).__name__})") from error
    if attributes.get("format") != FORMAT:
        raise StoreError(f"{path} is a zarr store, but not one that skeldata wrote")
    version = attributes.get("format_version")
    if version != FORMAT_VERSION:
        raise StoreError(
            f"{path} has format {version}; this skeldata reads format {FORMAT_VERSION}"
        )
    dataset = datasets().get(str(attributes.get("dataset")))
    if dataset is None:
        raise StoreError(f"{path} holds the unknown dataset {attributes.get('dataset')!r}")
    if attributes.get("layout") != layout_attributes(dataset.layout):
        raise StoreError(
            f"{path} has another joint layout than {dataset.id}'s {dataset.layout.name}"
        )
    return Store(path, group, attributes)
