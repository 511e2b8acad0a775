"""Bring a clip of L frames to T frames by linear interpolation that knows of absence."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skeldata.clean.bodies import Tracks

_LENGTHS_KEPT = 512  # more than recordings have; 10 KB each


def resample(tracks: Tracks, frames: int) -> Tracks:
    """Interpolate to ``frames`` positions spread evenly from the first to the last source frame.

    Output i lies at source position i * (L - 1) / (T - 1). A body is present there if it is
    present at the nearest source frame (halves go down); its value is the interpolation when both
    neighbours have it, else the present neighbour's. One source frame is repeated.
    """
    bodies, source, joints, _ = tracks.xyz.shape
    low, high, nearest, weight = _positions(source, frames, joints)
    planes = tracks.xyz.transpose(3, 0, 1, 2)  # as they lie in memory
    below, above = planes.take(low, axis=2), planes.take(high, axis=2)
    made = above - below
    made *= weight
    made += below
    xyz = made.transpose(1, 2, 3, 0)
    if tracks.present.all():
        return Tracks(xyz, np.ones((bodies, frames), dtype=np.bool_))
    present = tracks.present[:, nearest]
    has_low, has_high = tracks.present[:, low], tracks.present[:, high]
    np.copyto(made, above, where=(~has_low & has_high)[..., None])
    np.copyto(made, below, where=(has_low & ~has_high)[..., None])
    xyz[~present] = 0.0
    return Tracks(xyz, present)


class _Positions(NamedTuple):
    """Where output frames lie among source frames: neighbours (T,), weight of the higher (T, V)."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    nearest: NDArray[np.int64]
    weight: NDArray[np.float64]


@lru_cache(_LENGTHS_KEPT)
def _positions(source: int, frames: int, joints: int) -> _Positions:
    # Integer arithmetic: which frame is nearest never depends on rounding.
    low, remainder = np.divmod(np.arange(frames) * (source - 1), frames - 1)
    weight = np.repeat((remainder / (frames - 1))[:, None], joints, axis=1)
    return _Positions(
        low=low,
        high=np.minimum(low + 1, source - 1),
        nearest=low + (2 * remainder > frames - 1),
        weight=weight,
    )
