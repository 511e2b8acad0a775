"""Names as other labs keep them: plain text, CSV, JSON, or a pickle of names and labels.

What is read, and nothing else:

* text, one sample a line: in any folder, with any suffix, in one column of several (comma, semicolon,
  tab or space between them); blank lines and lines that begin with ``#`` are passed over, and so is
  the first row of a ``.csv`` or ``.tsv`` that holds no name. LF, CRLF or CR; UTF-8, or UTF-16 with
  its mark, as PowerShell writes it;
* JSON: a list of names, a pair ``[names, labels]``, or an object with the list in ``names``;
* ``.pkl`` or ``.pickle``: the same, as the label files of the ST-GCN line of code are. Only plain
  values are let in, so that nothing in the file can run;
* any of these packed as ``.gz``.
"""

from __future__ import annotations

import codecs
import json
import pickle
import pickletools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeldata.errors import ManifestError
from skeldata.names import parse_ntu_name, parse_ucla_name
from skeldata.splits.index import INDEX_FORMAT
from skeldata.splits.listing import Finding, read_list_bytes
from skeldata.splits.manifest import MANIFEST_FORMAT

_COLUMNS = re.compile(r"[,;\t]")
_WORDS = re.compile(r"[,;\s]+")
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ENCODING_OF_MARK = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}

# Every opcode that builds lists, tuples, dicts, texts and numbers; none that finds or calls code.
_PLAIN_OPCODES = frozenset((
    "PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE",
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
    "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS",
    "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One line or item of a list, as it was found.

    Attributes:
        text: the line or item.
        names: the sample names of any dataset in it: one, if all is well.
        line: 1-based, or None where none can be named.
        item: 1-based number among the entries.
    """

    text: str
    names: tuple[str, ...]
    line: int | None
    item: int

    def finding(self, file: str, problem: str) -> Finding:
        """Something that is wrong with this entry."""
        where = "" if self.line is not None else f"item {self.item}: "
        return Finding(file, where + problem, self.line)

    @property
    def where(self) -> str:
        """Its place in words."""
        return f"item {self.item}" if self.line is None else f"line {self.line}"


def read_entries(path: Path) -> list[Entry]:
    """Read the entries of a list of any of the formats above, in file order.

    Raises:
        ManifestError: unreadable, of another format, or already a manifest of ours.
    """
    data = read_list_bytes(path)
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
    if suffix in (".pkl", ".pickle") or data[:1] == b"\x80":
        items = _items(_unpickled(data, path), path)
        lines: Sequence[int | None] = [None] * len(items)
    else:
        text = _decoded(data)
        if suffix == ".json" or text.lstrip()[:1] in ("[", "{"):
            items, lines = _json_items(text, path)
        else:
            items, lines = _text_items(text, has_header=suffix in (".csv", ".tsv"))
    return [
        Entry(text, names_in(text), line, item)
        for item, (text, line) in enumerate(zip(items, lines, strict=True), start=1)
    ]


def names_in(text: str) -> tuple[str, ...]:
    r"""The sample names of any dataset in a line: the whole line, or else its columns.

    >>> names_in(r"D:\NTU RGB+D\S001C001P001R001A001.skeleton")
    ('S001C001P001R001A001',)
    >>> names_in("a01_s01_e00_v01.json 0"), names_in("name,label")
    (('a01_s01_e00_v01',), ())
    """
    for pattern in (None, _COLUMNS, _WORDS):
        parts = [text] if pattern is None else pattern.split(text)
        stems = dict.fromkeys(map(_stem, parts))
        if found := tuple(stem for stem in stems if _is_name(stem)):
            return found
    return ()


def _stem(part: str) -> str:
    """A path without quotes, folders and suffixes; sample names hold no dot."""
    return re.split(r"[/\\]", part.strip().strip("\"'").strip())[-1].partition(".")[0]


def _is_name(text: str) -> bool:
    return parse_ntu_name(text) is not None or parse_ucla_name(text) is not None


def _decoded(data: bytes) -> str:
    for mark, encoding in _ENCODING_OF_MARK.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="backslashreplace")
    return data.decode("utf-8", errors="backslashreplace")


def _text_items(text: str, *, has_header: bool) -> tuple[list[str], list[int]]:
    rows = [
        (stripped, number)
        for number, line in enumerate(_LINE_ENDS.split(text), start=1)
        if (stripped := line.strip()) and not stripped.startswith("#")
    ]
    if has_header and rows and not names_in(rows[0][0]):
        rows = rows[1:]
    return [row for row, _ in rows], [number for _, number in rows]


def _json_items(text: str, path: Path) -> tuple[list[str], list[int | None]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise Finding(str(path), f"not JSON: {error.msg}", error.lineno).error() from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: not a JSON list of names: {error}") from error
    if isinstance(content, dict) and content.get("format") in (MANIFEST_FORMAT, INDEX_FORMAT):
        raise ManifestError(f"{path}: already a {content['format']} file; use it as it is")
    items = _items(content, path)
    return items, _json_lines(text, items)


def _json_lines(text: str, items: list[str]) -> list[int | None]:
    """The line of each item, where the file has no other strings than the items."""
    found = list(_JSON_STRING.finditer(text))
    if len(found) != len(items):
        return [None] * len(items)
    lines: list[int | None] = []
    line, seen = 1, 0
    for match in found:
        line, seen = line + text.count("\n", seen, match.start()), match.start()
        lines.append(line)
    return lines


def _items(content: Any, path: Path) -> list[str]:
    """The names in a decoded file."""
    inner = content.get("names") if isinstance(content, dict) else content
    if isinstance(inner, list | tuple) and len(inner) == 2 and isinstance(inner[0], list | tuple):
        names, labels = inner
        if isinstance(labels, list | tuple) and not any(isinstance(x, str) for x in labels):
            inner = names
    if not isinstance(inner, list | tuple) or not all(isinstance(item, str) for item in inner):
        raise ManifestError(
            f"{path}: holds no list of names; give a list, a pair of names and labels, or an object "
            'with the list in "names"'
        )
    return list(inner)


def _unpickled(data: bytes, path: Path) -> Any:
    """The plain values of a pickle; nothing in it is looked up or called."""
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name not in _PLAIN_OPCODES:
                raise ManifestError(
                    f"{path}: the pickle holds more than lists, texts and numbers ({opcode.name}), "
                    "which could run code; write its names to a text file, one a line"
                )
            # A memo place far away makes the unpickler reserve memory up to it.
            if opcode.name.endswith("PUT") and int(argument or 0) > len(data):
                raise ManifestError(f"{path}: damaged pickle: memo place {argument}")
        return pickle.loads(data, encoding="latin-1")
    except ManifestError:
        raise
    except Exception as error:  # damaged pickles raise nearly everything
        raise ManifestError(f"{path}: damaged pickle: {error}") from error
