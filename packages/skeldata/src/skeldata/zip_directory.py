"""The directory of a zip archive, entry by entry.

`zipfile` makes an object of 900 bytes for each of a hundred thousand members, all at once, and takes
three times as long. Directories that are not as usual are left to it: it accepts them or words the
error.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_ENTRY = struct.Struct("<4s2xBx2H4x3L3H8xL")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4s12x2L2Q2Q")
_LOCATOR64 = struct.Struct("<4sL8xL")
_EXTRA = struct.Struct("<2H")
_ENCRYPTED = 0x1
_UTF8 = 0x800
_READABLE_VERSION = 63  # of the format: as far as zipfile reads it
_SIZES64 = 1  # kinds of extra fields: what four bytes do not hold,
_UNICODE_PATH = 0x7075  # and another name
_IN_SIZES64 = 0xFFFFFFFF


class Entry(NamedTuple):
    """One member, as `zipfile.ZipInfo` has it."""

    filename: str
    encrypted: bool
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def entries(path: Path) -> Iterator[Entry]:
    """All members of an archive, in its own order.

    Raises:
        OSError, zipfile.BadZipFile, NotImplementedError, ValueError, struct.error: as `zipfile`
            does, before the first member.
    """
    directory = _directory(path)
    # Once to see whether all is as usual, once to use it: together they hold one entry at a time.
    if directory is not None and all(entry is not None for entry in _usual(directory)):
        yield from filter(None, _usual(directory))
        return
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()[::-1]
    while infos:
        info = infos.pop()
        encrypted = bool(info.flag_bits & _ENCRYPTED)
        facts = (info.compress_type, info.CRC, info.compress_size, info.file_size)
        yield Entry(info.filename, encrypted, *facts, info.header_offset)


def _directory(path: Path) -> bytes | None:
    """The bytes of the directory; None where it does not lie right before the end, as usual."""
    with path.open("rb") as archive:
        end = archive.seek(0, 2) - _END.size
        tail = _LOCATOR64.size + _END64.size
        if end < 0:
            return None
        archive.seek(max(0, end - tail))
        before, record = archive.read(min(end, tail)), archive.read(_END.size)
        signature, *disks, _, size, start, comment = _END.unpack(record)
        if signature != b"PK\5\6" or any(disks[:2]) or comment:
            return None
        locator = before[-_LOCATOR64.size :]
        if locator.startswith(b"PK\6\7"):
            if len(before) < tail or _LOCATOR64.unpack(locator)[1:] != (0, 1):
                return None
            signature, *disks, _, _, size, start = _END64.unpack_from(before)
            if signature != b"PK\6\6" or any(disks):
                return None
            end -= tail
        if start + size != end:  # something lies in between, or in front
            return None
        archive.seek(start)
        directory = archive.read(size)
    return directory if len(directory) == size else None


def _usual(directory: bytes) -> Iterator[Entry | None]:
    """Each entry; None, and an end, at one that is not as usual."""
    at = 0
    while at < len(directory):
        entry, at = _entry(directory, at)
        yield entry


def _entry(directory: bytes, at: int) -> tuple[Entry | None, int]:
    """The entry at a position, and the position behind it."""
    nothing = None, len(directory)
    name_at = at + _ENTRY.size
    if name_at > len(directory):
        return nothing
    facts = _ENTRY.unpack_from(directory, at)
    signature, version, flags, method, crc, packed, size, *lengths, offset = facts
    name_length, extra_length, comment_length = lengths
    extra_at = name_at + name_length
    behind = extra_at + extra_length + comment_length
    if signature != b"PK\1\2" or version > _READABLE_VERSION or behind > len(directory):
        return nothing
    try:
        name = directory[name_at:extra_at].decode("utf-8" if flags & _UTF8 else "cp437")
        numbers = size, packed, offset
        if extra_length:
            extra = directory[extra_at : extra_at + extra_length]
            numbers = _with_extra(extra, numbers)
    except (ValueError, struct.error):
        return nothing
    if "\0" in name:
        return nothing
    size, packed, offset = numbers
    return Entry(name, bool(flags & _ENCRYPTED), method, crc, packed, size, offset), behind


def _with_extra(extra: bytes, numbers: tuple[int, int, int]) -> tuple[int, int, int]:
    """Size, packed size and offset, where one of them stands in an extra field; else as they are.

    Raises:
        ValueError, struct.error: the fields are broken, or give the member another name.
    """
    while len(extra) >= _EXTRA.size:
        kind, length = _EXTRA.unpack_from(extra)
        content = extra[_EXTRA.size : _EXTRA.size + length]
        if len(content) < length or kind == _UNICODE_PATH:
            raise ValueError
        if kind == _SIZES64:
            wanted = [number == _IN_SIZES64 for number in numbers]
            found = iter(struct.unpack_from(f"<{sum(wanted)}Q", content))
            size, packed, offset = (
                next(found) if inside else number
                for number, inside in zip(numbers, wanted, strict=True)
            )
            numbers = size, packed, offset
        extra = extra[_EXTRA.size + length :]
    return numbers
