"""The similarity transform between two sets of points: how one normalisation maps to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Similarity:
    """``b = scale * rotation @ a + shift``.

    Attributes:
        scale: above 0.
        degrees: angle of the rotation, 0 to 180.
        shift: length of the translation, in units of b.
        residual: the largest distance left in any coordinate, as a share of b's extent.
    """

    scale: float
    degrees: float
    shift: float
    residual: float

    def __str__(self) -> str:
        return (
            f"scaled by {self.scale:.4g}, turned {self.degrees:.3g} degrees, moved {self.shift:.3g}"
        )


def fit_similarity(a: Points, b: Points) -> Similarity | None:
    """The least-squares similarity from ``a`` to ``b``, reflections left out (Umeyama 1991).

    Args:
        a: (n, 3).
        b: (n, 3).

    Returns:
        None where a has no extent, so that no scale can be told.

    >>> square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    >>> print(fit_similarity(square, 2 * square[:, [1, 0, 2]] * (-1, 1, 1) + (0, 0, 5)))
    scaled by 2, turned 90 degrees, moved 5
    """
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    from_a, from_b = a - mean_a, b - mean_b
    spread, extent = float((from_a**2).sum()), float(np.abs(from_b).max())
    if spread == 0 or extent == 0:
        return None
    left, sizes, right = np.linalg.svd(from_b.T @ from_a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * signs) @ right
    scale = float((sizes * signs).sum()) / spread
    if scale <= 0:
        return None
    shift = mean_b - scale * rotation @ mean_a
    rest = float(np.abs(from_b - scale * from_a @ rotation.T).max()) / extent
    cosine = np.clip((np.trace(rotation) - 1) / 2, -1, 1)
    degrees = float(np.degrees(np.arccos(cosine)))
    return Similarity(scale, degrees, float(np.linalg.norm(shift)), rest)
