"""Compiled reading of numbers out of a byte buffer, for the fast parsers (extra ``[fast]``).

The buffer must end in NUL bytes (`skeldata.parse.buffers.terminated`). Each function takes a
position, stops at the first byte that it does not expect, a NUL at the latest, and so never leaves
the buffer; position 0 as a result means: not mine, ask the plain parser.

Positions are unsigned: numba then omits its check for negative indices.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

compiled: Any = njit(nogil=True, error_model="numpy")  # and kept by `machine_code`, with its caller

REFUSED = np.uint64(0)
"""No position behind anything that was read, since every file begins with something to read."""

_ONE = np.uint64(1)
_MAX_DIGITS = 18  # of a whole number that an int64 always holds
_EXACT_BITS = np.uint64(1 << 53)  # whole numbers below are exact in float64
_POWERS = np.array([float(f"1e{power}") for power in range(23)])  # and so are these
_MAX_POWER = 22


@compiled
def whole(data, at):  # type: ignore[no-untyped-def]
    """1 to 18 digits: (value, position behind them)."""
    start = at
    value = 0
    while 48 <= data[at] <= 57:
        value = value * 10 + (data[at] - 48)
        at += _ONE
    if at == start or at - start > _MAX_DIGITS:
        return 0, REFUSED
    return value, at


@compiled
def number(data, at):  # type: ignore[no-untyped-def]
    """One number in the grammar of JSON: (value, position behind it).

    Takes only what one exact operation gives: a mantissa below 2**53 times or by a power of ten up
    to 10**22, both exact in float64. The result is then rounded once, as `float` does it.
    """
    negative = data[at] == 45  # -
    if negative:
        at += _ONE
    start = at
    mantissa = np.uint64(0)
    while 48 <= data[at] <= 57:
        mantissa = mantissa * np.uint64(10) + np.uint64(data[at] - 48)
        at += _ONE
    if at == start or (data[start] == 48 and at - start > _ONE):
        return 0.0, REFUSED
    digits = at - start
    exponent = np.int64(0)
    if data[at] == 46:  # .
        at += _ONE
        point = at
        while 48 <= data[at] <= 57:
            mantissa = mantissa * np.uint64(10) + np.uint64(data[at] - 48)
            at += _ONE
        if at == point:
            return 0.0, REFUSED
        digits += at - point
        exponent = -np.int64(at - point)
    if digits > _MAX_DIGITS or mantissa >= _EXACT_BITS:
        return 0.0, REFUSED
    if data[at] == 69 or data[at] == 101:  # E e
        at += _ONE
        downward = data[at] == 45
        if downward or data[at] == 43:
            at += _ONE
        power, at = whole(data, at)
        if at == REFUSED:
            return 0.0, REFUSED
        exponent += -power if downward else power
    if not -_MAX_POWER <= exponent <= _MAX_POWER:
        return 0.0, REFUSED
    value = np.float64(mantissa)
    if exponent < 0:
        value /= _POWERS[-exponent]
    else:
        value *= _POWERS[exponent]
    return (-value if negative else value), at
