"""What a disk says and does: its errors in one clear line, and flushing."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from skeldata.errors import StoreError

_SYNCS_AT_ONCE = 8
_FULL = {
    errno.ENOSPC: "no space left on the disk of",
    errno.EDQUOT: "the disk quota is used up for",
    errno.EFBIG: "the limit on the size of files (ulimit -f) stops",
}


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Turn what the disk says while ``target`` is written into one clear line."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise StoreError(
                f"{_FULL[error.errno]} {target}; finished blocks are kept: "
                "make room, then repeat the command with --resume"
            ) from error
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error


def flush_to_disk(paths: Iterable[Path]) -> None:
    """Flush files and folders, several at once: the disk then commits them together."""
    with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool:
        for done in [pool.submit(_flush, path) for path in paths]:
            done.result()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
