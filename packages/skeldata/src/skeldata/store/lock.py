"""One writer at a time for one output, even when an earlier one was killed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from skeldata.errors import StoreBusyError, StoreError


class OutputLock:
    """An advisory lock that the operating system releases when its process ends, however it ends.

    Raises:
        StoreBusyError: a living process holds it.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self._path = path
        while True:
            try:
                self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            except OSError as error:
                raise StoreError(f"cannot write beside {target}: {error.strerror}") from error
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._handle)
                raise StoreBusyError(
                    f"another run is writing {target}; wait for it or choose another --out"
                ) from None
            if self._is_current():
                return
            os.close(self._handle)  # the holder removed the file between our open and our lock

    def _is_current(self) -> bool:
        try:
            named = os.stat(self._path)
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(self._handle))

    def release(self) -> None:
        """Give the lock back and remove its file."""
        if self._handle >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = -1
