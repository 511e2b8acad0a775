"""Where recordings lie: one of them, and a hundred thousand in little memory."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from skeldata.inflate import Place

# Name (of NTU; those of NW-UCLA are shorter), text around it, method, size, CRC, offset, packed size.
_ROW = struct.Struct("<20sIiQqqQ")
_FIELDS = np.dtype(
    {
        "names": ["name", "size", "crc"],
        "formats": ["S20", "<u8", "<i8"],
        "offsets": [0, 28, 36],
        "itemsize": _ROW.size,
    }
)
_NAME_BYTES = 20
_AT_ONCE = 4096
_FARTHEST = 2**63 - 1  # no file has so many bytes: a damaged directory says more, or less than 0
_NONE = -1  # as method: a file of its own; as CRC: none is stated


@dataclass(frozen=True, slots=True, order=True)
class RawFile:
    """Where one recording lies.

    Attributes:
        name: sample name.
        path: the file itself, or the archive that holds it.
        member: path inside the archive, or None for a file of its own.
        size: bytes, uncompressed.
        crc: CRC-32 of the bytes where the archive states it, else None until read.
        place: where the archive holds it, or None for a file of its own.
    """

    name: str
    path: str
    member: str | None
    size: int
    crc: int | None = None
    place: Place | None = None

    def __str__(self) -> str:
        return self.path if self.member is None else f"{self.path}:{self.member}"


class RawFiles(Sequence[RawFile]):
    """Recordings with valid sample names, 60 bytes each; a `RawFile` is made when it is asked for.

    As objects, those of NTU-120 would take 60 MB.
    """

    def __init__(self, files: Iterable[RawFile] = ()) -> None:
        self._rows = bytearray()
        # Archive, and the text in front of and behind the name inside it: few archives have many.
        self._around: dict[tuple[str | None, str, str], int] = {}
        self._texts: list[tuple[str | None, str, str]] = []
        for file in files:
            self.append(file)

    def append(self, file: RawFile) -> None:
        """Take up a recording whose path holds its name."""
        archive, path = (None, file.path) if file.member is None else (file.path, file.member)
        before, _, behind = path.rpartition(file.name)
        around = self._around.setdefault((archive, before, behind), len(self._around))
        if around == len(self._texts):
            self._texts.append((archive, before, behind))
        place = file.place or Place(0, 0, _NONE)
        offset = min(place.offset, _FARTHEST)
        crc = _NONE if file.crc is None else file.crc
        facts = (around, place.method, file.size, crc, offset, place.packed)
        self._rows += _ROW.pack(file.name.encode("ascii"), *facts)

    def __len__(self) -> int:
        return len(self._rows) // _ROW.size

    @overload
    def __getitem__(self, at: int) -> RawFile: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[RawFile, ...]: ...

    def __getitem__(self, at: int | slice) -> RawFile | tuple[RawFile, ...]:
        places = range(len(self))[at]  # and so an index beyond the end is an IndexError
        return self._file(places) if isinstance(places, int) else tuple(map(self._file, places))

    def _file(self, at: int) -> RawFile:
        text, around, method, size, crc, offset, packed = _ROW.unpack_from(
            self._rows, at * _ROW.size
        )
        name = text.rstrip(b"\0").decode("ascii")
        archive, before, behind = self._texts[around]
        path, stated = f"{before}{name}{behind}", None if crc == _NONE else crc
        if archive is None:
            return RawFile(name, path, None, size, stated)
        return RawFile(name, archive, path, size, stated, Place(offset, packed, method))

    def names(self) -> Iterator[str]:
        """Their names, in order."""
        for at in range(0, len(self._rows), _ROW.size):
            yield self._rows[at : at + _NAME_BYTES].rstrip(b"\0").decode("ascii")

    def sizes(self) -> Iterator[int]:
        """Their sizes in bytes, uncompressed, in order."""
        for start in range(0, len(self), _AT_ONCE):
            yield from self._fields()["size"][start : start + _AT_ONCE].tolist()

    def crcs(self) -> Iterator[int | None]:
        """Their CRC-32 in order; None where no archive states it."""
        for start in range(0, len(self), _AT_ONCE):
            for crc in self._fields()["crc"][start : start + _AT_ONCE].tolist():
                yield None if crc == _NONE else crc

    def sorted(self) -> RawFiles:
        """The same by name."""
        return self._chosen(np.argsort(self._fields()["name"], kind="stable"))

    def without(self, names: frozenset[str]) -> RawFiles:
        """The same without those of some names."""
        left_out = np.array(sorted(names), dtype="S20")
        return self._chosen(np.flatnonzero(~np.isin(self._fields()["name"], left_out)))

    def _fields(self) -> NDArray[Any]:
        return np.frombuffer(self._rows, dtype=_FIELDS)

    def _chosen(self, places: NDArray[np.int64]) -> RawFiles:
        chosen = RawFiles()
        chosen._around, chosen._texts = self._around, self._texts
        rows = np.frombuffer(self._rows, dtype=f"V{_ROW.size}")
        chosen._rows = bytearray(rows[places].data.cast("B"))
        return chosen


def size_of(files: Sequence[RawFile], first: int = 0) -> int:
    """Bytes of recordings from ``first`` on, uncompressed."""
    sizes = files.sizes() if isinstance(files, RawFiles) else (file.size for file in files)
    return sum(islice(sizes, first, None))
