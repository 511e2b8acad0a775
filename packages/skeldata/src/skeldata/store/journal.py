"""The journal of a store in the making: one JSON line a block, written after the block is on disk.

It is the only witness of what is done: a block whose line is missing or torn was never written.
"""

from __future__ import annotations

import json
import os
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skeldata.types import Rejection


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """One finished block.

    Attributes:
        names, lengths, digests: of its rows.
        sha256: over the row digests, so over everything in the block.
        consumed: candidate files dealt with so far, rejected ones included.
        crcs: CRC-32 of the files dealt with since the block before.
        rejected: files rejected since the block before.
    """

    names: list[str]
    lengths: list[int]
    digests: list[str]
    sha256: str
    consumed: int
    crcs: list[int]
    rejected: list[Rejection]


class FinishedBlock:
    """What is needed of a block once it is recorded, in a third of the memory.

    Attributes:
        rows: how many it has.
        lengths: of its rows.
    """

    __slots__ = ("_digests", "_names", "lengths", "rows")

    def __init__(self, record: BlockRecord) -> None:
        self.rows = len(record.names)
        self.lengths = array("i", record.lengths)
        self._names = "\n".join(record.names).encode()
        self._digests = bytes.fromhex("".join(record.digests))

    @property
    def names(self) -> list[str]:
        """Sample names of its rows."""
        return self._names.decode().split("\n") if self.rows else []

    @property
    def digests(self) -> list[str]:
        """sha256 hex of each of its rows."""
        size = len(self._digests) // max(self.rows, 1)
        starts = range(0, len(self._digests), max(size, 1))
        return [self._digests[start : start + size].hex() for start in starts]


class Journal:
    """Append-only file of a header and block records; every line is flushed to disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def start(self, header: dict[str, Any]) -> None:
        """Begin a new journal."""
        self._write(header, "w")

    def append(self, record: BlockRecord) -> None:
        """Record a finished block."""
        self._write(asdict(record), "a")

    def load(self) -> tuple[dict[str, Any], list[BlockRecord]] | None:
        """Header and whole records, or None if there is no usable journal.

        A torn last line, as a power cut leaves it, is cut off.
        """
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return None
        content = []
        for line in lines:
            try:
                if not line.endswith(b"\n"):
                    break
                content.append(json.loads(line))
            except ValueError:
                break
        if not content:
            return None
        self.keep(len(content))
        records = [
            BlockRecord(**{**entry, "rejected": [Rejection(**r) for r in entry["rejected"]]})
            for entry in content[1:]
        ]
        return content[0], records

    def keep(self, lines: int) -> None:
        """Cut the file behind its first ``lines`` lines."""
        kept = self.path.read_bytes().splitlines(keepends=True)[:lines]
        with open(self.path, "r+b") as file:
            file.truncate(sum(map(len, kept)))
            os.fsync(file.fileno())

    def _write(self, content: dict[str, Any], mode: str) -> None:
        with open(self.path, mode, encoding="utf-8") as file:
            file.write(json.dumps(content, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
