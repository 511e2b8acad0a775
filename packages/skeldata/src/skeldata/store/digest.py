"""Fingerprints of what a store holds, independent of chunks, compression and tool versions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def row_digest(
    name: str,
    label: int,
    length: int,
    present: NDArray[np.bool_],
    joint: NDArray[np.float32],
) -> str:
    """sha256 hex of one sample.

    Over the text ``skeldata-row/1|name|label|length``, a newline, ``present`` (M, T) as one byte
    an entry and ``joint`` (M, T, V, 3) as little-endian float32, both in C order. The other
    streams follow from these and are checked by computing them again.
    """
    state = hashlib.sha256(f"skeldata-row/1|{name}|{label}|{length}\n".encode())
    state.update(np.ascontiguousarray(present, dtype=np.uint8).data)
    state.update(np.ascontiguousarray(joint, dtype="<f4").data)
    return state.hexdigest()


def content_digest(dataset: str, names: Iterable[str], digests: Iterable[str]) -> str:
    """sha256 hex of a whole store: its samples in name order, each with its digest.

    Over the line ``skeldata-content/1|dataset`` and one line ``name digest`` a sample.
    """
    state = hashlib.sha256(f"skeldata-content/1|{dataset}\n".encode())
    for name, digest in zip(names, digests, strict=True):
        state.update(f"{name} {digest}\n".encode())
    return state.hexdigest()


def source_digest(files: Iterable[tuple[str, int, int]]) -> str:
    """sha256 hex of the raw files: one line ``name size crc32`` each, in name order.

    CRC-32 is what archives already state, so naming the source costs no second pass. It tells
    sources apart; `content_digest` is what proves a store.
    """
    state = hashlib.sha256(b"skeldata-source/1\n")
    for name, size, crc in files:
        state.update(f"{name} {size} {crc:08x}\n".encode())
    return state.hexdigest()
