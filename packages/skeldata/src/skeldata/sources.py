"""Find and read raw recordings in folders and zip archives, never unpacking to disk."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from skeldata.datasets import Dataset, Family, get_dataset
from skeldata.errors import ParseError, SourceError, UsageError
from skeldata.inflate import Place, read_member
from skeldata.names import parse_ntu_name, parse_ucla_name
from skeldata.parse.limits import MAX_FILE_BYTES, check_size
from skeldata.raw_files import RawFile, RawFiles
from skeldata.zip_directory import Entry, entries

__all__ = ["Listing", "RawFile", "SourceReader", "detect_dataset", "list_sources"]

_PARSE_NAME = {"ntu": parse_ntu_name, "ucla": parse_ucla_name}
_SUFFIX = {"ntu": ".skeleton", "ucla": ".json"}


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in the given folders and archives.

    Attributes:
        family: raw format.
        files: recordings with valid sample names, sorted by name, each name once.
        ignored: (path, reason) of everything else, sorted. The paths begin with the last part of
            the folder or zip that was given, so that they say nothing of the machine.
    """

    family: Family
    files: RawFiles
    ignored: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Found:
    files: RawFiles = field(default_factory=RawFiles)
    place_of: dict[str, int] = field(default_factory=dict)  # name -> where it stands among them
    roots: list[Path] = field(default_factory=list)  # absolute; the one being walked comes last
    ignored: list[tuple[str, str]] = field(default_factory=list)


def list_sources(roots: Sequence[str | Path], family: Family) -> Listing:
    """List every recording below folders and inside zips (also zips that lie in folders).

    A sample found twice with the same bytes counts once; with other bytes it is an error.

    Raises:
        SourceError: a root does not exist, an archive is damaged, nothing is found, or two
            different files claim one name.
    """
    if not roots:
        raise UsageError("give at least one folder or zip of raw recordings")
    found = _Found()
    with SourceReader() as reader:
        for root in map(Path, roots):
            found.roots.append(Path(os.path.abspath(root)))
            for file in _walk(root, reader):
                _sort_in(file, family, found, reader)
    if not found.files:
        where = ", ".join(map(str, roots))
        raise SourceError(
            f"no {family} recordings (*{_SUFFIX[family]} with a valid sample name) in {where}; "
            f"{len(found.ignored)} other files were seen{_of_another_family(family, found)}"
        )
    return Listing(family, found.files.sorted(), tuple(sorted(found.ignored)))


def detect_dataset(listing: Listing) -> Dataset:
    """Which dataset a listing holds: NTU-120 as soon as one name lies outside NTU-60."""
    if listing.family == "ucla":
        return get_dataset("nw-ucla")
    return get_dataset("ntu120" if names_beyond_ntu60(listing) else "ntu60")


def names_beyond_ntu60(listing: Listing) -> list[str]:
    """The recordings whose names NTU-60 does not know."""
    ntu60 = get_dataset("ntu60")
    return [name for name in listing.files.names() if ntu60.parse_name(name) is None]


def _walk(root: Path, reader: SourceReader) -> Iterator[RawFile]:
    if root.is_file():
        yield from _open_file(root, reader, top=True)
        return
    if not root.is_dir():
        raise SourceError(f"no such folder or zip: {root}")
    visited: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=_unreadable_folder):
        real = os.path.realpath(folder)
        if real in visited:  # a symbolic link that leads back up
            subfolders.clear()
            continue
        visited.add(real)
        subfolders.sort()
        for file in sorted(files):
            yield from _open_file(Path(folder, file), reader, top=False)


def _unreadable_folder(error: OSError) -> None:
    raise SourceError(f"cannot read folder {error.filename}: {error.strerror}") from error


def _open_file(path: Path, reader: SourceReader, *, top: bool) -> Iterator[RawFile]:
    # Disks that a Mac has written to hold a "._x.zip" of its own beside each zip.
    if path.suffix.lower() == ".zip" and (top or not path.name.startswith("._")):
        yield from reader.members(path)
        return
    if top and path.suffix not in _SUFFIX.values():
        raise SourceError(f"{path} is neither a folder nor a .zip")
    # What is no recording may point nowhere or vanish meanwhile: nothing but its name is told.
    is_recording = path.suffix in _SUFFIX.values()
    try:
        size = path.stat().st_size if is_recording else 0
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    yield RawFile(path.stem if path.suffix else path.name, str(path), None, size)


