"""Where the preparation of one sample parts in two stores, as far as the stores can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skeldata.store.similarity import fit_similarity

Step = Literal["selection", "normalisation", "resampling", "rounding", "streams"]
STEPS: tuple[Step, ...] = ("selection", "normalisation", "resampling", "rounding", "streams")
"""In the order of the pipeline."""

_FITS = 1e-4  # share of the extent; normalisations of one clip agree to 1e-6 after a fit
_ROUNDING = 4 * float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True, eq=False)
class StoredClip:
    """One sample as a store holds it.

    Attributes:
        joint: (M, T, V, 3) float32.
        present: (M, T) bool.
        length: source frames.
    """

    joint: NDArray[np.float32]
    present: NDArray[np.bool_]
    length: int

    @property
    def bodies(self) -> int:
        """How many bodies are ever present."""
        return int(np.count_nonzero(self.present.any(axis=1)))

    def at(self, frames: NDArray[np.int64]) -> StoredClip:
        """The clip at some of its frames only."""
        return StoredClip(self.joint[:, frames], self.present[:, frames], self.length)


@dataclass(frozen=True, slots=True)
class Parting:
    """The first step after which two clips differ.

    Attributes:
        step: of the pipeline. A difference between the raw files shows as ``selection``.
        detail: what differs, in words.
        largest: the largest difference of any joint coordinate where both clips can be compared
            and have the body, else None.
    """

    step: Step
    detail: str
    largest: float | None


def compare_clips(a: StoredClip, b: StoredClip) -> Parting | None:
    """Say where the two part; None if length, presence and joints are the same.

    Presence and the number of source frames are settled by the selection of bodies; a clip that a
    similarity transform takes to the other has the same bodies, normalised in another way; clips of
    different T are compared at the frames whose source positions coincide, of which there are at
    least the first and the last.
    """
    if a.length != b.length:
        lengths = f"{a.length} and {b.length} source frames"
        bodies = "" if a.bodies == b.bodies else f", {a.bodies} and {b.bodies} bodies"
        return Parting("selection", lengths + bodies, None)
    frames = a.present.shape[1], b.present.shape[1]
    if frames[0] == frames[1]:
        return _compare_frames(a, b)
    at_a, at_b = shared_frames(*frames)
    parting = _compare_frames(a.at(at_a), b.at(at_b))
    if parting is None or parting.step == "rounding":
        return Parting("resampling", f"{frames[0]} and {frames[1]} frames", 0.0)
    return parting


def shared_frames(a: int, b: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frames of clips of ``a`` and ``b`` frames that lie at the same source position.

    >>> [frames.tolist() for frames in shared_frames(50, 99)][1][:3]
    [0, 2, 4]
    """
    step = np.gcd(a - 1, b - 1)
    count = np.arange(step + 1)
    return count * ((a - 1) // step), count * ((b - 1) // step)


def _compare_frames(a: StoredClip, b: StoredClip) -> Parting | None:
    both = a.present & b.present
    points = a.joint[both].astype(np.float64), b.joint[both].astype(np.float64)
    largest = float(np.abs(points[0] - points[1]).max()) if both.any() else None
    if not np.array_equal(a.present, b.present):
        return Parting("selection", _other_presence(a, b), largest)
    if np.array_equal(a.joint, b.joint):
        return None
    if largest is None:
        return Parting("selection", "values where no body is present", None)
    if largest <= _ROUNDING * max(float(np.abs(side).max()) for side in points):
        return Parting("rounding", "the last digits", largest)
    fit = fit_similarity(points[0].reshape(-1, 3), points[1].reshape(-1, 3))
    if fit is not None and fit.residual <= _FITS:
        return Parting("normalisation", str(fit), largest)
    if _is_reordered(a, b):
        return Parting("selection", "the bodies in another order", largest)
    return Parting("selection", "other bodies, or another recording", largest)


def _other_presence(a: StoredClip, b: StoredClip) -> str:
    if a.bodies != b.bodies:
        return f"{a.bodies} and {b.bodies} bodies"
    if _is_reordered(a, b):
        return "the bodies in another order"
    frames = int(np.count_nonzero((a.present != b.present).any(axis=0)))
    return f"bodies present at other times in {frames} of {a.present.shape[1]} frames"


def _is_reordered(a: StoredClip, b: StoredClip) -> bool:
    """Whether the bodies of ``a``, in reversed order, are those of ``b`` up to normalisation."""
    present = a.present[::-1]
    if len(present) < 2 or not np.array_equal(present, b.present):
        return False
    turned = a.joint[::-1][present].reshape(-1, 3), b.joint[present].reshape(-1, 3)
    fit = fit_similarity(turned[0].astype(np.float64), turned[1].astype(np.float64))
    return fit is not None and fit.residual <= _FITS
