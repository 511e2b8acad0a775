"""Barlow Twins: dimensions of two views agree with themselves and with no other."""

from __future__ import annotations

import torch
from torch import Tensor

from pspmodel.collectives import gather, rank, world_size
from pspmodel.errors import UsageError


def barlow_twins(
    first: Tensor, second: Tensor, redundancy: float = 2e-4, eps: float = 1e-5
) -> Tensor:
    """Redundancy reduction between two views of the same clips.

    With each dimension normalised over the batch, z = (f - mean) / sqrt(variance + eps) (biased
    variance), and the cross-correlation C_ij = sum_n z1_ni z2_nj / N::

        sum_i (1 - C_ii)^2  +  redundancy * sum_{i != j} C_ij^2

    With several processes the batch is that of all of them, and what each returns is its share:
    the terms of its part of the dimensions i (or of the clips), so that no work is done twice.

    Source: PSTL, which takes it from Barlow Twins (arXiv 2103.03230, equations 1 and 2).

    Args:
        first: (N, D) projections of one view, not normalised.
        second: (N, D) of the other, same clips in the same order.
        redundancy: lambda, not negative.
        eps: added to the variances, so that a constant dimension becomes 0.

    Returns:
        Scalar; float64 for float64 projections, else float32, also under autocast.

    Raises:
        UsageError: the shapes differ or are not (N, D) with N > 0, or lambda is negative.
    """
    if first.shape != second.shape or first.ndim != 2 or len(first) == 0:
        raise UsageError(
            f"projections have shapes {tuple(first.shape)} and {tuple(second.shape)}; "
            "both must be the same (N, D) with N > 0"
        )
    if not redundancy >= 0:
        raise UsageError(f"redundancy weight {redundancy} is negative; PSTL uses 2e-4")
    with torch.autocast(first.device.type, enabled=False):
        own = torch.stack((first, second), dim=1)
        pairs, _ = gather(own.to(torch.promote_types(own.dtype, torch.float32)))
        one, other = _normalised(pairs, eps).unbind(1)
        clips, dimensions = one.shape
        # Rows are gathered, not correlations added up: N D numbers instead of D^2.
        mine = _own_part(dimensions)
        if clips >= dimensions:
            correlation = one[:, mine].T @ other / clips
            diagonal = correlation[:, mine].diagonal()
            squares = correlation.square().sum()
        else:
            # |Z1' Z2|^2 = <Z1 Z1', Z2 Z2'>: D / N times less work, and no D x D matrix.
            diagonal = (one[:, mine] * other[:, mine]).sum(dim=0) / clips
            rows = _own_part(clips)
            alike = (one[rows] @ one.T) * (other[rows] @ other.T)
            squares = alike.sum() / clips**2
        return (1 - diagonal).square().sum() + redundancy * (squares - diagonal.square().sum())


def _normalised(x: Tensor, eps: float) -> Tensor:
    """Each column less its mean, over the root of its variance: batch norm without parameters."""
    centred = x - x.mean(dim=0)
    return centred * torch.rsqrt(centred.square().mean(dim=0) + eps)


def _own_part(count: int) -> slice:
    """This process's part of ``count`` things; the parts of all are each of them once."""
    return slice(count * rank() // world_size(), count * (rank() + 1) // world_size())
