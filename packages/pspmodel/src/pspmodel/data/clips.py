"""A batch of clips as networks take it: persons folded into the batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """P persons of ``count`` clips.

    Attributes:
        joint: (P, 3, T, V) float32 coordinates.
        motion: (P, 3, T, V) float32, next frame minus this one.
        clip_index: (P,) int64, which clip each person belongs to.
        count: number of clips.
    """

    joint: Tensor
    motion: Tensor
    clip_index: Tensor
    count: int


def joined(first: Clips, second: Clips) -> Clips:
    """One batch of two; the clips of the second are numbered behind those of the first."""
    return Clips(
        torch.cat((first.joint, second.joint)),
        torch.cat((first.motion, second.motion)),
        torch.cat((first.clip_index, second.clip_index + first.count)),
        first.count + second.count,
    )


def motion_of(joint: Tensor, present: Tensor) -> Tensor:
    """Motion of joints (P, T, V, 3) with presence (P, T): `skeldata.motion` on the device."""
    both = (present[:, 1:] & present[:, :-1])[..., None, None]
    moved = torch.zeros_like(joint)
    moved[:, :-1] = torch.where(both, joint[:, 1:] - joint[:, :-1], 0.0)
    return moved
