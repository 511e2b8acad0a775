"""A batch of clips as the networks want it: one row a person, one tensor a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """P persons of ``count`` clips; identical ones may share one of R rows.

    Attributes:
        streams: (R, 3, T, V) float32 by name: joint coordinates, motion (next frame minus this one)
            and what else the recipe asks for, in its order.
        clip_index: (P,) int64, which clip each person belongs to.
        count: number of clips.
        person_index: (P,) int64, the row of each person; None if each has its own.
        weights: (R,) float32, how many persons a row stands for; None if one each.
        empty: rows of persons who are not there, all zeros in every stream; sorted.
    """

    streams: Mapping[str, Tensor]
    clip_index: Tensor
    count: int
    person_index: Tensor | None = None
    weights: Tensor | None = None
    empty: tuple[int, ...] = ()

    @property
    def joint(self) -> Tensor:
        """The stream of coordinates."""
        return self.streams["joint"]

    @property
    def motion(self) -> Tensor:
        """The stream of their movement."""
        return self.streams["motion"]

    @property
    def rows(self) -> int:
        """R, rows of each stream."""
        return len(next(iter(self.streams.values())))

    @property
    def clip_of_rows(self) -> Tensor:
        """(R,) int64, the clip of each row: to give a row what was drawn for its clip.

        A row that stands for persons of several clips, as that of all absent bodies, gets one of them.
        """
        if self.person_index is None:
            return self.clip_index
        return self.clip_index.new_zeros(self.rows).scatter(0, self.person_index, self.clip_index)

    @property
    def owners(self) -> tuple[Tensor, int, Tensor | None]:
        """What `person_mean` and the networks' heads want behind the features."""
        return self.clip_index, self.count, self.person_index


def joined(first: Clips, second: Clips) -> Clips:
    """One batch of two; the clips of the second are numbered behind those of the first."""
    person_index = weights = None
    if first.person_index is not None and second.person_index is not None:
        person_index = torch.cat((first.person_index, second.person_index + first.rows))
    if first.weights is not None and second.weights is not None:
        weights = torch.cat((first.weights, second.weights))
    return Clips(
        {name: torch.cat((part, second.streams[name])) for name, part in first.streams.items()},
        torch.cat((first.clip_index, second.clip_index + first.count)),
        first.count + second.count,
        person_index,
        weights,
        first.empty + tuple(first.rows + row for row in second.empty),
    )


def motion_of(joint: Tensor, present: Tensor) -> Tensor:
    """Motion of joints (P, T, V, 3) with presence (P, T): `skeldata.motion` on the device."""
    both = (present[:, 1:] & present[:, :-1])[..., None, None]
    moved = torch.zeros_like(joint)
    moved[:, :-1] = torch.where(both, joint[:, 1:] - joint[:, :-1], 0.0)
    return moved


def bone_of(joint: Tensor, parents: Tensor) -> Tensor:
    """Bones of joints (P, T, V, 3) with the parent (V,) of each: `skeldata.bone` on the device."""
    return joint - joint[:, :, parents]


def stream_without(name: str, stream: Tensor, hidden: Tensor, parents: Tensor) -> Tensor:
    """A stream as if joints had never been found: zero wherever one of them has a part.

    A hidden joint takes every bone with it that it is an end of: half a bone would point to the
    origin, and be an absolute position.

    Args:
        name: of the stream.
        stream: (R, 3, T, V).
        hidden: (R, V) bool.
        parents: (V,) int64.
    """
    lost = hidden | hidden[:, parents] if name.startswith("bone") else hidden
    return stream.masked_fill(lost[:, None, None, :], 0.0)


def stream_of(
    name: str, joint: Tensor, present: Tensor, parents: Tensor, motion_scale: float
) -> Tensor:
    """One stream of joints (P, T, V, 3), in the networks' axis order (P, 3, T, V)."""
    shown = bone_of(joint, parents) if name.startswith("bone") else joint
    if name.endswith("motion"):
        shown = motion_of(shown, present)
        if motion_scale != 1:
            shown = shown * motion_scale
    return shown.permute(0, 3, 1, 2).contiguous()
