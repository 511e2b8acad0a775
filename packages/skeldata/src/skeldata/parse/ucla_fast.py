"""NW-UCLA JSON -> `RawSequence`, compiled (extra ``[fast]``).

Reads the one layout that the field's files have, which is what Python's `json.dump` makes of them;
whatever it does not like is left to `skeldata.parse.ucla`, which accepts it or words the error.
Both make bit-identical arrays.
"""

from __future__ import annotations

import re
from ctypes import c_char_p, c_int64, c_uint64, c_void_p

import numpy as np

from skeldata.parse.buffers import address, terminated
from skeldata.parse.limits import MAX_FILE_BYTES, MAX_FRAMES
from skeldata.parse.machine_code import load_kernel
from skeldata.parse.ucla import JOINTS
from skeldata.types import RawBody, RawSequence

_BEGIN = re.compile(rb'\{"file_name": "([A-Za-z0-9_]+)", "skeletons": \[')
_END = re.compile(rb'\], "label": ([1-9][0-9]{0,8})\}[ \t\r\n]*')
_FRAME_BYTES = len(", []") + JOINTS * len("[0, 0, 0], ") - len(", ")  # the least that one takes
_ARGUMENTS = (c_char_p, c_int64, c_uint64, c_int64, c_void_p, c_void_p)


def parse_ucla_fast(data: bytes) -> RawSequence | None:
    """Read one NW-UCLA recording; None where the plain parser must decide.

    Returns:
        Exactly what `skeldata.read_ucla` returns, or None.
    """
    begin = _BEGIN.match(data)
    if begin is None or len(data) > MAX_FILE_BYTES:
        return None
    xyz = np.empty((len(data) // _FRAME_BYTES, JOINTS, 3), dtype=np.float32)
    counts = np.empty(2, dtype=np.int64)
    text, room, results = terminated(data), address(xyz), address(counts)
    read = load_kernel("ucla_kernel", *_ARGUMENTS)
    read(text, len(text), begin.end(), len(xyz), room, results)
    frames, at = counts.tolist()
    end = _END.fullmatch(data, at)
    if not 1 <= frames <= MAX_FRAMES or end is None:
        return None
    body = RawBody(0, np.arange(frames, dtype=np.int64), xyz[:frames])
    return RawSequence(
        frames, (body,), stated_name=begin[1].decode("ascii"), stated_label=int(end[1])
    )
