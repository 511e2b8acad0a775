"""A batch of clips as networks take it: persons folded into the batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """P persons of ``count`` clips; identical ones may share one of R rows.

    Attributes:
        joint: (R, 3, T, V) float32 coordinates.
        motion: (R, 3, T, V) float32, next frame minus this one.
        clip_index: (P,) int64, which clip each person belongs to.
        count: number of clips.
        person_index: (P,) int64, the row of each person; None if each has its own.
        weights: (R,) float32, how many persons a row stands for; None if one each.
    """

    joint: Tensor
    motion: Tensor
    clip_index: Tensor
    count: int
    person_index: Tensor | None = None
    weights: Tensor | None = None

    @property
    def owners(self) -> tuple[Tensor, int, Tensor | None]:
        """What `person_mean` and the networks' heads want behind the features."""
        return self.clip_index, self.count, self.person_index


def joined(first: Clips, second: Clips) -> Clips:
    """One batch of two; the clips of the second are numbered behind those of the first."""
    person_index = weights = None
    if first.person_index is not None and second.person_index is not None:
        person_index = torch.cat((first.person_index, second.person_index + len(first.joint)))
    if first.weights is not None and second.weights is not None:
        weights = torch.cat((first.weights, second.weights))
    return Clips(
        torch.cat((first.joint, second.joint)),
        torch.cat((first.motion, second.motion)),
        torch.cat((first.clip_index, second.clip_index + first.count)),
        first.count + second.count,
        person_index,
        weights,
    )


def motion_of(joint: Tensor, present: Tensor) -> Tensor:
    """Motion of joints (P, T, V, 3) with presence (P, T): `skeldata.motion` on the device."""
    both = (present[:, 1:] & present[:, :-1])[..., None, None]
    moved = torch.zeros_like(joint)
    moved[:, :-1] = torch.where(both, joint[:, 1:] - joint[:, :-1], 0.0)
    return moved
