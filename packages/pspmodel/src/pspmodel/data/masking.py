"""PSTL's two masks: which joints and which frames of a clip the encoder does not get to see.

Both remove, they do not set to zero. Random numbers come from torch's default generators.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pspmodel.errors import UsageError
from skeldata import Layout


def draw_kept_joints(layout: Layout, draws: int) -> Tensor:
    """Central spatial masking: the joints that stay when joints with many bones tend to go.

    Every joint is put into an urn once for each bone that meets at it and ``draws`` balls are
    taken, without putting them back; the joints drawn are masked. So joint j of degree d goes with
    probability 1 - C(S - d, draws) / C(S, draws), S = 2 (V - 1): more for the centre, in
    proportion to the degree for one draw only. Source: PSTL's released code (8 draws of 48).

    Args:
        layout: joints and bones.
        draws: balls taken; at most as many joints go.

    Returns:
        (V',) int64, sorted, on the CPU: its length is known without waiting for a GPU.

    Raises:
        UsageError: ``draws`` is negative or could take every joint.
    """
    if not 0 <= draws < layout.joint_count:
        raise UsageError(
            f"{draws} draws of joints to mask; give 0 to {layout.joint_count - 1} "
            f"for {layout.joint_count} joints"
        )
    urn = torch.arange(layout.joint_count).repeat_interleave(torch.from_numpy(layout.degrees))
    there = torch.ones(layout.joint_count, dtype=torch.bool)
    there[urn[torch.randperm(len(urn))[:draws]]] = False
    return there.nonzero()[:, 0]


def stillness(
    x: Tensor, clip_index: Tensor, clips: int, person_index: Tensor | None = None
) -> Tensor:
    """PSTL's motion attention: minus the squared change to the next frame, 0 for the last one.

    The square is averaged over coordinates and joints and summed over the persons of a clip; the
    released code averages over these too, which changes no order.

    Args:
        x: (R, C, T, V) persons.
        clip_index: (P,) int64, the clip of each person.
        clips: how many clips there are.
        person_index: (P,) int64, the row of each person; None if each has its own, P = R.

    Returns:
        (clips, T), not above 0.
    """
    moved = F.pad(x.diff(dim=2).square().mean(dim=(1, 3)), (0, 1))
    if person_index is not None:
        moved = moved[person_index]
    return -moved.new_zeros(clips, moved.shape[1]).index_add(0, clip_index, moved)


def slowest_frames(attention: Tensor, keep: int) -> Tensor:
    """The ``keep`` frames of each clip with the largest attention, in their order in time.

    Among equal ones later frames stay, so the last frame always does.

    Args:
        attention: (n, T).
        keep: how many stay, 1..T.

    Returns:
        (n, keep) int64, strictly increasing.

    Raises:
        UsageError: there are not that many frames, or none is kept.
    """
    frames = attention.shape[1]
    if not 1 <= keep <= frames:
        raise UsageError(f"{keep} of {frames} frames cannot be kept; keep 1 to {frames}")
    backwards = attention.flip(1).argsort(dim=1, descending=True, stable=True)
    return (frames - 1 - backwards[:, :keep]).sort(dim=1).values


def draw_frames(attention: Tensor, fastest: int, more: int, *, alike: bool = False) -> Tensor:
    """Motion-attention temporal masking: the fastest frames go, then others at random.

    Args:
        attention: (n, T) from `stillness`.
        fastest: how many frames with the least attention go.
        more: how many of the rest go at random.
        alike: the same places of the rest for all clips, as in the released code.

    Returns:
        (n, T - fastest - more) int64, strictly increasing.

    Raises:
        UsageError: no frame would stay.
    """
    clips, frames = attention.shape
    rest = slowest_frames(attention, frames - fastest)
    stay = rest.shape[1] - more
    if not 1 <= stay <= rest.shape[1]:
        raise UsageError(
            f"{fastest} and {more} of {frames} frames cannot be masked; at least one must stay"
        )
    order = torch.rand((1 if alike else clips, rest.shape[1]), device=rest.device).argsort(dim=1)
    places = order[:, :stay].sort(dim=1).values
    return rest.gather(1, places.expand(clips, -1))


def take_frames(x: Tensor, frames: Tensor) -> Tensor:
    """Some frames of each row: (R, C, T, V) and (R, k) int64 -> (R, C, k, V)."""
    index = frames[:, None, :, None].expand(-1, x.shape[1], -1, x.shape[3])
    return x.gather(2, index)
