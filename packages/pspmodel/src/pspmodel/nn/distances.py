"""How far points of a frame are apart: what no rotation changes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def distance_count(points: int) -> int:
    """How many numbers `distances` gives for a frame.

    >>> distance_count(20)
    210
    """
    return points * (points + 1) // 2


@torch.no_grad()
def distances(x: Tensor) -> Tensor:
    """Distances between each two points of a frame, and of each point from the origin.

    Of joints they say what shape a body has, as in the "joint collection distances" of DD-Net (Yang
    et al. 2019, arXiv 1907.09658); of bones, lengths and angles; of motion, speeds and how differently
    two joints move. Computed without gradients, in the precision of ``x``.

    Args:
        x: (P, C, T, V), V points of C coordinates in every frame.

    Returns:
        (P, T, V (V + 1) / 2): pairs in the order of `itertools.combinations`, the origin last.
    """
    points = x.shape[3] + 1
    first, second = torch.triu_indices(points, points, offset=1, device=x.device)
    squares = x.new_zeros(len(x) * x.shape[2], len(first))
    for axis in range(x.shape[1]):
        # The origin is the last point. Of a matrix columns are taken three times as fast.
        placed = F.pad(x[:, axis], (0, 1)).flatten(0, 1)
        apart = placed.index_select(1, first) - placed.index_select(1, second)
        squares.addcmul_(apart, apart)
    return squares.sqrt_().view(len(x), x.shape[2], -1)
