"""From node features to one vector a clip, and from there into the space of the contrast."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.layers import linear


class ContrastProjection(nn.Module):
    """Linear, ReLU, Linear, all of one width: (..., C) -> (..., C).

    PSP shares one projection among the levels and the modalities (released code).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            linear(channels, channels), nn.ReLU(), linear(channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        y: Tensor = self.layers(x)
        return y


def node_mean(features: Tensor) -> Tensor:
    """Mean over frames and nodes: (P, C, T, n) -> (P, C), in float32 at least."""
    return features.mean(dim=(-2, -1), dtype=torch.promote_types(features.dtype, torch.float32))


def person_mean(features: Tensor, clip_index: Tensor, clips: int) -> Tensor:
    """Mean over the persons of each clip.

    Absent persons are left out by not being passed in; the released mathematics, which averages
    them in, passes every person of every clip.

    Args:
        features: (P, C), one row a person.
        clip_index: (P,) int64, the clip (0..clips-1) of each person, in any order.
        clips: how many clips there are.

    Returns:
        (clips, C); zeros for a clip without persons.

    Raises:
        UsageError: there is not one index a person.

    >>> person_mean(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1]), 2).tolist()
    [[2.0], [5.0]]
    """
    if clip_index.shape != features.shape[:1]:
        raise UsageError(
            f"clip_index has shape {tuple(clip_index.shape)} for {features.shape[0]} persons; "
            "give one index a person"
        )
    total = features.new_zeros(clips, features.shape[1]).index_add(0, clip_index, features)
    ones = features.new_ones(clip_index.shape)
    persons = features.new_zeros(clips).index_add(0, clip_index, ones)
    return total / persons.clamp(min=1).unsqueeze(1)
