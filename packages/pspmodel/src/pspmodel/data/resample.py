"""Windows of clips stretched to a number of frames, in batch on the device."""

from __future__ import annotations

import torch
from torch import Tensor


def resampled(
    joint: Tensor, present: Tensor, start: Tensor, length: Tensor, frames: int
) -> tuple[Tensor, Tensor]:
    """Stretch a window of each person to ``frames``, with the rules of absence of the store.

    Args:
        joint: (P, T, V, 3).
        present: (P, T) bool.
        start, length: (P,) the window as shares of the clip, ``start + length <= 1``.
        frames: of the result.

    Returns:
        (P, frames, V, 3) joints and (P, frames) presence.
    """
    last = joint.shape[1] - 1
    grid = torch.linspace(0, 1, frames, device=joint.device)
    position = (start[:, None] + length[:, None] * grid) * last
    low = position.floor().clamp(max=last).long()
    high = (low + 1).clamp(max=last)
    weight = position - low
    there_low, there_high = present.gather(1, low), present.gather(1, high)
    at_nearest = torch.where(weight > 0.5, there_high, there_low)
    weight = torch.where(there_low & there_high, weight, there_high.to(weight.dtype))
    rows = torch.arange(len(joint), device=joint.device)[:, None]
    mixed = torch.lerp(joint[rows, low], joint[rows, high], weight[..., None, None])
    return mixed * at_nearest[..., None, None], at_nearest
