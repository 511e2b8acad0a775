"""NW-UCLA JSON -> `RawSequence`, compiled (extra ``[fast]``).

Reads the one layout that the field's files have, which is what Python's `json.dump` makes of them;
whatever it does not like is left to `skeldata.parse.ucla`, which accepts it or words the error.
Both make bit-identical arrays.
"""

from __future__ import annotations

import re

import numpy as np

from skeldata.parse.bytewise import REFUSED, compiled, number, terminated
from skeldata.parse.limits import MAX_FILE_BYTES, MAX_FRAMES
from skeldata.parse.ucla import JOINTS
from skeldata.types import RawBody, RawSequence

_BEGIN = re.compile(rb'\{"file_name": "([A-Za-z0-9_]+)", "skeletons": \[')
_END = re.compile(rb'\], "label": ([1-9][0-9]{0,8})\}[ \t\r\n]*')
_FRAME_BYTES = len(", []") + JOINTS * len("[0, 0, 0], ") - len(", ")  # the least that one takes
_ONE = np.uint64(1)
_COMMA, _SPACE, _OPEN, _CLOSE = b", []"


def parse_ucla_fast(data: bytes) -> RawSequence | None:
    """Read one NW-UCLA recording; None where the plain parser must decide.

    Returns:
        Exactly what `skeldata.read_ucla` returns, or None.
    """
    begin = _BEGIN.match(data)
    if begin is None or len(data) > MAX_FILE_BYTES:
        return None
    xyz = np.empty((len(data) // _FRAME_BYTES, JOINTS, 3), dtype=np.float32)
    frames, at = _read_frames(terminated(data), np.uint64(begin.end()), xyz)
    end = _END.fullmatch(data, at)
    if not 1 <= frames <= MAX_FRAMES or end is None:
        return None
    body = RawBody(0, np.arange(frames, dtype=np.int64), xyz[:frames])
    return RawSequence(
        frames, (body,), stated_name=begin[1].decode("ascii"), stated_label=int(end[1])
    )


@compiled
def _read_frames(data, at, xyz):  # type: ignore[no-untyped-def]
    """Fill one row a frame: (frames, position behind the last), (0, 0) if refused."""
    for frame in range(len(xyz)):
        at = _read_list(data, at, xyz[frame])
        if at == REFUSED:
            return 0, 0
        if data[at] != _COMMA or data[at + _ONE] != _SPACE:
            return frame + 1, np.int64(at)
        at += _ONE + _ONE
    return 0, 0


@compiled
def _read_list(data, at, points):  # type: ignore[no-untyped-def]
    """Read ``[[x, y, z], ...]``, one point a joint: position behind it."""
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
            points[joint, axis] = value
            if at == REFUSED or not np.isfinite(points[joint, axis]):
                return REFUSED
        if data[at] != _CLOSE:
            return REFUSED
        at += _ONE
    if data[at] != _CLOSE:
        return REFUSED
    return at + _ONE
