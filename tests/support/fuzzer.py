"""Seeded mutations of raw files: the same seed gives the same damage on every machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

Mutation = Callable[[bytes, Random], bytes]

NUMBER = re.compile(rb"[+-]?[0-9][0-9.eE+-]*")
ODD_NUMBERS = (
    b"nan", b"-inf", b"Infinity", b"1e39", b"-3.5e38", b"1e400", b"1e-400", b"0x10", b"1_0", b"--1",
    b"1,5", b"1.2.3", b"1e", b"e5", b".", b"-", b"", b".5", b"5.", b"+.5E-3", b"0007", b"-0", b"007.50",
    b"9" * 30, b"0." + b"3" * 40, b"1" + b"0" * 25 + b"e-25", b"123456789012345678e-9", b"-1.#IND",
    "1٫5".encode(), "٣".encode(), b"true", b"null", b'"1"', b"1\x00", b"3.4028235e38", b"3.4028236e38",
    b"1e22", b"1e23", b"4e-46", b"16777217", b"0.1000000000000000055511151231257827",
)  # fmt: skip
COUNTS = (
    b"0",
    b"-1",
    b"1",
    b"2",
    b"7",
    b"16",
    b"17",
    b"24",
    b"26",
    b"025",
    b"25.0",
    b"+25",
    b"1000000000",
)
FOREIGN = b"\x00\x09\x0a\x0b\x0c\x0d\x1a\x1c\x1f\x20\x7f\x85\xa0\xff,;[]{}\"'_eE+-.0123456789"


def _span(data: bytes, rng: Random, longest: int) -> tuple[int, int]:
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.randint(1, longest))


def _number(data: bytes, rng: Random) -> re.Match[bytes]:
    """Some number, or nothing at the very beginning of a file that has none."""
    return rng.choice([*NUMBER.finditer(data)] or [*re.finditer(rb"\A", data)])


def flip_bits(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def replace_byte(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.choice(FOREIGN)]) + data[at + 1 :]


def insert_bytes(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes(rng.choice(FOREIGN) for _ in range(rng.randint(1, 4))) + data[at:]


def delete_bytes(data: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng, 40)
    return data[:start] + data[end:]


def repeat_bytes(data: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng, 400)
    return data[:end] + data[start:end] * rng.randint(1, 3) + data[end:]


def truncate(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data))]


def edit_number(data: bytes, rng: Random) -> bytes:
    found = _number(data, rng)
    return data[: found.start()] + rng.choice(ODD_NUMBERS) + data[found.end() :]


def nudge_number(data: bytes, rng: Random) -> bytes:
    """Another number of the same kind: often still a valid file."""
    found = _number(data, rng)
    digits = bytes(rng.choice(b"0123456789") if c in b"0123456789" else c for c in found[0])
    return data[: found.start()] + digits + data[found.end() :]


def lie_about_counts(data: bytes, rng: Random) -> bytes:
    """Change a line that holds nothing but a number, where there are such lines."""
    counts = list(re.finditer(rb"(?m)^[0-9]+(?=\r?$)", data))
    if not counts:
        return edit_number(data, rng)
    found = rng.choice([counts[0], *counts])
    return data[: found.start()] + rng.choice(COUNTS) + data[found.end() :]


def _pieces(data: bytes, rng: Random) -> tuple[bytes, list[bytes]]:
    separator = rng.choice(
        [mark for mark in (b"\n", b" ", b", ", b"], [") if mark in data] or [b"\n"]
    )
    return separator, data.split(separator)


def duplicate_piece(data: bytes, rng: Random) -> bytes:
    separator, pieces = _pieces(data, rng)
    at = rng.randrange(len(pieces))
    return separator.join([*pieces[: at + 1], *pieces[at:]])


def drop_piece(data: bytes, rng: Random) -> bytes:
    separator, pieces = _pieces(data, rng)
    at = rng.randrange(len(pieces))
    return separator.join(pieces[:at] + pieces[at + 1 :])


def swap_pieces(data: bytes, rng: Random) -> bytes:
    separator, pieces = _pieces(data, rng)
    a, b = rng.randrange(len(pieces)), rng.randrange(len(pieces))
    pieces[a], pieces[b] = pieces[b], pieces[a]
    return separator.join(pieces)


def respace(data: bytes, rng: Random) -> bytes:
    """Other white space between or behind fields: often still a valid file."""
    at = rng.choice([found.start() for found in re.finditer(rb"[ \n]", data)] or [0])
    return data[:at] + rng.choice((b" ", b"  ", b"\t", b"\r", b"\x0b", b"\n", b"\r\r")) + data[at:]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, replace_byte, insert_bytes, delete_bytes, repeat_bytes, truncate, edit_number, nudge_number,
    nudge_number, lie_about_counts, duplicate_piece, drop_piece, swap_pieces, respace,
)  # fmt: skip


def splice(data: bytes, other: bytes, rng: Random) -> bytes:
    """The beginning of one file and the end of another."""
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def mutant(files: list[bytes], seed: int) -> bytes:
    """One of the valid files, damaged in one to three ways or spliced with another."""
    rng = Random(seed)
    data = rng.choice(files)
    if rng.random() < 0.1:
        data = splice(data, rng.choice(files), rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if data:
            data = rng.choice(MUTATIONS)(data, rng)
    return data
