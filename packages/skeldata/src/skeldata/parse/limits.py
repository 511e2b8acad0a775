"""Sizes beyond which a raw file is taken for damage, not data.

The longest NTU clip has 300 frames and a Kinect tracks six bodies: these bounds leave room for
other recordings and still stop a file that declares a billion frames before memory does.
"""

from __future__ import annotations

import re
from pathlib import Path

from skeldata.errors import ParseError, SourceError

MAX_FRAMES = 20_000
MAX_BODIES_PER_FRAME = 16
MAX_FILE_BYTES = 128 * 1024 * 1024

_SHOWN_CHARACTERS = 40


def check_size(size: int, *, what: str = "file") -> None:
    """Refuse more bytes than any recording has, with `ParseError`."""
    if size > MAX_FILE_BYTES:
        raise ParseError(f"{what} of {size:,} bytes is larger than the limit of {MAX_FILE_BYTES:,}")


def read_source(source: bytes | str | Path) -> tuple[bytes, str | None]:
    """Bytes of a raw file and, when a path was given, its name for messages.

    Raises:
        SourceError: the path cannot be read.
        ParseError: the file is larger than any recording.
    """
    if isinstance(source, bytes):
        check_size(len(source))
        return source, None
    path = Path(source)
    try:
        check_size(path.stat().st_size)
        return path.read_bytes(), path.name
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except ParseError as error:
        raise error.named(path.name) from None


def shown(text: bytes | str) -> str:
    """A value as a message shows it: one line, printable, short."""
    if isinstance(text, bytes):
        text = text.decode("ascii", "backslashreplace")
    text = re.sub(r"[^\x20-\x7e]", lambda match: ascii(match.group())[1:-1], text)
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "...")
