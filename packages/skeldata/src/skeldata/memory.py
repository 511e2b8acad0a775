"""Keep the memory of a long run small."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8  # from glibc's malloc.h


def share_one_heap() -> None:
    """Let threads that start from now on take memory from one heap.

    By default glibc gives each thread a heap of its own, where freed blocks of megabytes stay: the
    threads that compress, read and write chunks then hold 45 MB for nothing. Elsewhere, nothing.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
