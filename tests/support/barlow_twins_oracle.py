"""Barlow Twins with plain loops over dimensions."""

from __future__ import annotations

import torch
from torch import Tensor


def correlations(first: Tensor, second: Tensor, eps: float = 1e-5) -> list[list[Tensor]]:
    """C_ij of the two views, each dimension with mean 0 and (nearly) variance 1 over the batch."""

    def unit(column: Tensor) -> Tensor:
        mean = column.sum() / len(column)
        variance = ((column - mean) ** 2).sum() / len(column)
        return (column - mean) / torch.sqrt(variance + eps)

    one, other = ([unit(column) for column in view.T] for view in (first, second))
    return [[(a * b).sum() / len(first) for b in other] for a in one]


def barlow_twins_loops(
    first: Tensor, second: Tensor, redundancy: float, eps: float = 1e-5
) -> Tensor:
    total = first.new_zeros(())
    for i, row in enumerate(correlations(first, second, eps)):
        for j, value in enumerate(row):
            total = total + ((1 - value) ** 2 if i == j else redundancy * value**2)
    return total
