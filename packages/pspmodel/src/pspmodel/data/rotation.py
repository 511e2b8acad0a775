"""Rotation matrices by angles, in batch on the device."""

from __future__ import annotations

import torch
from torch import Tensor


def shear(numbers: Tensor) -> Tensor:
    """Matrices (n, 3, 3) with ones on the diagonal and the numbers (n, 6) beside it, row by row."""
    matrices = torch.eye(3, dtype=numbers.dtype, device=numbers.device).repeat(len(numbers), 1, 1)
    # Between the ones lie twice three numbers. A mask would say so too, but a GPU is waited for.
    matrices.view(-1, 9)[:, 1:].view(-1, 2, 4)[:, :, :3] = numbers.reshape(-1, 2, 3)
    return matrices


def rotation(angles: Tensor) -> Tensor:
    """Rotations by angles (n, 3), in radians, about x, then y, then z: (n, 3, 3)."""
    sin, cos = angles.sin().unbind(1), angles.cos().unbind(1)
    zero, one = torch.zeros_like(sin[0]), torch.ones_like(sin[0])

    def matrix(*rows: Tensor) -> Tensor:
        return torch.stack(rows, dim=1).view(-1, 3, 3)

    about_x = matrix(one, zero, zero, zero, cos[0], -sin[0], zero, sin[0], cos[0])
    about_y = matrix(cos[1], zero, sin[1], zero, one, zero, -sin[1], zero, cos[1])
    about_z = matrix(cos[2], -sin[2], zero, sin[2], cos[2], zero, zero, zero, one)
    return about_z @ about_y @ about_x
