"""Named ways of breaking a valid raw file, for tests of parsers and of everything after them.

Each takes the bytes of a valid file and a random generator that picks the place, and returns bytes
that are invalid wherever that place is. NTU files need a body in some frame.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

from skeldata.errors import UsageError

Damage = Callable[[bytes, Random], bytes]

_BODY_LINES = 27  # the body's own line, the joint count and 25 joints


class _Lines:
    """A valid ``.skeleton`` file as lines without their ends, and where its parts begin."""

    def __init__(self, data: bytes) -> None:
        self.newline = b"\r\n" if b"\r\n" in data else b"\n"
        self.lines = data.split(self.newline)
        if not self.lines[-1]:
            self.lines.pop()
        self.frames: list[int] = []  # index of each line with a body count
        self.bodies: list[int] = []  # index of each body's own line
        at = 1
        for _ in range(int(self.lines[0])):
            count = int(self.lines[at])
            self.frames.append(at)
            self.bodies += range(at + 1, at + 1 + count * _BODY_LINES, _BODY_LINES)
            at += 1 + count * _BODY_LINES
        if not self.bodies:
            raise UsageError("this damage needs a recording with a body in some frame")

    def any_joint(self, rng: Random) -> int:
        """Index of some joint line."""
        return rng.choice(self.bodies) + 2 + rng.randrange(25)

    def frame_of(self, body: int) -> int:
        """Index of the body count above a body's line."""
        return max(at for at in self.frames if at < body)

    def join(self) -> bytes:
        return self.newline.join(self.lines) + self.newline


def _on_lines(change: Callable[[_Lines, Random], None]) -> Damage:
    def damage(data: bytes, rng: Random) -> bytes:
        lines = _Lines(data)
        change(lines, rng)
        return lines.join()

    return damage


def _coordinate(*tokens: bytes) -> Damage:
    """Put one of the tokens in the place of some x, y or z."""

    def change(file: _Lines, rng: Random) -> None:
        at = file.any_joint(rng)
        fields = file.lines[at].split(b" ")
        fields[rng.randrange(3)] = rng.choice(tokens)
        file.lines[at] = b" ".join(fields)

    return _on_lines(change)


def _fields(body_line: bool, add: int) -> Damage:
    """Take a field from a line, or add one."""

    def change(file: _Lines, rng: Random) -> None:
        at = rng.choice(file.bodies) if body_line else file.any_joint(rng)
        fields = file.lines[at].split(b" ")
        place = rng.randrange(len(fields))
        if add > 0:
            fields.insert(place, b"1")
        else:
            del fields[place]
        file.lines[at] = b" ".join(fields)

    return _on_lines(change)


def _frame_count(value: Callable[[int, Random], int]) -> Damage:
    def change(file: _Lines, rng: Random) -> None:
        file.lines[0] = b"%d" % value(len(file.frames), rng)

    return _on_lines(change)


def _body_count(value: int) -> Damage:
    def change(file: _Lines, rng: Random) -> None:
        file.lines[rng.choice(file.frames)] = b"%d" % value

    return _on_lines(change)


def _cut_in_line(data: bytes, rng: Random) -> bytes:
    file = _Lines(data)
    at = file.any_joint(rng)
    # Before the last field begins, so that too few fields are left whatever the cut.
    cut = rng.randint(1, file.lines[at].rindex(b" "))
    return file.newline.join((*file.lines[:at], file.lines[at][:cut]))


def _cut_frames(file: _Lines, rng: Random) -> None:
    del file.lines[rng.choice(file.frames) :]


def _joint_count_lies(file: _Lines, rng: Random) -> None:
    file.lines[rng.choice(file.bodies) + 1] = b"24"


def _one_joint_less(file: _Lines, rng: Random) -> None:
    body = rng.choice(file.bodies)
    file.lines[body + 1] = b"24"
    del file.lines[body + 2 + rng.randrange(25)]


def _missing_line(file: _Lines, rng: Random) -> None:
    del file.lines[rng.randrange(len(file.lines))]


def _extra_joint(file: _Lines, rng: Random) -> None:
    at = file.any_joint(rng)
    file.lines.insert(at, file.lines[at])


def _blank_line(file: _Lines, rng: Random) -> None:
    file.lines.insert(rng.randrange(1, len(file.lines)), b"")


def _same_id_twice(file: _Lines, rng: Random) -> None:
    body = rng.choice(file.bodies)
    frame = file.frame_of(body)
    count = int(file.lines[frame])
    file.lines[frame] = b"%d" % (count + 1)
    end = frame + 1 + count * _BODY_LINES
    file.lines[end:end] = file.lines[body : body + _BODY_LINES]


def _extra_frame(file: _Lines, rng: Random) -> None:
    frame = file.frame_of(rng.choice(file.bodies))
    file.lines += file.lines[frame : frame + 1 + int(file.lines[frame]) * _BODY_LINES]


def _empty(data: bytes, rng: Random) -> bytes:
    return b""


def _junk(data: bytes, rng: Random) -> bytes:
    return b"\x00\xff" + rng.randbytes(rng.randrange(2000))


