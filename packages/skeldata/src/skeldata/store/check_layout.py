"""Check that a store's files are those of format 1: every array, its type, shape and chunks."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skeldata.datasets import Dataset
from skeldata.store.check_attributes import columns_of
from skeldata.store.findings import Finding
from skeldata.store.schema import SPLIT_SEEDS

_KEYS = {
    "shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs", "attributes",
    "zarr_format", "node_type", "storage_transformers",
}  # fmt: skip
_OPTIONAL_KEYS = {"dimension_names"}
_SERIALISERS = ({"name": "bytes", "configuration": {"endian": "little"}}, {"name": "bytes"})
_TEXT_SERIALISERS = ({"name": "vlen-utf8", "configuration": {}}, {"name": "vlen-utf8"})
_COMPRESSORS = {"blosc", "zstd", "gzip", "crc32c"}
_FILL = {"bool": False, "string": "", "float32": 0.0}


@dataclass(frozen=True)
class ArrayLayout:
    """What the files of one array must be.

    Attributes:
        path: inside the store.
        data_type: as zarr v3 writes it.
        shape: of the array.
        chunk_rows: rows of one chunk; all other axes are whole.
    """

    path: str
    data_type: str
    shape: tuple[int, ...]
    chunk_rows: int

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.shape[0] // self.chunk_rows)

    def chunk(self, index: int) -> str:
        """Path of a chunk's file inside the store."""
        return "/".join((self.path, "c", str(index), *["0"] * (len(self.shape) - 1)))


@dataclass
class StoreLayout:
    """The arrays of a store, as far as their metadata can be trusted.

    Attributes:
        rows: N, on which most arrays agree.
        blocks: layouts of the streams and of ``present``, by path.
        columns: layouts of the small arrays, by path.
        findings: what is wrong with files and metadata.
        untrusted: paths of arrays whose metadata is wrong: they are not to be read.
        missing: (path, chunk index) of chunk files that are not there.
    """

    rows: int
    blocks: dict[str, ArrayLayout]
    columns: dict[str, ArrayLayout]
    findings: list[Finding] = field(default_factory=list)
    untrusted: set[str] = field(default_factory=set)
    missing: set[tuple[str, int]] = field(default_factory=set)

    @property
    def block_rows(self) -> int:
        """Rows of one block."""
        return self.blocks["present"].chunk_rows

    def distrust(self, path: str, problem: str) -> None:
        """Note that an array cannot be read as it should be."""
        self.findings.append(Finding(path, problem))
        self.untrusted.add(path)


def check_layout(root: Path, dataset: Dataset, streams: Sequence[str]) -> StoreLayout:
    """Compare the files below ``root`` with what format 1 says of a dataset's store."""
    paths = [*streams, "present"]
    read = {path: _read_metadata(root / path) for path in [*paths, *_column_types(dataset)]}
    rows = _most([_axis(read[path], 0) for path in read])
    frames = _most([_axis(read[path], 2) for path in paths])
    chunk_rows = max(1, _most([_chunk_axis(read[path], 0) for path in paths]))
    persons, joints = dataset.persons, dataset.layout.joint_count
    stream_shape = (rows, persons, frames, joints, 3)
    layout = StoreLayout(
        rows=rows,
        blocks={path: ArrayLayout(path, "float32", stream_shape, chunk_rows) for path in streams},
        columns={
            path: ArrayLayout(path, kind, (rows, *rest), max(1, rows))
            for path, (kind, rest) in _column_types(dataset).items()
        },
    )
    layout.blocks["present"] = ArrayLayout("present", "bool", stream_shape[:3], chunk_rows)
    for path, expected in (layout.blocks | layout.columns).items():
        for problem in _metadata_problems(read[path], expected):
            layout.distrust(path, problem)
    _check_files(root, dataset, layout)
    return layout


def missing_blocks(root: Path, array: ArrayLayout) -> Iterator[int]:
    """Indices of the chunks of an array whose files are not there.

    zarr reads such a chunk as zeros without a word.
    """
    for index in range(array.chunks):
        if not (root / array.chunk(index)).is_file():
            yield index


