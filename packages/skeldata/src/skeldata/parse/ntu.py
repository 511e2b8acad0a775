"""NTU RGB+D ``.skeleton`` text -> `RawSequence`, strictly.

The format, line by line: the frame count; for each frame the number of bodies; for each body ten
fields that begin with its id, the number of joints (25), and one line of twelve fields a joint that
begins with x, y, z. Fields are separated by white space, lines end with LF or CRLF.

Every line and field is counted, ids stay exact integers, and only x, y and z are converted: they
are all that the pipeline uses. The other fields are hand states, image positions and orientations.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skeldata.errors import ParseError
from skeldata.parse.limits import MAX_BODIES_PER_FRAME, MAX_FRAMES, read_source, shown
from skeldata.types import RawBody, RawSequence

JOINTS = 25
BODY_FIELDS = 10
JOINT_FIELDS = 12

_INTEGER = re.compile(rb"[+-]?[0-9]{1,19}")
_NUMBER_BYTES = b"0123456789+-.eE"
_MAX_BODY_ID = 2**63 - 1


def read_ntu(source: bytes | str | Path) -> RawSequence:
    """Read one NTU ``.skeleton`` recording from its bytes or its path.

    Returns:
        Bodies in order of first appearance with xyz (K, 25, 3) float32, metres, camera frame.

    Raises:
        ParseError: the file breaks the format; says the line and why.
        SourceError: the path cannot be read.
    """
    data, name = read_source(source)
    try:
        return _Reader(data).sequence()
    except ParseError as error:
        raise (error.named(name) if name else error) from None


class _Reader:
    """Walks the lines of one file once, collecting the tokens of all coordinates."""

    def __init__(self, data: bytes) -> None:
        self.lines = data.split(b"\n")
        self.position = 0
        self.tokens: list[bytes] = []  # x, y, z of every joint, block after block
        self.block_lines: list[int] = []  # 1-based first joint line of every body block
        self.frame = 0
        self.frame_count = 0

    def sequence(self) -> RawSequence:
        if not any(map(bytes.strip, self.lines[:2])):
            raise ParseError("empty file", line=1)
        self.frame_count = self.integer("frame count", 1, MAX_FRAMES)
        blocks_of: dict[int, list[int]] = {}
        frames_of: dict[int, list[int]] = {}
        for frame in range(self.frame_count):
            self.frame = frame
            seen: set[int] = set()
            for _ in range(self.integer("body count", 0, MAX_BODIES_PER_FRAME)):
                body_id = self.body_id()
                if body_id in seen:
                    raise ParseError(
                        f"body id {body_id} stands twice in frame {frame + 1}", line=self.position
                    )
                seen.add(body_id)
                self.integer("joint count", JOINTS, JOINTS)
                blocks_of.setdefault(body_id, []).append(len(self.block_lines))
                frames_of.setdefault(body_id, []).append(frame)
                self.joints()
        self.end()
        xyz = self.coordinates()
        return RawSequence(
            self.frame_count,
            tuple(
                RawBody(body_id, np.array(frames_of[body_id], dtype=np.int64), xyz[blocks])
                for body_id, blocks in blocks_of.items()
            ),
        )

    def line(self, what: str) -> bytes:
        """The next line; the one after the last newline counts only if something stands there."""
        if self.position >= len(self.lines) or (
            self.position == len(self.lines) - 1 and not self.lines[-1].strip()
        ):
            of = f" in frame {self.frame + 1} of {self.frame_count}" if self.position else ""
            raise ParseError(f"the file ends where a {what} is due{of}", line=self.position + 1)
        self.position += 1
        return self.lines[self.position - 1]

    def integer(self, what: str, low: int, high: int) -> int:
        line = self.line(f"line with the {what}")
        token = line.strip()
        if not _INTEGER.fullmatch(token):
            raise ParseError(f"expected the {what}, found {shown(token)}", line=self.position)
        value = int(token)
        if not low <= value <= high:
            bounds = f"{low}" if low == high else f"{low} to {high}"
            raise ParseError(f"{what} {value} is not {bounds}", line=self.position)
        return value

    def body_id(self) -> int:
        fields = self.line("body line").split()
        if len(fields) != BODY_FIELDS:
            raise ParseError(
                f"body line has {len(fields)} fields, not {BODY_FIELDS}", line=self.position
            )
        if not _INTEGER.fullmatch(fields[0]) or not 0 <= int(fields[0]) <= _MAX_BODY_ID:
            raise ParseError(f"body id {shown(fields[0])} is not a body id", line=self.position)
        return int(fields[0])

    def joints(self) -> None:
        self.block_lines.append(self.position + 1)
        for joint in range(JOINTS):
            fields = self.line(f"line of joint {joint + 1}").split()
            if len(fields) != JOINT_FIELDS:
                raise ParseError(
                    f"line of joint {joint + 1} has {len(fields)} fields, not {JOINT_FIELDS}",
                    line=self.position,
                )
            self.tokens += fields[:3]

    def end(self) -> None:
        for index in range(self.position, len(self.lines)):
            if self.lines[index].strip():
                raise ParseError(
                    f"more lines after the {self.frame_count} declared frames", line=index + 1
                )

    def coordinates(self) -> NDArray[np.float32]:
        """All coordinates, (blocks, 25, 3) float32; names the first that is no finite number."""
        # float() also takes underscores and words such as "nan": foreign bytes are found first.
        if not b"".join(self.tokens).translate(None, _NUMBER_BYTES):
            try:
                numbers = np.array([float(token) for token in self.tokens], dtype=np.float64)
            except ValueError:
                numbers = None
            if numbers is not None:
                with np.errstate(over="ignore"):
                    xyz = numbers.astype(np.float32)
                if np.isfinite(xyz).all():
                    return xyz.reshape(-1, JOINTS, 3)
        raise self.bad_coordinate()

    def bad_coordinate(self) -> ParseError:
        for index, token in enumerate(self.tokens):
            block, within = divmod(index, JOINTS * 3)
            joint, axis = divmod(within, 3)
            where = f"{'xyz'[axis]} of joint {joint + 1}"
            line = self.block_lines[block] + joint
            try:
                value = float(token)
                if b"_" in token:
                    raise ValueError
            except ValueError:
                return ParseError(f"{where} is not a number: {shown(token)}", line=line)
            if not abs(value) <= float(np.finfo(np.float32).max):
                return ParseError(f"{where} is not finite: {shown(token)}", line=line)
        raise AssertionError("every coordinate is a finite number")
