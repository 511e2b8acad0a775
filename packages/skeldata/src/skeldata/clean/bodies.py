"""Which bodies of a recording are kept, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skeldata.errors import ParseError
from skeldata.types import RawBody, RawSequence

if TYPE_CHECKING:
    from skeldata.recipe import EnergySelector


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Chosen bodies on the frames in which at least one of them is present.

    Attributes:
        xyz: (B, L, V, 3) float64, B >= 1, the main body first; zeros where absent. In memory all x
            come first, then all y, then all z: numpy then runs along the long axes, several times
            faster, and the numbers are the same.
        present: (B, L) bool.
        gaps: bodies that vanish and return, as far as that matters to the selector ``tracks``:
            where it is not 0, the arrays that CTR-GCN publishes may differ from these, because
            their reader closes the gap and so shifts what follows. 0 with other selectors.
    """

    xyz: NDArray[np.float64]
    present: NDArray[np.bool_]
    gaps: int = 0


def select_by_energy(sequence: RawSequence, rule: EnergySelector, persons: int) -> Tracks:
    """Keep the ``persons`` bodies of largest energy, quiet bodies that are not upright left out.

    The energy of a body is the sum over x, y and z of the standard deviation, over its frames and
    joints, of the coordinates relative to the reference joint (psp.md section 2). Equal energies
    keep the order of first appearance.

    Raises:
        ParseError: no body in any frame.
    """
    bodies = seen_bodies(sequence)
    if len(bodies) > 1:
        energies = np.array([energy(body.xyz, rule.reference_joint) for body in bodies])
        loud = energies >= rule.keep_ratio * energies.max()
        kept = [
            index
            for index in np.argsort(-energies, kind="stable")
            if loud[index] or is_upright(bodies[index].xyz[0], rule.upright_ratio)
        ]
        bodies = [bodies[index] for index in kept[:persons]]
    return place(bodies)


def seen_bodies(sequence: RawSequence) -> list[RawBody]:
    """The bodies of a recording in order of first appearance, frames of zeros left out.

    Raises:
        ParseError: no body in any frame.
    """
    bodies = [body for body in map(without_empty_frames, sequence.bodies) if len(body.frame_index)]
    if not bodies:
        raise ParseError(f"no body in any of {sequence.frame_count} frames")
    return bodies


def without_empty_frames(body: RawBody) -> RawBody:
    """Drop frames in which every joint lies at exactly (0, 0, 0): the sensor saw nothing."""
    if body.xyz[:, 0, 0].all():  # one joint that lies elsewhere is enough, and quickly asked
        return body
    seen = body.xyz.any(axis=(1, 2))
    if seen.all():
        return body
    return RawBody(body.body_id, body.frame_index[seen], body.xyz[seen])


def energy(xyz: NDArray[np.float32], reference_joint: int) -> float:
    """How much a body spreads around its reference joint, metres; xyz (K, V, 3)."""
    planes = xyz.transpose(2, 0, 1).astype(np.float64, order="C")
    relative = planes - planes[:, :, reference_joint, None]
    apart = relative.reshape(3, -1)
    apart -= _mean(apart)[:, None]
    apart *= apart
    x, y, z = np.sqrt(_mean(apart)).tolist()
    return float(x + y + z)


def _mean(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each row, summed from the first to the last: one order, whatever the library."""
    mean: NDArray[np.float64] = np.add.accumulate(planes, axis=1)[:, -1] / planes.shape[1]
    return mean


def is_upright(points: NDArray[np.float32], ratio: float) -> bool:
    """Whether ``ratio`` times the height of one frame's joints (V, 3) exceeds their width."""
    width, height, _ = np.ptp(points.astype(np.float64), axis=0)
    return bool(ratio * height > width)


def place(bodies: list[RawBody]) -> Tracks:
    """Put bodies side by side on a common time line without the frames that none of them has."""
    frames = bodies[0].frame_index
    if not all(np.array_equal(body.frame_index, frames) for body in bodies[1:]):
        frames = np.unique(np.concatenate([body.frame_index for body in bodies]))
    shape = (len(bodies), len(frames), bodies[0].xyz.shape[1])
    xyz = np.zeros((3, *shape)).transpose(1, 2, 3, 0)
    present = np.zeros(shape[:2], dtype=np.bool_)
    for row, body in enumerate(bodies):
        whole = len(body.frame_index) == len(frames)
        at = slice(None) if whole else np.searchsorted(frames, body.frame_index)
        xyz[row, at] = body.xyz
        present[row, at] = True
    return Tracks(xyz, present)
