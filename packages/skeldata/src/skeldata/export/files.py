"""What all formats share: a file that appears whole or not at all, and rows block by block."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skeldata.errors import StoreError, StoreExistsError
from skeldata.store.read import Store

_ROWS_AT_ONCE = 256


class Tally:
    """Counts rows written and passes the number on."""

    def __init__(self, advanced: Callable[[int, int], None] | None) -> None:
        self.total = 0
        self.done = 0
        self._advanced = advanced

    def add(self, rows: int) -> None:
        """Say that so many more rows are written."""
        self.done += rows
        if self._advanced:
            self._advanced(self.done, self.total)


def blocks(
    store: Store, stream: str, tally: Tally, rows: NDArray[np.int64] | None = None
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """A stream part by part: where its rows go, and (n, M, T, V, 3) float32.

    Args:
        store: to read.
        stream: name.
        tally: told of every part once it has been used.
        rows: ascending row numbers; all by default.
    """
    count = len(store) if rows is None else len(rows)
    for start in range(0, count, _ROWS_AT_ONCE):
        part = slice(start, min(start + _ROWS_AT_ONCE, count))
        yield part, store.read(part if rows is None else rows[part], stream)
        tally.add(part.stop - part.start)


@contextmanager
def atomic_output(path: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its name when the block ends without error.

    Raises:
        StoreExistsError: ``path`` exists and ``overwrite`` is off.
        StoreError: it is a folder, or the disk refuses.
    """
    if path.is_dir():
        raise StoreError(f"{path} is a folder; give a file to write")
    if path.exists() and not overwrite:
        raise StoreExistsError(f"{path} already exists; add --overwrite to replace it")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "no space left on the disk" if full else error.strerror or error
        raise StoreError(f"cannot write {path}: {reason}") from error
    finally:
        with suppress(OSError):  # where the folder is not one, there is nothing to take away
            temporary.unlink(missing_ok=True)
