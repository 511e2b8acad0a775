"""What `skeldata.parse.ntu_fast` compiles: the lines of a ``.skeleton`` file, counted and read."""

from __future__ import annotations

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from skeldata.parse.bytewise import REFUSED, compiled, number, whole
from skeldata.parse.limits import MAX_BODIES_PER_FRAME, MAX_FRAMES
from skeldata.parse.ntu import BODY_FIELDS, JOINT_FIELDS, JOINTS

_MAX_WORDS = 31  # of a line: sums of a byte each cannot overflow
_ONE = np.uint64(1)
_WORD = np.uint64(8)
# One byte of each kind in every place of a word of eight.
_ONES = np.uint64(0x0101010101010101)
_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_HIGH_BITS = np.uint64(0x8080808080808080)
_TO_SPACE = np.uint64(0x6060606060606060)  # carries a byte from 0x20 on into its high bit
_BEHIND_SPACE = np.uint64(0x5F5F5F5F5F5F5F5F)  # and one from 0x21 on

SIGNATURE = (
    "void(CPointer(uint8), int64, int64, CPointer(float32), "
    "CPointer(int64), CPointer(int64), CPointer(int64))"
)


def kernel(data, length, most, xyz, ids, frame_index, counts):  # type: ignore[no-untyped-def]
    """Fill room for ``most`` bodies; ``counts`` becomes (frames, rows), (0, 0) if refused."""
    counts[0], counts[1] = _read_file(
        carray(data, (length,)),
        carray(xyz, (most, JOINTS, 3)),
        carray(ids, (most,)),
        carray(frame_index, (most,)),
    )


@compiled
def _read_file(data, xyz, ids, frame_index):  # type: ignore[no-untyped-def]
    """Fill the arrays, one row for each body of each frame: (frames, rows), (0, 0) if refused."""
    row = 0
    frames, at = _count(data, np.uint64(0))
    if at == REFUSED or not 1 <= frames <= MAX_FRAMES:
        return 0, 0
    for frame in range(frames):
        bodies, at = _count(data, at)
        if at == REFUSED or bodies > MAX_BODIES_PER_FRAME or row + bodies > len(ids):
            return 0, 0
        for body in range(row, row + bodies):
            at = _read_body(data, at, ids, xyz, body)
            if at == REFUSED:
                return 0, 0
            for other in range(row, body):
                if ids[other] == ids[body]:
                    return 0, 0
            frame_index[body] = frame
        row += bodies
    while data[at] == 32 or data[at] == 13 or data[at] == 10:
        at += _ONE
    if at != np.uint64(len(data)) - _WORD:
        return 0, 0
    return frames, row


@compiled
def _read_body(data, at, ids, xyz, row):  # type: ignore[no-untyped-def]
    """Read the lines of one body into a row: position behind them."""
    ids[row], at = whole(data, at)
    if at == REFUSED:
        return REFUSED
    at = _skip_fields(data, at, BODY_FIELDS - 1)
    if at == REFUSED:
        return REFUSED
    joints, at = _count(data, at)
    if at == REFUSED or joints != JOINTS:
        return REFUSED
    for joint in range(JOINTS):
        for axis in range(3):
            value, at = number(data, at)
            xyz[row, joint, axis] = value
            if at == REFUSED or data[at] != 32 or not np.isfinite(xyz[row, joint, axis]):
                return REFUSED
            at += _ONE
        at = _skip_fields(data, at - _ONE, JOINT_FIELDS - 3)
        if at == REFUSED:
            return REFUSED
    return at


@compiled
def _count(data, at):  # type: ignore[no-untyped-def]
    """A line with one whole number: (value, position of the next line)."""
    value, at = whole(data, at)
    if at == REFUSED:
        return 0, REFUSED
    return value, _skip_fields(data, at, 0)


@compiled
def _skip_fields(data, at, expected):  # type: ignore[no-untyped-def]
    """Skip the rest of a line, from right behind a field: position of the next line.

    Refused if there are not exactly as many fields as expected. Eight bytes at a time: this is
    three quarters of a file, and byte by byte it takes three times as long.
    """
    if data[at] > 32:
        return REFUSED  # the field goes on
    starts = np.uint64(0)  # fields begun, counted for each of the eight places of a word
    after_space = np.uint64(0)
    for _ in range(_MAX_WORDS):
        word = _word(data, at)
        if ~(((word & _LOW_BITS) + _TO_SPACE) | word) & _HIGH_BITS:
            break  # a byte below 0x20: the line ends here, or something is wrong
        spaces = ~(((word & _LOW_BITS) + _BEHIND_SPACE) | word) & _HIGH_BITS
        starts += (~spaces & ((spaces << _WORD) | after_space)) >> np.uint64(7)
        after_space = spaces >> np.uint64(56)
        at += _WORD
    else:
        return REFUSED
    fields = np.int64((starts * _ONES) >> np.uint64(56))
    between = after_space != 0
    while data[at] >= 32:
        fields += between and data[at] != 32
        between = data[at] == 32
        at += _ONE
    if data[at] == 13:
        at += _ONE
    if data[at] != 10 or fields != expected:
        return REFUSED
    return at + _ONE


@compiled
def _word(data, at):  # type: ignore[no-untyped-def]
    """Eight bytes as one number, the first one lowest; the compiler makes one load of it."""
    word = np.uint64(0)
    for place in range(8):
        word |= np.uint64(data[at + np.uint64(place)]) << np.uint64(8 * place)
    return word
