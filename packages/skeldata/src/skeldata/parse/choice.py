"""Which parser reads raw files: the compiled one (extra ``[fast]``), or the plain one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from skeldata.datasets import Family
from skeldata.memory import collection_paused
from skeldata.parse.ntu import read_ntu
from skeldata.parse.ucla import read_ucla
from skeldata.types import RawSequence

WORTH_COMPILED = 32 * 1024 * 1024
"""Bytes that the plain parser reads in the time that loading the compiled one takes (0.4 s)."""


@dataclass(frozen=True, slots=True)
class Parser:
    """How raw files of one family are read.

    Attributes:
        engine: ``numba`` (compiled) or ``python`` (plain).
        read: bytes -> `RawSequence`, or `ParseError`; the same whichever it is.
    """

    engine: Literal["numba", "python"]
    read: Callable[[bytes], RawSequence]


def load_parser(family: Family, size: int = WORTH_COMPILED) -> Parser:
    """The quickest parser for ``size`` bytes of raw files, ready to run.

    The compiled one is made on the first use after an installation (seconds) and kept on disk for
    later processes. Files that it does not like it hands to the plain one, which accepts them or
    words the error.
    """
    plain = read_ntu if family == "ntu" else read_ucla
    if size < WORTH_COMPILED or find_spec("numba") is None:
        return Parser("python", plain)
    try:
        with collection_paused():  # a quarter quicker
            fast = _compiled(family)
    except (ImportError, RuntimeError):  # numba is broken, or finds no place to keep its code
        return Parser("python", plain)

    def read(data: bytes) -> RawSequence:
        sequence = fast(data)
        return plain(data) if sequence is None else sequence

    return Parser("numba", read)


def parser_in_use(family: Family = "ntu") -> Literal["numba", "python"]:
    """What reads whole datasets here: ``numba`` (compiled) or ``python`` (plain)."""
    return load_parser(family).engine


def _compiled(family: Family) -> Callable[[bytes], RawSequence | None]:
    """The compiled parser, run once on the beginning of a file, so that its code is there."""
    if family == "ntu":
        from skeldata.parse.ntu_fast import parse_ntu_fast

        parse_ntu_fast(b"1\n")
        return parse_ntu_fast
    from skeldata.parse.ucla_fast import parse_ucla_fast

    parse_ucla_fast(b'{"file_name": "a", "skeletons": [')
    return parse_ucla_fast
