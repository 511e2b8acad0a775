"""NTU RGB+D ``.skeleton`` text -> `RawSequence`, compiled (extra ``[fast]``).

Reads what the sensor's software writes: fields separated by spaces, lines that end with LF or CRLF,
numbers as JSON has them. Counts every line and field and checks every number exactly as
`skeldata.parse.ntu` does; whatever it does not like is left to that parser, which accepts it or
words the error. Both make bit-identical arrays.
"""

from __future__ import annotations

from ctypes import c_char_p, c_int64, c_void_p

import numpy as np
from numpy.typing import NDArray

from skeldata.parse.buffers import address, terminated
from skeldata.parse.limits import MAX_FILE_BYTES
from skeldata.parse.machine_code import load_kernel
from skeldata.parse.ntu import BODY_FIELDS, JOINT_FIELDS, JOINTS
from skeldata.types import RawBody, RawSequence

_BODY_BYTES = 2 * BODY_FIELDS + 3 + JOINTS * 2 * JOINT_FIELDS  # the least that a body's lines take
_ARGUMENTS = (c_char_p, c_int64, c_int64, c_void_p, c_void_p, c_void_p, c_void_p)


def parse_ntu_fast(data: bytes) -> RawSequence | None:
    """Read one NTU ``.skeleton`` recording; None where the plain parser must decide.

    Returns:
        Exactly what `skeldata.read_ntu` returns, or None.
    """
    if len(data) > MAX_FILE_BYTES:
        return None
    most = len(data) // _BODY_BYTES
    xyz = np.empty((most, JOINTS, 3), dtype=np.float32)
    ids = np.empty(most, dtype=np.int64)
    frame_index = np.empty(most, dtype=np.int64)
    counts = np.empty(2, dtype=np.int64)
    text = terminated(data)
    rooms = [address(array) for array in (xyz, ids, frame_index, counts)]
    load_kernel("ntu_kernel", *_ARGUMENTS)(text, len(text), most, *rooms)
    frames, bodies = counts.tolist()
    if frames == 0:
        return None
    return RawSequence(frames, _tracks(ids[:bodies], frame_index[:bodies], xyz[:bodies]))


def _tracks(
    ids: NDArray[np.int64], frame_index: NDArray[np.int64], xyz: NDArray[np.float32]
) -> tuple[RawBody, ...]:
    """Sort the bodies of all frames by id, in order of first appearance."""
    if len(ids) and (ids == ids[0]).all():  # most recordings: nothing has to be sorted or copied
        return (RawBody(int(ids[0]), frame_index, xyz),)
    tracks = []
    for body_id in dict.fromkeys(ids.tolist()):
        own = np.flatnonzero(ids == body_id)
        tracks.append(RawBody(body_id, frame_index[own], xyz[own]))
    return tuple(tracks)