def _column_types(dataset: Dataset) -> dict[str, tuple[str, tuple[int, ...]]]:
    types: dict[str, tuple[str, tuple[int, ...]]] = {
        "name": ("string", ()),
        "label": ("int64", ()),
        "length": ("int32", ()),
    }
    types |= {column: ("int16", ()) for column in columns_of(dataset)}
    for protocol in dataset.protocols:
        types[f"splits/{protocol}/train"] = ("bool", ())
        types[f"splits/{protocol}/rank"] = ("int32", (len(SPLIT_SEEDS),))
    return types


def _read_metadata(array: Path) -> dict[str, Any] | str:
    """The JSON that describes an array, or what is wrong with it."""
    try:
        content = json.loads((array / "zarr.json").read_bytes())
    except FileNotFoundError:
        return "the array is missing: it has no zarr.json"
    except (OSError, ValueError, RecursionError) as error:
        return f"zarr.json cannot be read: {error}"
    return content if isinstance(content, dict) else "zarr.json is no JSON object"


def _metadata_problems(content: dict[str, Any] | str, expected: ArrayLayout) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    if wrong := (_KEYS - {*content}) | ({*content} - _KEYS - _OPTIONAL_KEYS):
        yield f"zarr.json has unknown or missing keys: {', '.join(sorted(wrong))}"
        return
    chunk_shape = [expected.chunk_rows, *expected.shape[1:]]
    wanted = {
        "zarr_format": 3,
        "node_type": "array",
        "data_type": expected.data_type,
        "shape": list(expected.shape),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk_shape}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": _FILL.get(expected.data_type, 0),
        "attributes": {},
        "storage_transformers": [],
    }
    for key, value in wanted.items():
        if content[key] != value:
            yield f"{key} is {json.dumps(content[key])}, not {json.dumps(value)}"
    serialisers = _TEXT_SERIALISERS if expected.data_type == "string" else _SERIALISERS
    codecs = content["codecs"]
    names = [codec.get("name") if isinstance(codec, dict) else codec for codec in codecs]
    if codecs[:1] not in [[codec] for codec in serialisers] or not _COMPRESSORS.issuperset(names[1:]):
        yield f"codecs are {', '.join(map(str, names))}, which format 1 does not have"


def _axis(content: dict[str, Any] | str, axis: int) -> int:
    shape = content.get("shape") if isinstance(content, dict) else None
    return _entry(shape, axis)


def _chunk_axis(content: dict[str, Any] | str, axis: int) -> int:
    try:
        return _entry(content["chunk_grid"]["configuration"]["chunk_shape"], axis)  # type: ignore[index]
    except (KeyError, TypeError):
        return 0


def _entry(values: object, index: int) -> int:
    """A sensible number out of a list, else 0."""
    if not isinstance(values, list) or len(values) <= index:
        return 0
    value = values[index]
    return value if type(value) is int and value >= 0 else 0


def _most(values: Sequence[int]) -> int:
    """The value that most arrays state: one damaged number must not condemn all others."""
    return Counter(values).most_common(1)[0][0]


def _check_files(root: Path, dataset: Dataset, layout: StoreLayout) -> None:
    """Note chunk files that are missing and files that do not belong."""
    known = {"zarr.json", "splits/zarr.json"}
    known |= {f"splits/{protocol}/zarr.json" for protocol in dataset.protocols}
    for array in (layout.blocks | layout.columns).values():
        known.add(f"{array.path}/zarr.json")
        if array.path not in layout.untrusted:
            known |= {array.chunk(index) for index in range(array.chunks)}
            layout.missing |= {(array.path, index) for index in missing_blocks(root, array)}
    for folder, subfolders, files in os.walk(root):
        # What starts with a dot was put there by an operating system or a network disk.
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name).relative_to(root).as_posix()
            owner = path.partition("/c/")[0]
            if path not in known and not name.startswith(".") and owner not in layout.untrusted:
                layout.findings.append(Finding(path, "this file is no part of the store"))
