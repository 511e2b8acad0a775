"""What a parser hands on: one recording, its bodies and their joints."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class RawBody:
    """One tracked body of a recording.

    Attributes:
        body_id: the sensor's id, exact (NTU ids have 17 digits, which float64 cannot hold).
        frame_index: (K,) int64, strictly increasing 0-based frames in which the body was seen.
        xyz: (K, V, 3) float32, metres, camera frame.
    """

    body_id: int
    frame_index: NDArray[np.int64]
    xyz: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class RawSequence:
    """One recording as it lies in its file, nothing chosen or changed.

    Attributes:
        frame_count: frames of the recording, those without any body included.
        bodies: in order of first appearance; within one frame, in the order of the file.
        stated_name: the sample name written inside the file (NW-UCLA), else None.
        stated_label: the 1-based class written inside the file (NW-UCLA), else None.
    """

    frame_count: int
    bodies: tuple[RawBody, ...]
    stated_name: str | None = field(default=None)
    stated_label: int | None = field(default=None)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One prepared sample: M bodies, T frames, V joints.

    Attributes:
        joint: (M, T, V, 3) float32 in the recipe's units; exact zeros where a body is absent.
        present: (M, T) bool, whether the body is there.
        length: source frames with at least one chosen body, before resampling.
    """

    joint: NDArray[np.float32]
    present: NDArray[np.bool_]
    length: int


@dataclass(frozen=True, slots=True, order=True)
class Rejection:
    """A file that was left out, and why.

    Attributes:
        name: sample name, or the path when the name itself was the fault.
        reason: one line with the offending value.
        line: 1-based line in the file, or None.
    """

    name: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.name}{'' if self.line is None else f', line {self.line}'}: {self.reason}"
