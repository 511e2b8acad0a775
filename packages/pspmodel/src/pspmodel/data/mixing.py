"""Skeleton mixing: some parts of each clip, for some of its frames, are replaced by another clip's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pspmodel.errors import UsageError
from skeldata import Layout

CELL = 4
"""Frames of a cell: what one frame of the features stands for after two strides of 2."""


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """One draw, which holds for all clips of a batch.

    Attributes:
        shift: clip i takes from clip ``(i + shift) mod n``; never 0, so never from itself.
        places: (T, V) bool, which frames of which joints are replaced.
    """

    shift: int
    places: Tensor


def draw_mix(
    clips: int,
    frames: int,
    layout: Layout,
    *,
    parts: tuple[int, int] = (3, 4),
    share: tuple[float, float] = (4 / 16, 7 / 16),
    device: torch.device | str = "cpu",
) -> Mix:
    """Draw donors, parts and a run of frames, all uniformly, from torch's default generator.

    Source: SkeAttnCLR's skeleton mixing, released code: 3 or 4 of the 5 bodies of the layout, 4 to 7
    of the 16 cells of 64 frames; for other frame counts the same shares. (Its shift is never
    ``clips - 1``, for no reason; ours may be.)

    Args:
        clips: n, at least 2.
        frames: T; the last cell is shorter when 4 does not divide it.
        layout: its ``bodies`` are the parts.
        parts: least and largest number of parts.
        share: least and largest share of the cells.
        device: of the mask.

    Raises:
        UsageError: there is no other clip, or the bounds cannot be met.
    """
    if clips < 2:
        raise UsageError(f"skeleton mixing needs another clip, a batch has {clips}; use 2 or more")
    cells = -(-frames // CELL)
    runs = [max(1, round(bound * cells)) for bound in share]
    if not (1 <= parts[0] <= parts[1] <= len(layout.bodies) and 0 <= share[0] <= share[1] <= 1):
        raise UsageError(
            f"skeleton mixing cannot take {parts[0]} to {parts[1]} of {len(layout.bodies)} parts "
            f"and shares {share[0]:g} to {share[1]:g} of the frames; give the smaller bound first"
        )

    def between(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, ()))

    chosen = torch.randperm(len(layout.bodies))[: between(*parts)].tolist()
    length = between(runs[0], runs[1])
    start = between(0, cells - length)
    places = torch.zeros((frames, layout.joint_count), dtype=torch.bool)
    joints = [joint for part in chosen for joint in layout.bodies[part]]
    places[start * CELL : (start + length) * CELL, joints] = True
    return Mix(between(1, clips - 1), places.to(device))


def donors(clip_index: Tensor, clips: int, shift: int) -> Tensor:
    """The row that each person's row takes from: the same person of the donor clip.

    A donor with fewer persons gives its persons in turn, one without any leaves a row as it is.

    Args:
        clip_index: (P,) int64, the clip of each row; persons of a clip in their order.
        clips: n.
        shift: clip i takes from clip ``(i + shift) mod n``.

    Returns:
        (P,) int64 rows.

    >>> donors(torch.tensor([0, 0, 1, 2]), 3, 1).tolist()
    [2, 2, 3, 0]
    """
    rows = torch.arange(len(clip_index), device=clip_index.device)
    order = clip_index.argsort(stable=True)
    ranked = torch.empty_like(order).index_copy_(0, order, rows)
    persons = clip_index.new_zeros(clips).index_add_(0, clip_index, torch.ones_like(clip_index))
    first = persons.cumsum(0) - persons
    donor = (clip_index + shift) % clips
    there = persons[donor]
    place = first[donor] + (ranked - first[clip_index]) % there.clamp(min=1)
    return torch.where(there > 0, order[place.clamp(max=len(rows) - 1)], rows)


def mixed(stream: Tensor, rows: Tensor, places: Tensor) -> Tensor:
    """Persons with the chosen places of their donors.

    Args:
        stream: (P, C, T, V).
        rows: (P,) from `donors`.
        places: (T, V) bool from a `Mix`.

    Returns:
        (P, C, T, V); all channels of the places are the donor's, all else is untouched.
    """
    return torch.where(places, stream[rows], stream)
