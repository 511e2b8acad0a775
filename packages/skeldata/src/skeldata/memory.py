"""Keep the memory of a long run small, and its management cheap."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # from glibc's malloc.h
_LARGEST_IN_HEAP = 32 * 1024 * 1024  # the most that glibc takes
_KEPT_FREE = 64 * 1024 * 1024


def keep_one_heap() -> None:
    """Let all threads take memory from one heap, which keeps what is freed for what comes next.

    By default glibc gives each thread that starts from now on a heap of its own, where freed blocks
    of megabytes stay: the threads that compress, read and write chunks then hold 45 MB for nothing.
    And it gives large pieces back to the system at once, which clears and hands out the same pages
    again for the next recording: a tenth of all the time. Elsewhere than with glibc, nothing.
    """
    with suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_IN_HEAP)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)


def give_back_memory() -> None:
    """Give what is free back to the system: what comes next is small pieces, which lie elsewhere."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def collection_paused() -> Iterator[None]:
    """Hold the search for garbage back while modules are loaded, which make none of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def leave_memory_to_the_system() -> None:
    """Say that this process ends now: the system frees its memory at once.

    Else Python looks through everything that is loaded for garbage, for a fifth of a second.
    """
    gc.freeze()