NTU_DAMAGES: Mapping[str, Damage] = MappingProxyType(
    {
        "cut in mid-line": _cut_in_line,
        "cut at a frame": _on_lines(_cut_frames),
        "NaN coordinate": _coordinate(b"NaN", b"nan", b"-nan"),
        "-1.#IND coordinate": _coordinate(b"-1.#IND", b"1.#QNAN"),
        "infinite coordinate": _coordinate(b"inf", b"-Infinity", b"1.#INF"),
        "coordinate beyond float32": _coordinate(b"1E+39", b"-7.5E+50"),
        "coordinate beyond float64": _coordinate(b"1E+400", b"-1E+999"),
        "garbage coordinate": _coordinate(
            b"abc", b"0.12x4", b"--1", b"1,5", b"0x1A", b"1..2", b"1E", b"-", b"."
        ),
        "underscore in a coordinate": _coordinate(b"1_0", b"0.2_5", b"1_0E-1"),
        "other script's digits": _coordinate("\uff11.5".encode(), "\u0663".encode()),
        "24 joints": _on_lines(_one_joint_less),
        "joint count 24 for 25 joints": _on_lines(_joint_count_lies),
        "joint line of 11 fields": _fields(body_line=False, add=-1),
        "joint line of 13 fields": _fields(body_line=False, add=1),
        "body line of 9 fields": _fields(body_line=True, add=-1),
        "body line of 11 fields": _fields(body_line=True, add=1),
        "missing line": _on_lines(_missing_line),
        "extra joint line": _on_lines(_extra_joint),
        "blank line": _on_lines(_blank_line),
        "same id twice in a frame": _on_lines(_same_id_twice),
        "frame count too large": _frame_count(lambda n, rng: n + rng.randint(1, 50)),
        "frame count too small": _frame_count(lambda n, rng: rng.randrange(n)),
        "frame count absurd": _frame_count(lambda n, rng: 10**9),
        "frame count negative": _frame_count(lambda n, rng: -n),
        "body count absurd": _body_count(10**6),
        "body count negative": _body_count(-1),
        "extra frame at the end": _on_lines(_extra_frame),
        "empty file": _empty,
        "binary junk": _junk,
    }
)
"""Damages of a ``.skeleton`` file by name."""


def _on_json(change: Callable[[dict[str, Any], Random], object]) -> Damage:
    def damage(data: bytes, rng: Random) -> bytes:
        content = json.loads(data)
        changed = change(content, rng)
        return json.dumps(content if changed is None else changed).encode("ascii")

    return damage


def _json_coordinate(value: object) -> Damage:
    def change(content: dict[str, Any], rng: Random) -> None:
        rng.choice(rng.choice(content["skeletons"]))[rng.randrange(3)] = value

    return _on_json(change)


def _without(key: str) -> Damage:
    def change(content: dict[str, Any], rng: Random) -> None:
        del content[key]

    return _on_json(change)


def _cut_json(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(1, len(data.rstrip()))]


def _other_joints(count: int) -> Damage:
    def change(content: dict[str, Any], rng: Random) -> None:
        frame = rng.choice(content["skeletons"])
        frame[:] = (frame * 2)[:count]

    return _on_json(change)


def _two_numbers(content: dict[str, Any], rng: Random) -> None:
    del rng.choice(rng.choice(content["skeletons"]))[rng.randrange(3)]


def _no_frames(content: dict[str, Any], rng: Random) -> None:
    content["skeletons"] = []


def _other_label(content: dict[str, Any], rng: Random) -> None:
    content["label"] = rng.choice([n for n in range(1, 11) if n != content["label"]])


def _label_text(content: dict[str, Any], rng: Random) -> None:
    content["label"] = str(content["label"])


def _huge_number(data: bytes, rng: Random) -> bytes:
    content = json.loads(data)
    rng.choice(rng.choice(content["skeletons"]))[rng.randrange(3)] = "@"
    return json.dumps(content).encode("ascii").replace(b'"@"', b"1e400")


def _deep(data: bytes, rng: Random) -> bytes:
    content = json.loads(data)
    nested = b"[" * 100_000 + b"]" * 100_000
    content["skeletons"] = "@"
    return json.dumps(content).encode("ascii").replace(b'"@"', nested)


def _a_list(content: dict[str, Any], rng: Random) -> object:
    return content["skeletons"]


UCLA_DAMAGES: Mapping[str, Damage] = MappingProxyType(
    {
        "cut": _cut_json,
        "NaN coordinate": _json_coordinate(float("nan")),
        "infinite coordinate": _json_coordinate(float("-inf")),
        "coordinate beyond float64": _huge_number,
        "text as coordinate": _json_coordinate("0.5"),
        "boolean coordinate": _json_coordinate(True),
        "null coordinate": _json_coordinate(None),
        "19 joints in a frame": _other_joints(19),
        "21 joints in a frame": _other_joints(21),
        "two numbers for a joint": _on_json(_two_numbers),
        "no frames": _on_json(_no_frames),
        "no skeletons key": _without("skeletons"),
        "no file_name key": _without("file_name"),
        "no label key": _without("label"),
        "label of another class": _on_json(_other_label),
        "text as label": _on_json(_label_text),
        "nested 100000 deep": _deep,
        "not an object": _on_json(_a_list),
        "empty file": _empty,
        "binary junk": _junk,
    }
)
"""Damages of an NW-UCLA file by name; ``label of another class`` shows only against its name."""

DAMAGES: Mapping[str, Mapping[str, Damage]] = MappingProxyType(
    {"ntu": NTU_DAMAGES, "ucla": UCLA_DAMAGES}
)
"""`NTU_DAMAGES` and `UCLA_DAMAGES` by family of datasets."""
