"""Strict readers of the two raw formats, written from the contract alone, slow and plain.

They share nothing with the package. A fault of any kind is a `ValueError`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import numpy as np

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(E[+-][0-9]+)?")


@dataclass
class NaiveBody:
    id: int
    header: list[str]  # 10 fields
    joints: list[list[str]]  # 25 x 12 fields

    @property
    def xyz(self) -> np.ndarray:
        return np.array([[float(token) for token in joint[:3]] for joint in self.joints])


@dataclass
class NaiveFile:
    newline: str
    frames: list[list[NaiveBody]]

    def ids(self) -> set[int]:
        return {body.id for frame in self.frames for body in frame}


def require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def read_naive_ntu(data: bytes) -> NaiveFile:
    text = data.decode("ascii")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(newline)
    if not lines[-1]:
        lines.pop()
    require(not any(set(line) - set("0123456789.+-E ") for line in lines), "a foreign character")
    lines.reverse()

    def integer(low: int, high: int) -> int:
        require(bool(lines), "the file ends early")
        value = int(lines.pop())
        require(low <= value <= high, "a count out of bounds")
        return value

    frames = []
    for _ in range(integer(1, 1000)):
        bodies: list[NaiveBody] = []
        for _ in range(integer(0, 6)):
            require(bool(lines), "the file ends early")
            header = lines.pop().split(" ")
            require(len(header) == 10, "body fields")
            require(int(header[0]) not in [body.id for body in bodies], "an id twice")
            integer(25, 25)
            require(len(lines) >= 25, "the file ends early")
            joints = [lines.pop().split(" ") for _ in range(25)]
            for joint in joints:
                require(len(joint) == 12, "joint fields")
                for token in joint:
                    require(NUMBER.fullmatch(token) is not None, "not a number")
                    require(abs(float(token)) < 3.4e38, "not finite as float32")
            bodies.append(NaiveBody(int(header[0]), header, joints))
        frames.append(bodies)
    require(not lines, "lines left over")
    return NaiveFile(newline, frames)


def read_naive_ucla(data: bytes, name: str | None = None) -> np.ndarray:
    """(T, 20, 3); ``name`` is the sample that the file should be of."""
    if b"[" * 100 in data:
        raise ValueError("too deep")
    content = json.loads(data.decode("ascii"))
    require(isinstance(content, dict), "not an object")
    require(list(content) == ["file_name", "skeletons", "label"], "keys")
    require(type(content["label"]) is int, "label")
    if name is not None:
        ids = [1, 2, 3, 4, 5, 6, 8, 9, 11, 12]
        require(content["file_name"] == name, "another name")
        require(content["label"] == ids.index(int(name[1:3])) + 1, "another label")
    frames = content["skeletons"]
    require(isinstance(frames, list) and len(frames) > 0, "frames")
    for frame in frames:
        require(len(frame) == 20, "joints")
        for joint in frame:
            require(len(joint) == 3, "axes")
            require(all(type(x) is float and np.isfinite(x) for x in joint), "coordinate")
    return np.array(frames)
