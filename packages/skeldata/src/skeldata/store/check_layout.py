"""Check that a store's files are those of format 1: every array, its type, shape and chunks."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zarr
from zarr.storage import LocalStore, StorePath

from skeldata.datasets import Dataset
from skeldata.store.check_attributes import columns_of
from skeldata.store.findings import Finding
from skeldata.store.schema import SPLIT_SEEDS

_KEYS = {
    "shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs", "attributes",
    "zarr_format", "node_type", "storage_transformers",
}  # fmt: skip
_OPTIONAL_KEYS = {"dimension_names"}
_GROUP_KEYS = {"attributes", "zarr_format", "node_type"}
_SERIALISERS = ({"name": "bytes", "configuration": {"endian": "little"}}, {"name": "bytes"})
_TEXT_SERIALISERS = ({"name": "vlen-utf8", "configuration": {}}, {"name": "vlen-utf8"})
_COMPRESSORS = ("blosc", "zstd", "gzip", "crc32c")
_BLOSC_HEADER = 16  # bytes; the last four are the size of the chunk, header included
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
        root: folder of the store.
        rows: N, on which most arrays agree.
        blocks: layouts of the streams and of ``present``, by path.
        columns: layouts of the small arrays, by path.
        metadata: what the arrays' zarr.json say, by path.
        findings: what is wrong with files and metadata.
        untrusted: paths of arrays whose metadata is wrong: they are not to be read.
        missing: (path, chunk index) of chunk files that are not there.
    """

    root: Path
    rows: int
    blocks: dict[str, ArrayLayout]
    columns: dict[str, ArrayLayout]
    metadata: dict[str, dict[str, Any] | str]
    findings: list[Finding] = field(default_factory=list)
    untrusted: set[str] = field(default_factory=set)
    missing: set[tuple[str, int]] = field(default_factory=set)

    @property
    def block_rows(self) -> int:
        """Rows of one block."""
        return self.blocks["present"].chunk_rows

    def open(self, path: str, rows: int) -> zarr.Array[Any]:
        """Open an array, its first axis stated as ``rows`` long: a chunk may hold more than N.

        Raises:
            Exception: of any kind, as zarr meets what is wrong with the metadata.
        """
        content = self.metadata[path]
        assert isinstance(content, dict), f"{path} is untrusted"
        content = content | {"shape": [rows, *content["shape"][1:]]}
        return zarr.Array.from_dict(StorePath(LocalStore(self.root, read_only=True), path), content)

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
        root=root,
        rows=rows,
        blocks={path: ArrayLayout(path, "float32", stream_shape, chunk_rows) for path in streams},
        columns={
            path: ArrayLayout(path, kind, (rows, *rest), max(1, rows))
            for path, (kind, rest) in _column_types(dataset).items()
        },
        metadata=read,
    )
    layout.blocks["present"] = ArrayLayout("present", "bool", stream_shape[:3], chunk_rows)
    for path, expected in (layout.blocks | layout.columns).items():
        for problem in _metadata_problems(read[path], expected):
            layout.distrust(path, problem)
    attributes = read_group(root)
    if isinstance(attributes, str):
        layout.findings.append(Finding("zarr.json", attributes))
    _check_files(root, dataset, layout)
    return layout


def size_fault(layout: StoreLayout, array: ArrayLayout, index: int) -> str | None:
    """What is wrong with the size of a chunk's file, where the chunk itself states it.

    Blosc reads on behind the end of a chunk that was cut, so this has to be asked first.
    """
    content = layout.metadata[array.path]
    if not isinstance(content, dict) or content["codecs"][-1]["name"] != "blosc":
        return None
    file = layout.root / array.chunk(index)
    with file.open("rb") as chunk:
        header = chunk.read(_BLOSC_HEADER)
    stated, size = int.from_bytes(header[-4:], "little"), file.stat().st_size
    if len(header) < _BLOSC_HEADER or stated != size:
        return f"its file has {size:,} bytes, not the {stated:,} that it states"
    return None


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
    types |= dict.fromkeys(columns_of(dataset), ("int16", ()))
    for protocol in dataset.protocols:
        types[f"splits/{protocol}/train"] = ("bool", ())
        types[f"splits/{protocol}/rank"] = ("int32", (len(SPLIT_SEEDS),))
    return types


def read_group(folder: Path) -> dict[str, Any] | str:
    """The attributes of a group, or what is wrong with its zarr.json."""
    content = _read_metadata(folder)
    if isinstance(content, str):
        return content
    if {*content} != _GROUP_KEYS:
        wrong = ", ".join(sorted(_GROUP_KEYS ^ {*content}))
        return f"zarr.json has unknown or missing keys: {wrong}"
    if content["zarr_format"] != 3 or content["node_type"] != "group":
        return "zarr.json is not that of a zarr v3 group"
    attributes = content["attributes"]
    return attributes if isinstance(attributes, dict) else "attributes are no JSON object"


def _read_metadata(folder: Path) -> dict[str, Any] | str:
    """The JSON that describes an array or group, or what is wrong with it."""
    try:
        content = json.loads((folder / "zarr.json").read_bytes())
    except FileNotFoundError:
        return "is missing: there is no zarr.json"
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
    if not _are_known_codecs(content["codecs"], expected.data_type):
        yield f"codecs are {json.dumps(content['codecs'])}, which format 1 does not have"


def _are_known_codecs(codecs: object, data_type: str) -> bool:
    """Whether codecs are the one that lays out the type's bytes, then general compressors."""
    if not isinstance(codecs, list) or not all(isinstance(codec, dict) for codec in codecs):
        return False
    first = _TEXT_SERIALISERS if data_type == "string" else _SERIALISERS
    return codecs[:1] in [[codec] for codec in first] and all(
        codec.get("name") in _COMPRESSORS for codec in codecs[1:]
    )


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
    group = read_group(root / "splits")
    if group != {}:
        problem = (
            group if isinstance(group, str) else f"attributes are {json.dumps(group)}, not {{}}"
        )
        layout.findings.append(Finding("splits", problem))
    for folder, subfolders, files in os.walk(root):
        # What starts with a dot was put there by an operating system or a network disk.
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name).relative_to(root).as_posix()
            owner = path.partition("/c/")[0]
            if path not in known and not name.startswith(".") and owner not in layout.untrusted:
                layout.findings.append(Finding(path, "this file is no part of the store"))
