"""Pyramid polymerising attention: each level's attention plus those of the coarser levels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.layers import activate, conv_norm, convolution, similarity
from pspmodel.nn.nodes import join_heads, split_heads
from skeldata import Layout

Level = Literal["joint", "part", "body"]
Scale = Literal["full", "sqrt"]

LEVELS: tuple[Level, ...] = get_args(Level)
"""Levels of the pyramid, finest first."""


class Expansion(nn.Module):
    """E(A; phi)[i, j] = A[phi(i), phi(j)]: a map between groups, read between their members.

    Args:
        owner: (n,) phi, the group of each member.
        groups: m, how many groups there are.
    """

    index: Tensor

    def __init__(self, owner: NDArray[np.int64], groups: int) -> None:
        super().__init__()
        self.members = len(owner)
        flat = torch.from_numpy(owner[:, None] * groups + owner).flatten()
        self.register_buffer("index", flat, persistent=False)

    def forward(self, coarse: Tensor) -> Tensor:
        """(P, S, m, m) -> (P, S, n, n)."""
        persons, heads = coarse.shape[:2]
        fine = coarse.flatten(-2).gather(-1, self.index.expand(persons, heads, -1))
        return fine.reshape(persons, heads, self.members, self.members)


class OverTime(nn.Module):
    """Map all frames of a node to all frames by one matrix: (P, C, T, n) -> (P, C', T, n).

    A 1x1 convolution is the matrix that has the same block C' x C at every frame of the diagonal
    and zeros elsewhere; here all T x T blocks are free.

    Args:
        channels_in: C.
        channels_out: C'.
        frames: T.
        fan_out: outputs of a frame that the variance of the weight is reckoned with, see
            `convolution`: variances are those that a 1x1 convolution gives.
    """

    def __init__(self, channels_in: int, channels_out: int, frames: int, *, fan_out: int) -> None:
        super().__init__()
        self.frames = frames
        self.linear = nn.Linear(frames * channels_in, frames * channels_out)
        nn.init.normal_(self.linear.weight, std=math.sqrt(2 / (frames * fan_out)))

    def forward(self, x: Tensor) -> Tensor:
        """Rows of the matrix are T x C', columns T x C, the channels of a frame side by side.

        Raises:
            UsageError: ``x`` has another number of frames.
        """
        if x.shape[2] != self.frames:
            raise UsageError(
                f"pyramid attention was built for {self.frames} encoded frames, got {x.shape[2]}; "
                "give clips as long as those it was built for, or share its weights over time"
            )
        rows = self.linear(x.permute(0, 3, 2, 1).flatten(2))
        split: Tensor = rows.unflatten(2, (self.frames, -1))
        return split.permute(0, 3, 2, 1)


class Attended(NamedTuple):
    """What one level gives.

    Attributes:
        raw: (P, S, n, n) its own map, which finer levels expand.
        attention: (P, S, n, n) the map that is applied: ``raw`` and what coarser levels add.
        output: (P, C, T, n), None for a level that only lends its map.
    """

    raw: Tensor
    attention: Tensor
    output: Tensor | None


class LevelAttention(nn.Module):
    """Self-attention over the nodes of one level, with maps of other levels added to its own.

    Args:
        channels: C.
        heads: S; each has C_e = C / S channels.
        scale: ``full`` divides dot products by C_e T, ``sqrt`` by its square root.
        lends_only: the level has queries and keys, but neither values nor an output.
        frames: T, where queries, keys and values of a frame are made of all frames, by weights of
            (S T C_e x T C) each (equation 3); None makes them of that frame alone, by the same
            weights in every frame.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        scale: Scale,
        *,
        lends_only: bool = False,
        frames: int | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.heads = heads
        self.scale = scale
        # A level that only lends starts with the same distribution of maps as a whole one.
        kinds = 2 if lends_only else 3
        self.inputs: nn.Module
        if frames is None:
            self.inputs = convolution(channels, kinds * channels, fan_out=3 * channels)
        else:
            self.inputs = OverTime(channels, kinds * channels, frames, fan_out=3 * channels)
        self.output = None if lends_only else conv_norm(channels, channels)

    def forward(self, x: Tensor, added: Iterable[Tensor] = ()) -> Attended:
        """Attend.

        Args:
            x: (P, C, T, n) features.
            added: (P, S, n, n) maps to add to this level's own.
        """
        persons, channels, frames, nodes = x.shape
        depth = channels // self.heads * frames
        kinds = 2 if self.output is None else 3
        query, key, *value = split_heads(self.inputs(x), self.heads, kinds)
        scale = math.sqrt(depth) if self.scale == "sqrt" else depth
        raw = similarity(query.mT, key.mT, scale).reshape(persons, self.heads, nodes, nodes)
        attention = sum(added, start=raw)
        if self.output is None:
            return Attended(raw, attention, None)
        mixed = join_heads(torch.bmm(attention.flatten(0, 1), value[0]), self.heads, frames)
        return Attended(raw, attention, activate(self.output(mixed).add_(x)))


class PolymerisingAttention(nn.Module):
    """PPA: attention at joint, part and body level, coarse maps expanded into the finer ones.

    With raw maps A_g (joints), A_h (parts) and A_z (bodies) and the expansion E::

        body:   A_z
        part:   A_h + part_from_body E(A_z)
        joint:  A_g + joint_from_part E(A_h) + joint_from_body E(A_z)

    The joint level takes the raw part map. Source: PSP and its released code; ``scale`` is
    ``sqrt`` in the paper's equation 4 and ``full`` in the code (``sqrt`` saturates most tanh at
    the start). The sizes of the weights in equation 3 are those of ``frames``, the code's are not.

    Args:
        channels: C, a multiple of ``heads``.
        layout: joints, parts and bodies.
        heads: S.
        scale: ``full`` divides dot products by C_e T, ``sqrt`` by its square root.
        part_from_body: lambda.
        joint_from_part: alpha.
        joint_from_body: beta.
        levels: those with an output. Another level is still looked at (queries and keys only) when
            one of these takes its map with a coefficient other than zero.
        frames: T, where queries, keys and values shall be made of all frames; see `LevelAttention`.

    Raises:
        UsageError: a level or scale is unknown, or ``heads`` does not divide ``channels``.
    """

    def __init__(
        self,
        channels: int,
        layout: Layout,
        heads: int = 4,
        scale: Scale = "full",
        part_from_body: float = 0.2,
        joint_from_part: float = 0.12,
        joint_from_body: float = 0.24,
        levels: Iterable[Level] = LEVELS,
        frames: int | None = None,
    ) -> None:
        super().__init__()
        if scale not in get_args(Scale):
            raise UsageError(f"scale is {scale!r}; use one of: {', '.join(get_args(Scale))}")
        if channels % heads:
            raise UsageError(f"{heads} heads do not divide {channels} channels; change one of them")
        self.levels = ordered_levels(levels)

        parts, bodies = len(layout.parts), len(layout.bodies)
        possible: dict[Level, list[tuple[Level, float, Expansion]]] = {
            "joint": [
                ("part", joint_from_part, Expansion(layout.joint_to_part, parts)),
                ("body", joint_from_body, Expansion(layout.joint_to_body, bodies)),
            ],
            "part": [("body", part_from_body, Expansion(np.asarray(layout.part_to_body), bodies))],
            "body": [],
        }
        self.coefficients: dict[Level, dict[Level, float]] = {level: {} for level in LEVELS}
        self.expansions = nn.ModuleDict()
        for level in self.levels:
            for coarse, coefficient, expansion in possible[level]:
                if coefficient:
                    self.coefficients[level][coarse] = coefficient
                    self.expansions[f"{level}_from_{coarse}"] = expansion
        lenders = {coarse for added in self.coefficients.values() for coarse in added}
        # Coarsest first, the order in which maps become available.
        self.attention = nn.ModuleDict(
            {
                level: LevelAttention(
                    channels, heads, scale, lends_only=level not in self.levels, frames=frames
                )
                for level in reversed(LEVELS)
                if level in self.levels or level in lenders
            }
        )

    def forward(self, joint: Tensor, part: Tensor, body: Tensor) -> dict[Level, Tensor]:
        """Attend at every level that has an output.

        Args:
            joint: (P, C, T, V) features.
            part: (P, C, T, 10).
            body: (P, C, T, 5).

        Returns:
            For each of ``levels``, finest first, features of the shape that came in.
        """
        attended = self._attend(joint, part, body)
        return {
            level: output for level in self.levels if (output := attended[level].output) is not None
        }

    def attention_maps(self, joint: Tensor, part: Tensor, body: Tensor) -> dict[Level, Tensor]:
        """Attention that `forward` applies, expanded maps included: (P, S, n, n) a level."""
        attended = self._attend(joint, part, body)
        return {level: attended[level].attention for level in self.levels}

    def _attend(self, joint: Tensor, part: Tensor, body: Tensor) -> dict[Level, Attended]:
        features: dict[Level, Tensor] = {"joint": joint, "part": part, "body": body}
        attended: dict[Level, Attended] = {}
        for level in reversed(LEVELS):
            if level in self.attention:
                added = [
                    coefficient * self.expansions[f"{level}_from_{coarse}"](attended[coarse].raw)
                    for coarse, coefficient in self.coefficients[level].items()
                ]
                attended[level] = self.attention[level](features[level], added)
        return attended


def ordered_levels(levels: Iterable[Level]) -> tuple[Level, ...]:
    """The given levels, finest first, or `UsageError` if there is none or an unknown one.

    >>> ordered_levels(("body", "joint"))
    ('joint', 'body')
    """
    given = set(levels)
    if unknown := given - set(LEVELS):
        raise UsageError(f"unknown level {min(unknown)!r}; use some of: {', '.join(LEVELS)}")
    if not given:
        raise UsageError(f"no level is given; use some of: {', '.join(LEVELS)}")
    return tuple(level for level in LEVELS if level in given)
