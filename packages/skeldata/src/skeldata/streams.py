"""Streams derived from joints: what moves, and where each bone points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def motion(joint: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Differences between consecutive frames.

    Args:
        joint: (..., T, V, 3) float32.
        present: (..., T) bool.

    Returns:
        Same shape; ``joint[t + 1] - joint[t]`` where the body is present at both frames, else 0;
        the last frame is 0.
    """
    moved = np.zeros_like(joint)
    both = (present[..., 1:] & present[..., :-1])[..., None, None]
    np.subtract(joint[..., 1:, :, :], joint[..., :-1, :, :], out=moved[..., :-1, :, :], where=both)
    return moved
