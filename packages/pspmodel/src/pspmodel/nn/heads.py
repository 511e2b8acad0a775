"""From node features to one vector a clip, and from there into the space of the contrast."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.layers import linear


class OfEach(nn.ModuleDict):
    """Layers of one shape, one of each name's own: of each stream, or of each level."""

    def __init__(self, names: Iterable[str], layer: Callable[[], nn.Module]) -> None:
        super().__init__({name: layer() for name in names})

    def forward(self, x: Tensor, name: str | None) -> Tensor:
        """Through the layer of ``name``.

        Raises:
            UsageError: it has none.
        """
        if name is None or name not in self:
            raise UsageError(f"no layer of {name!r}'s own; name one of: {', '.join(self)}")
        y: Tensor = self[name](x)
        return y


class ContrastProjection(nn.Module):
    """Linear, ReLU, Linear, all of one width: (..., C) -> (..., C).

    PSP's released code shares one projection among the levels and the modalities.
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


def person_mean(
    features: Tensor, clip_index: Tensor, clips: int, person_index: Tensor | None = None
) -> Tensor:
    """Mean over the persons of each clip.

    Absent persons are left out by not being passed in. The released mathematics, which averages
    them in, passes every person of every clip; identical ones may share a row of features.

    Args:
        features: (R, C), one row a person, or a shared one.
        clip_index: (P,) int64, the clip (0..clips-1) of each person, in any order.
        clips: how many clips there are.
        person_index: (P,) int64, the row of each person; None if every person has its own, P = R.

    Returns:
        (clips, C); zeros for a clip without persons.

    Raises:
        UsageError: there is not one index a person.

    >>> person_mean(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1]), 2).tolist()
    [[2.0], [5.0]]
    """
    rows = features if person_index is None else features[person_index]
    if clip_index.shape != rows.shape[:1]:
        raise UsageError(
            f"clip_index has shape {tuple(clip_index.shape)} for {len(rows)} persons; "
            "give one index a person"
        )
    total = rows.new_zeros(clips, rows.shape[1]).index_add(0, clip_index, rows)
    ones = rows.new_ones(clip_index.shape)
    persons = rows.new_zeros(clips).index_add(0, clip_index, ones)
    return total / persons.clamp(min=1).unsqueeze(1)
