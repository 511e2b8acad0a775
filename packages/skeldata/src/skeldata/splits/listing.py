"""A list of names as bytes: one name a line, sorted, LF, so that ``sha256sum`` gives its digest."""

from __future__ import annotations

import gzip
import io
import os
import secrets
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import takewhile
from pathlib import Path

from skeldata.datasets import Dataset, Protocol
from skeldata.errors import ManifestError

MAX_LIST_BYTES = 64 << 20
"""The whole of NTU RGB+D 120 is 2.4 MB; what is much longer was packed to do harm."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a list or manifest.

    Attributes:
        file: the file at fault, as it was named.
        problem: what is wrong, with the value.
        line: 1-based line in the file, or None when no line can be named.
    """

    file: str
    problem: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}{'' if self.line is None else f', line {self.line}'}: {self.problem}"

    def error(self) -> ManifestError:
        """The finding as an exception."""
        return ManifestError(str(self))


def list_bytes(names: Iterable[str]) -> bytes:
    r"""The canonical list: sorted names, each ended by one newline.

    >>> list_bytes(["b", "a"])
    b'a\nb\n'
    """
    return "".join(f"{name}\n" for name in sorted(names)).encode("ascii")


def names_digest(names: Iterable[str]) -> str:
    """SHA-256 hex of the canonical list; what ``sha256sum`` prints for a list on disk."""
    return sha256(list_bytes(names)).hexdigest()


def read_list_bytes(path: Path) -> bytes:
    """Bytes of a list, unpacked if its name ends in ``.gz``.

    Raises:
        ManifestError: unreadable, or longer than any list of names is (`MAX_LIST_BYTES`).
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
        if path.suffix == ".gz":
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_LIST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ManifestError(f"{path}: cannot read the list: {reason}") from error
    if len(data) > MAX_LIST_BYTES:
        raise ManifestError(f"{path}: longer than {MAX_LIST_BYTES >> 20} MiB, so no list of names")
    return data


def parse_list(
    data: bytes, file: str, dataset: Dataset, protocol: Protocol | None
) -> tuple[tuple[str, ...], list[Finding]]:
    """Take a list apart: its names, sorted, and every line that is at fault.

    Line ends, blank lines, surrounding spaces and order are forgiven here, since lists of other
    origin differ in them; `canonical_fault` says whether a list is exactly ours.

    Args:
        data: the bytes of the list.
        file: how to call it in findings.
        dataset: whose grammar every name must meet.
        protocol: if given, every name must be one of its training samples.
    """
    lines: dict[str, int] = {}
    findings = []
    for number, raw in enumerate(data.split(b"\n"), start=1):
        text = raw.strip().decode("ascii", errors="backslashreplace")
        if not text:
            continue
        name = dataset.parse_name(text)
        if name is None:
            problem = f"{text[:60]!r} is not a sample name of {dataset.id}, e.g. {dataset.example}"
        elif text in lines:
            problem = f"{text} is already on line {lines[text]}"
        elif protocol is not None and not protocol.is_train(name):
            problem = f"{text} is no training sample of {dataset.id} {protocol.name}"
        else:
            lines[text] = number
            continue
        findings.append(Finding(file, problem, number))
    return tuple(sorted(lines)), findings


def canonical_fault(data: bytes, file: str, names: tuple[str, ...]) -> Finding | None:
    """The first line in which a list differs from the canonical bytes of its names, if any."""
    wanted = list_bytes(names)
    if data == wanted:
        return None
    pairs = zip(data.splitlines(True), wanted.splitlines(True), strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return Finding(
        file, "not a canonical list (sorted names, one a line, LF, newline at the end)", same + 1
    )


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, flush it to disk, then rename it into place.

    A reader sees the old file or the new one, never a part; a failure leaves no trace.

    Raises:
        ManifestError: the folder cannot be made, or the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise ManifestError(
            f"cannot write {path}: {reason}; choose a folder that can be written to"
        ) from error
    finally:
        with suppress(OSError):  # where the folder is not one, there is nothing to take away
            temporary.unlink(missing_ok=True)
