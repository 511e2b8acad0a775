"""Check the small arrays of a store: its names, and all that follows from a name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skeldata.datasets import Dataset
from skeldata.splits.draw import draw, rank_names
from skeldata.store.check_layout import StoreLayout, read_group
from skeldata.store.findings import Finding, at_rows
from skeldata.store.schema import SPLIT_SEEDS


@dataclass
class Columns:
    """What was read of the small arrays.

    Attributes:
        names: valid sample names in row order, or None where they are not to be trusted.
        lengths: (N,) int32, or None where unreadable.
        train: protocol -> number of training rows, as the names have it.
        findings: what is wrong.
    """

    names: tuple[str, ...] | None = None
    lengths: NDArray[np.int32] | None = None
    train: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def check_columns(dataset: Dataset, layout: StoreLayout) -> Columns:
    """Check names, lengths, labels, the columns and the splits."""
    columns = Columns()
    columns.names = _check_names(dataset, layout, columns.findings)
    lengths = _read("length", layout, columns.findings)
    if lengths is not None:
        columns.lengths = lengths
        columns.findings += at_rows("length", "is below 1", lengths < 1, columns.names)
    if columns.names is None:
        return columns
    parsed = [dataset.require_name(name) for name in columns.names]
    expected: dict[str, NDArray[Any]] = {
        "label": np.array([dataset.labels[name.action] for name in parsed]),
        "subject": np.array([name.subject for name in parsed]),
        "camera": np.array([name.camera for name in parsed]),
        "replication": np.array([name.replication for name in parsed]),
    }
    if dataset.family == "ntu":
        expected["setup"] = np.array([name.setup for name in parsed])
    for path, values in expected.items():
        _compare(path, values, "the name", layout, columns)
    for protocol in dataset.protocols:
        _check_split(dataset, protocol, layout, columns)
    return columns


def _check_names(
    dataset: Dataset, layout: StoreLayout, findings: list[Finding]
) -> tuple[str, ...] | None:
    values = _read("name", layout, findings)
    if values is None:
        return None
    names = tuple(map(str, values))
    before = len(findings)
    foreign = np.array([dataset.parse_name(name) is None for name in names])
    findings += at_rows("name", f"is not a sample name of {dataset.id}", foreign, names)
    falls = np.array([False, *(a >= b for a, b in pairwise(names))])
    findings += at_rows("name", "does not sort behind the name before it", falls, names)
    official = dataset.missing_names()
    missing = np.array([name in official for name in names])
    findings += at_rows("name", "is on the official missing list", missing, names)
    return names if len(findings) == before else None


def _check_split(dataset: Dataset, protocol: str, layout: StoreLayout, columns: Columns) -> None:
    """Compare one protocol's train mask and ranks with its rule."""
    assert columns.names is not None
    is_train = dataset.protocol(protocol).is_train
    train = np.array([is_train(dataset.require_name(name)) for name in columns.names])
    names = [name for name, inside in zip(columns.names, train, strict=True) if inside]
    columns.train[protocol] = len(names)
    ranks = np.full((len(train), len(SPLIT_SEEDS)), -1)
    base = "store"
    if names:
        base = str(draw(dataset.id, protocol, "0.05", names=names).base)
        for column, seed in enumerate(SPLIT_SEEDS):
            rank = rank_names(dataset.id, protocol, seed, names)
            ranks[train, column] = [rank[name] for name in names]
    folder = f"splits/{protocol}"
    _compare(f"{folder}/train", train, f"the rule of {protocol}", layout, columns)
    _compare(f"{folder}/rank", ranks, "the draw", layout, columns)
    wanted = {"base": base, "seeds": list(SPLIT_SEEDS)}
    attributes = read_group(layout.root / folder)
    if isinstance(attributes, str):
        columns.findings.append(Finding(folder, attributes))
    elif attributes != wanted:
        problem = f"attributes are {json.dumps(attributes)}, not {json.dumps(wanted)}"
        columns.findings.append(Finding(folder, problem))


def _compare(
    path: str,
    expected: NDArray[Any],
    source: str,
    layout: StoreLayout,
    columns: Columns,
) -> None:
    """Note rows of a small array that differ from what follows from the names."""
    if (path, 0) in layout.missing and not expected.any():
        return  # zarr leaves out a chunk of zeros
    values = _read(path, layout, columns.findings)
    if values is None:
        return
    wrong = (values != expected).reshape(len(expected), -1).any(axis=1)
    row = int(np.argmax(wrong))
    problem = f"is {values[row].tolist()}, {source} gives {expected[row].tolist()}"
    columns.findings += at_rows(path, problem, wrong, columns.names)


def _read(path: str, layout: StoreLayout, findings: list[Finding]) -> NDArray[Any] | None:
    """A whole small array; None, and a finding, if it cannot be read."""
    if path in layout.untrusted:
        return None
    if (path, 0) in layout.missing:
        chunk = layout.columns[path].chunk(0)
        findings.append(Finding(path, f"its chunk is missing: no file {chunk}"))
        return None
    try:
        values = np.asarray(layout.open(path, layout.rows)[...])
    except Exception as error:  # a damaged chunk makes codecs raise whatever they stumble over
        findings.append(Finding(path, f"cannot be read ({type(error).__name__}: {error})"))
        return None
    if values.dtype == np.bool_ and (values.view(np.uint8) > 1).any():
        findings.append(Finding(path, "has bytes other than 0 and 1"))
        return None
    return values
