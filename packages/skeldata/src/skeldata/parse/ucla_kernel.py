"""What `skeldata.parse.ucla_fast` compiles: the frames of an NW-UCLA file."""

from __future__ import annotations

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from skeldata.parse.bytewise import REFUSED, compiled, number
from skeldata.parse.ucla import JOINTS

_ONE = np.uint64(1)
_COMMA, _SPACE, _OPEN, _CLOSE = b", []"

SIGNATURE = "void(CPointer(uint8), int64, uint64, int64, CPointer(float32), CPointer(int64))"


def kernel(data, length, begin, most, xyz, counts):  # type: ignore[no-untyped-def]
    """Fill room for ``most`` frames; ``counts`` becomes (frames, end), (0, 0) if refused."""
    counts[0], counts[1] = _read_frames(
        carray(data, (length,)), begin, carray(xyz, (most, JOINTS, 3))
    )


@compiled
def _read_frames(data, at, xyz):  # type: ignore[no-untyped-def]
    """Fill one row a frame: (frames, position behind the last), (0, 0) if refused."""
    for frame in range(len(xyz)):
        at = _read_list(data, at, xyz, frame)
        if at == REFUSED:
            return 0, 0
        if data[at] != _COMMA or data[at + _ONE] != _SPACE:
            return frame + 1, np.int64(at)
        at += _ONE + _ONE
    return 0, 0


@compiled
def _read_list(data, at, xyz, frame):  # type: ignore[no-untyped-def]
    """Read ``[[x, y, z], ...]``, one point a joint, into a row: position behind it."""
    for joint in range(JOINTS):
        for axis in range(3):
            # Before x of the first joint "[[", of the others ", ["; before y and z ", ".
            first = _OPEN if joint + axis == 0 else _COMMA
            second = _OPEN if joint + axis == 0 else _SPACE
            if data[at] != first or data[at + _ONE] != second:
                return REFUSED
            at += _ONE + _ONE
            if axis == 0 and joint > 0:
                if data[at] != _OPEN:
                    return REFUSED
                at += _ONE
            value, at = number(data, at)
            xyz[frame, joint, axis] = value
            if at == REFUSED or not np.isfinite(xyz[frame, joint, axis]):
                return REFUSED
        if data[at] != _CLOSE:
            return REFUSED
        at += _ONE
    if data[at] != _CLOSE:
        return REFUSED
    return at + _ONE
