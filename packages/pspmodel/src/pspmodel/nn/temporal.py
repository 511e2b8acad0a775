"""DSTA-Net's attention over frames, which PSP's encoder may have in place of its convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pspmodel.nn.layers import activate, conv_norm, convolution, index_code, similarity
from pspmodel.nn.nodes import split_heads


class FrameAttention(nn.Module):
    """Attention over frames, then feed-forward, each with a skip, as `DstaBlock` has over joints.

    With frames t, u and for each head, summed over the channels of the head and the joints::

        A_s[t,u] = alpha_s tanh( q_s[t] . k_s[u] / (C_e V) ),  y[s,c,u,v] = sum_t x[c,t,v] A_s[t,u]

    Queries and keys see x plus the sinusoidal code of the frame's index; ``gain`` is alpha. There is
    no map for all clips alike: joint 5 is an elbow in every clip, frame 5 is nothing in particular
    (DSTA-Net regularises space only, too). So no weight depends on T, and any T will do.

    Source: DSTA-Net's temporal part, which PSP's paper cites and its released code switches off.

    Args:
        channels: C.
        embed: C_e, channels of one head's queries and keys.
        heads: S.
        stride: of the projection behind the attention; T becomes ceil(T / stride).
        identity: whether the skips are the identity; otherwise they are projections with a norm.
    """

    def __init__(
        self, channels: int, embed: int, heads: int, stride: int = 1, *, identity: bool = True
    ) -> None:
        super().__init__()
        self.heads = heads
        self.embed = embed
        self.stride = stride
        self.query_key = convolution(channels, 2 * heads * embed)
        self.gain = nn.Parameter(torch.ones(heads, 1, 1))
        self.output = conv_norm(heads * channels, channels)
        self.feed_forward = conv_norm(channels, channels)

        def skip() -> nn.Module:
            return nn.Identity() if identity else conv_norm(channels, channels, stride=stride)

        self.skip_output, self.skip_feed_forward = skip(), skip()

    def attention_map(self, x: Tensor) -> Tensor:
        """(P, C, T, V) -> (P, S, T, T'): rows are frames that are read, columns those that stay."""
        persons, channels, frames, joints = x.shape
        code = index_code(channels, frames, x.device).unsqueeze(2)
        both = self.query_key(x + code.to(x.dtype))
        query, key = split_heads(both.mT, self.heads, kinds=2)
        local = similarity(query.mT, key[:, :: self.stride].mT, self.embed * joints)
        return self.gain * local.view(persons, self.heads, frames, -1)

    def forward(self, x: Tensor) -> Tensor:
        """(P, C, T, V) -> (P, C, ceil(T / stride), V)."""
        y = activate(self.output(self._mix(x)).add_(self.skip_output(x)))
        return activate(self.feed_forward(y).add_(self.skip_feed_forward(x)))

    def _mix(self, x: Tensor) -> Tensor:
        # A strided 1x1 projection reads every s-th frame, so only those are mixed. One product a
        # person gives all of them and all heads.
        persons, channels, frames, joints = x.shape
        maps = self.attention_map(x).to(x.dtype).permute(0, 3, 1, 2)  # (P, T', S, T)
        rows = x.permute(0, 2, 3, 1).reshape(persons, frames, joints * channels)
        mixed = torch.bmm(maps.flatten(1, 2), rows).view(*maps.shape[:3], joints, channels)
        return mixed.transpose(2, 3).flatten(3).permute(0, 3, 1, 2)
