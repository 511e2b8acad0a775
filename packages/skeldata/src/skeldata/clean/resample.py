"""Bring a clip of L frames to T frames by linear interpolation that knows of absence."""

from __future__ import annotations

import numpy as np

from skeldata.clean.bodies import Tracks


def resample(tracks: Tracks, frames: int) -> Tracks:
    """Interpolate to ``frames`` positions spread evenly from the first to the last source frame.

    Output i lies at source position i * (L - 1) / (T - 1). A body is present there if it is
    present at the nearest source frame (halves go down); its value is the interpolation when both
    neighbours have it, else the present neighbour's. One source frame is repeated.
    """
    source = tracks.present.shape[1]
    # Integer arithmetic: which frame is nearest never depends on rounding.
    low, remainder = np.divmod(np.arange(frames) * (source - 1), frames - 1)
    high = np.minimum(low + 1, source - 1)
    nearest = low + (2 * remainder > frames - 1)
    weight = (remainder / (frames - 1))[:, None, None]

    below, above = tracks.xyz.take(low, axis=1), tracks.xyz.take(high, axis=1)
    xyz = above - below
    xyz *= weight
    xyz += below
    if tracks.present.all():
        return Tracks(xyz, np.ones((len(xyz), frames), dtype=np.bool_))
    present = tracks.present[:, nearest]
    has_low, has_high = tracks.present[:, low], tracks.present[:, high]
    np.copyto(xyz, above, where=(~has_low & has_high)[..., None, None])
    np.copyto(xyz, below, where=(has_low & ~has_high)[..., None, None])
    xyz[~present] = 0.0
    return Tracks(xyz, present)