def _sort_in(file: RawFile, family: Family, found: _Found, reader: SourceReader) -> None:
    base = _base_name(file.member) if file.member else Path(file.path).name
    name, dot, suffix = base.rpartition(".")
    if dot + suffix != _SUFFIX[family]:
        found.ignored.append((_shown(file, found.roots[-1:]), f"not a {_SUFFIX[family]} file"))
    elif _PARSE_NAME[family](name) is None:
        found.ignored.append((_shown(file, found.roots[-1:]), "not a sample name"))
    elif name in found.place_of:
        first = found.files[found.place_of[name]]
        if not reader.same_bytes(first, file):
            raise SourceError(
                f"{name} stands twice with different content: {first} and {file}; give only one"
            )
        reason = f"same bytes as {_shown(first, found.roots)}"
        found.ignored.append((_shown(file, found.roots[-1:]), reason))
    else:
        found.place_of[name] = len(found.files)
        found.files.append(file if file.name == name else replace(file, name=name))


def _base_name(member: str) -> str:
    """The last part of a path inside an archive."""
    path = member.replace("\\", "/")  # some programs for Windows write it so
    base = path.rpartition("/")[2]
    return PurePosixPath(path).name if base in ("", ".") else base  # the quicker way, if it does


def _shown(file: RawFile, roots: Sequence[Path]) -> str:
    """Where a file lies, from the last part of the first root on that holds it."""
    path = Path(os.path.abspath(file.path))
    root = next(root for root in roots if path.is_relative_to(root))
    inside = (root.name / path.relative_to(root)).as_posix()
    shown = inside if file.member is None else f"{inside}:{file.member}"
    # A name that is not UTF-8 could not be written into the store's attributes.
    return shown.encode("utf-8", "backslashreplace").decode()


class SourceReader:
    """Reads recordings; keeps each archive open between reads. One for each process."""

    def __init__(self) -> None:
        self._archives: dict[str, BinaryIO] = {}

    def __enter__(self) -> SourceReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all archives."""
        for archive in self._archives.values():
            archive.close()
        self._archives.clear()

    def read(self, file: RawFile) -> bytes:
        """All bytes of a recording.

        Raises:
            ParseError: the file is too large, may not be read, or its archive member is damaged.
            SourceError: the disk does not give it; then others will fail, too.
        """
        try:
            check_size(file.size)
            if file.place is not None:
                return read_member(self._archive(file.path), file.place, file.size, file.crc or 0)
            data = Path(file.path).read_bytes()
            check_size(len(data))
            return data
        except ParseError as error:
            raise error.named(file.name) from None
        except PermissionError as error:
            # Not the whole error: it names the path, which is no business of the store's.
            raise ParseError(f"cannot be read: {error.strerror}", name=file.name) from None
        except OSError as error:
            raise SourceError(f"cannot read {file}: {error.strerror}") from error

    def members(self, path: Path) -> Iterator[RawFile]:
        """All files inside an archive, in its own order.

        Raises:
            SourceError: it is no complete zip, encrypted, or cannot be read.
        """
        for entry in _entries(path):
            if entry.filename.endswith("/"):  # a folder
                continue
            if entry.encrypted:
                raise SourceError(f"{path} is encrypted: unpack it and give the folder")
            yield _member(str(path), entry)

    def crc(self, file: RawFile, data: bytes | None = None) -> int:
        """CRC-32 of a recording: the archive's own, else computed from its bytes."""
        if file.crc is not None:
            return file.crc
        return zlib.crc32(self.read(file) if data is None else data)

    def same_bytes(self, a: RawFile, b: RawFile) -> bool:
        """Whether two recordings have equal size and CRC-32."""
        return a.size == b.size and (a.size > MAX_FILE_BYTES or self.crc(a) == self.crc(b))

    def _archive(self, path: str) -> BinaryIO:
        if path not in self._archives:
            self._archives[path] = open(path, "rb")  # noqa: SIM115 - closed by close()
        return self._archives[path]


def _entries(path: Path) -> Iterator[Entry]:
    try:
        yield from entries(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise SourceError(
            f"{path} is not a complete zip ({error}); was the download cut off?"
        ) from None
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error


def _member(archive: str, entry: Entry) -> RawFile:
    base = _base_name(entry.filename)
    place = Place(entry.offset, entry.packed, entry.method)
    name = base.rpartition(".")[0] or base
    return RawFile(name, archive, entry.filename, entry.size, entry.crc, place)


def _of_another_family(family: str, found: _Found) -> str:
    """A hint where what was given are recordings of another dataset."""
    for other, suffix in _SUFFIX.items():
        if other != family and any(path.lower().endswith(suffix) for path, *_ in found.ignored):
            return f", some of them *{suffix}: is it `skeldata prepare {other}` that you want?"
    return ""
