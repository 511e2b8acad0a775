"""The DSTA-style encoder of PSP and SDS-CL: attention over joints, then a look along time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.encoder import Encoder
from pspmodel.nn.layers import activate, conv_norm, convolution, index_code, similarity
from pspmodel.nn.nodes import from_node_rows, node_rows, split_heads
from pspmodel.nn.temporal import FrameAttention

Temporal = Literal["convolution", "attention"]

TEMPORAL_KERNEL = 7


class Block(NamedTuple):
    """Sizes of one encoder block.

    Attributes:
        channels_in: C_in.
        channels_out: C_out.
        embed: C_e, channels of one head's queries and keys.
        stride: of the temporal part; T becomes ceil(T / stride).
    """

    channels_in: int
    channels_out: int
    embed: int
    stride: int


PSP_BLOCKS = (
    Block(64, 64, 16, 1),
    Block(64, 64, 16, 1),
    Block(64, 128, 32, 2),
    Block(128, 128, 32, 1),
    Block(128, 256, 64, 2),
    Block(256, 256, 64, 1),
    Block(256, 256, 64, 1),
    Block(256, 256, 64, 1),
)
"""The eight blocks of the released PSP: T = 50 becomes 25 in the third and 13 in the fifth."""


def scaled_blocks(width: float, blocks: Sequence[Block] = PSP_BLOCKS) -> tuple[Block, ...]:
    """Multiply all widths of an encoder; channels become multiples of 4 so that heads divide them.

    >>> scaled_blocks(0.25)[-1]
    Block(channels_in=64, channels_out=64, embed=16, stride=1)

    Raises:
        UsageError: ``width`` is not positive.
    """
    if not width > 0:
        raise UsageError(f"encoder width {width} is not positive; use e.g. 0.25 or 1")

    def channels(count: int) -> int:
        return max(4, 4 * round(count * width / 4))

    return tuple(
        Block(
            channels(block.channels_in),
            channels(block.channels_out),
            max(1, round(block.embed * width)),
            block.stride,
        )
        for block in blocks
    )


def joint_code(channels: int, joints: int) -> Tensor:
    """Sinusoidal code of the joint index, constant in time: (C, 1, V) float64.

    See `index_code`.
    """
    return index_code(channels, joints).unsqueeze(1)


class DstaBlock(nn.Module):
    """One encoder block: joint attention, feed-forward and temporal part, each with a skip.

    ``global_map`` (G, "global regularisation") is what the attention adds for every clip alike;
    ``gain`` is alpha, one number a head. The temporal part is a convolution of seven frames
    (released code) or `FrameAttention` (DSTA-Net).
    """

    code: Tensor

    def __init__(
        self, block: Block, joints: int, heads: int, temporal: Temporal = "convolution"
    ) -> None:
        super().__init__()
        channels_in, channels_out, embed, stride = block
        same = channels_in == channels_out and stride == 1
        self.heads = heads
        self.embed = embed
        # float64 whatever the network's precision, so that a network turned to double is exact.
        self.register_buffer("code", joint_code(channels_in, joints), persistent=False)
        self.query_key = convolution(channels_in, 2 * heads * embed)
        self.gain = nn.Parameter(torch.ones(heads, 1, 1))
        self.global_map = nn.Parameter(torch.full((heads, joints, joints), 1 / joints))
        self.spatial = conv_norm(heads * channels_in, channels_out)
        self.feed_forward = conv_norm(channels_out, channels_out)
        self.temporal = (
            conv_norm(channels_out, channels_out, TEMPORAL_KERNEL, stride)
            if temporal == "convolution"
            else FrameAttention(channels_out, embed, heads, stride, identity=same)
        )

        self.skip_spatial = nn.Identity() if same else conv_norm(channels_in, channels_out)
        self.skip_feed_forward = nn.Identity() if same else conv_norm(channels_in, channels_out)
        if temporal == "convolution":
            self.skip_temporal = (
                nn.Identity() if same else conv_norm(channels_out, channels_out, stride=stride)
            )

    def attention_map(self, x: Tensor) -> Tensor:
        """A_s = alpha_s tanh(q_s . k_s / (C_e T)) + G_s: (P, C_in, T, V) -> (P, S, V, V)."""
        persons, _, frames, joints = x.shape
        query, key = split_heads(self.query_key(x + self.code.to(x.dtype)), self.heads, kinds=2)
        local = similarity(query.mT, key.mT, self.embed * frames)
        local = local.reshape(persons, self.heads, joints, joints)
        return self.gain * local + self.global_map

    def forward(self, x: Tensor) -> Tensor:
        """(P, C_in, T, V) -> (P, C_out, ceil(T / stride), V)."""
        # Added in place: what a norm gives is needed by nobody else, and a copy less is 3 % of a step.
        y = activate(self.spatial(self._mix(x)).add_(self.skip_spatial(x)))
        y = activate(self.feed_forward(y).add_(self.skip_feed_forward(x)))
        if isinstance(self.temporal, FrameAttention):
            z: Tensor = self.temporal(y)
            return z
        return activate(self.temporal(y).add_(self.skip_temporal(y)))

    def _mix(self, x: Tensor) -> Tensor:
        # Mixing joints before the projection costs S C_in T V^2, after it S C_out T V^2: no block
        # narrows, so before is never dearer. One product a frame gives all heads side by side.
        _, channels, frames, joints = x.shape
        maps = self.attention_map(x).to(x.dtype).permute(0, 3, 1, 2).flatten(1, 2)
        maps = maps.unsqueeze(1).expand(-1, frames, -1, -1).flatten(0, 1)
        mixed = torch.bmm(maps, node_rows(x))  # (P T, V S, C_in)
        return from_node_rows(mixed.view(-1, joints, self.heads * channels), frames)


class DstaEncoder(Encoder):
    """Map skeleton sequences to joint features.

    Source: PSP's released configuration of DSTA-Net (the paper cites the network only).

    Args:
        joints: V.
        blocks: sizes of the blocks, each starting with the channels that the last one ends with.
        heads: S, attention heads of every block.
        channels_in: C, coordinates of a joint.
        temporal: what looks along time, see `DstaBlock`.

    Attributes:
        channels_out: channels of the features.

    Raises:
        UsageError: there are no blocks, two neighbours do not fit, or ``temporal`` is unknown.
    """

    def __init__(
        self,
        joints: int,
        blocks: Sequence[Block] = PSP_BLOCKS,
        heads: int = 4,
        channels_in: int = 3,
        temporal: Temporal = "convolution",
    ) -> None:
        super().__init__()
        if temporal not in get_args(Temporal):
            known = ", ".join(get_args(Temporal))
            raise UsageError(f"temporal is {temporal!r}; use one of: {known}")
        if not blocks:
            raise UsageError("the encoder has no blocks; give at least one")
        for index, (before, after) in enumerate(pairwise(blocks), start=1):
            if before.channels_out != after.channels_in:
                raise UsageError(
                    f"encoder block {index} starts with {after.channels_in} channels, but the one "
                    f"before it ends with {before.channels_out}; make them equal"
                )
        self.joints = joints
        self.channels_out = blocks[-1].channels_out
        self._channels = channels_in, blocks[0].channels_in
        self.input = self.new_stem()
        self.blocks = nn.Sequential(
            *(DstaBlock(block, joints, heads, temporal) for block in blocks)
        )
        self.strides = tuple(block.stride for block in blocks)

    def new_stem(self) -> nn.Module:
        """1x1 convolution of the coordinates, and its norm."""
        return conv_norm(*self._channels)

    def arranged(self, x: Tensor) -> Tensor:
        """Channels last, and so all that follows; see `nodes`."""
        return super().arranged(x).contiguous(memory_format=torch.channels_last)

    def trunk(self, y: Tensor) -> Tensor:
        """(P, C, T, V) -> (P, channels_out, T', V), T' = 13 for T = 50 and the published blocks."""
        z: Tensor = self.blocks(activate(y))
        return z
