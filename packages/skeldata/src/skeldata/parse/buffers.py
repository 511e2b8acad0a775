"""Memory as compiled code takes it: buffers that end in NUL bytes, addresses of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

_NULS = bytes(8)


def terminated(data: bytes) -> bytes:
    """A copy of ``data`` with the NUL bytes that end a buffer: compiled code reads eight at once."""
    return data + _NULS


def address(array: np.ndarray[Any, Any]) -> int:
    """Where an array's first element lies."""
    where: int = array.__array_interface__["data"][0]
    return where
