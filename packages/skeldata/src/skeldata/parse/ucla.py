"""NW-UCLA JSON -> `RawSequence`, strictly.

One object a file: ``file_name`` (the sample name), ``skeletons`` (T x 20 x 3 numbers, metres) and
``label`` (1-based class). One-frame clips are legal.
"""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from skeldata.errors import ParseError
from skeldata.parse.limits import MAX_FRAMES, read_source, shown
from skeldata.types import RawBody, RawSequence

JOINTS = 20
_KEYS = {"file_name", "skeletons", "label"}


def read_ucla(source: bytes | str | Path) -> RawSequence:
    """Read one NW-UCLA recording from its JSON bytes or its path.

    Returns:
        One body (id 0) present in every frame, xyz (T, 20, 3) float32, metres, camera frame;
        ``stated_name`` and ``stated_label`` are what the file says of itself.

    Raises:
        ParseError: the file is no such JSON; says the line, the frame and the joint.
        SourceError: the path cannot be read.
    """
    data, name = read_source(source)
    try:
        return _sequence(_load(data), line=1 if b"\n" not in data.strip() else None)
    except ParseError as error:
        raise (error.named(name) if name else error) from None


def _load(data: bytes) -> dict[str, Any]:
    if not data.strip():
        raise ParseError("empty file", line=1)
    try:
        # Integers are read as floats: coordinates such as 0 are legal, huge digit runs harmless.
        content = json.loads(
            data.decode("utf-8-sig"),
            parse_int=float,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise ParseError(
            f"not valid JSON at column {error.colno}: {error.msg}", line=error.lineno
        ) from None
    except UnicodeDecodeError as error:
        raise ParseError(
            f"not UTF-8 text: byte {error.start} is {data[error.start]:#04x}", line=1
        ) from None
    except RecursionError:
        raise ParseError("JSON is nested too deeply", line=1) from None
    if not isinstance(content, dict):
        raise ParseError(f"expected one JSON object, found a {type(content).__name__}", line=1)
    if content.keys() != _KEYS:
        missing, extra = sorted(_KEYS - content.keys()), sorted(content.keys() - _KEYS)
        fault = f"missing {missing}" if missing else f"unknown {shown(str(extra))}"
        raise ParseError(f"keys must be {sorted(_KEYS)}: {fault}", line=1)
    return content


def _refuse_constant(token: str) -> float:
    raise ParseError(f"a coordinate is not finite: {token}", line=1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ParseError("a key stands twice in one object", line=1)
    return content


def _sequence(content: dict[str, Any], line: int | None) -> RawSequence:
    name, label, frames = content["file_name"], content["label"], content["skeletons"]
    if not isinstance(name, str):
        raise ParseError(f"file_name is {shown(str(name))}, not a text", line=line)
    if not isinstance(label, float) or not label.is_integer():
        raise ParseError(f"label is {shown(str(label))}, not a whole number", line=line)
    if not isinstance(frames, list) or not 1 <= len(frames) <= MAX_FRAMES:
        count = len(frames) if isinstance(frames, list) else shown(str(frames))
        raise ParseError(f"skeletons holds {count} frames, not 1 to {MAX_FRAMES}", line=line)
    for index, frame in enumerate(frames, 1):
        if not isinstance(frame, list) or len(frame) != JOINTS:
            count = f"{len(frame)} joints" if isinstance(frame, list) else shown(str(frame))
            raise ParseError(f"frame {index} has {count}, not {JOINTS} joints", line=line)
        for joint, point in enumerate(frame, 1):
            if not isinstance(point, list) or len(point) != 3:
                where = f"frame {index}, joint {joint}"
                raise ParseError(f"{where} is {shown(str(point))}, not three numbers", line=line)
    flat = list(chain.from_iterable(chain.from_iterable(frames)))
    if set(map(type, flat)) != {float}:
        at = next(i for i, value in enumerate(flat) if type(value) is not float)
        raise ParseError(f"{_where(at)} is not a number: {shown(str(flat[at]))}", line=line)
    with np.errstate(over="ignore"):
        xyz = np.array(flat, dtype=np.float64).astype(np.float32)
    if not np.isfinite(xyz).all():
        at = int(np.flatnonzero(~np.isfinite(xyz))[0])
        raise ParseError(f"{_where(at)} is not finite: {flat[at]}", line=line)
    body = RawBody(0, np.arange(len(frames), dtype=np.int64), xyz.reshape(-1, JOINTS, 3))
    return RawSequence(len(frames), (body,), stated_name=name, stated_label=int(label))


def _where(index: int) -> str:
    frame, within = divmod(index, JOINTS * 3)
    joint, axis = divmod(within, 3)
    return f"{'xyz'[axis]} of frame {frame + 1}, joint {joint + 1}"
