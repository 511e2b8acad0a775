"""SDS-CL's attention over joints or frames, within one stream of a clip or from one to the other."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.heads import person_mean
from pspmodel.nn.layers import activate, conv_norm, convolution, similarity
from pspmodel.nn.nodes import join_heads, split_heads

Nodes = Literal["joints", "frames"]


class NodeAttention(nn.Module):
    """Attention whose nodes are joints (spatial) or frames (temporal), without a positional code.

    Over joints, with C_e = C / S and for each head::

        A[u,v] = tanh( sum_{c,t} q[c,t,u] k[c,t,v] / (C_e T) ),  out[c,t,u] = sum_v A[u,v] v[c,t,v]

    and over frames the same with T and V exchanged. ``intra`` takes queries, keys and values from
    one stream; ``inter`` takes keys and values from the other one. Source: SDS-CL's released code.

    Args:
        channels: C, a multiple of ``heads``.
        heads: S.
        nodes: what attends.
        inter: whether keys and values come from the other stream.

    Raises:
        UsageError: ``nodes`` is unknown, or ``heads`` does not divide ``channels``.
    """

    def __init__(self, channels: int, heads: int, nodes: Nodes, *, inter: bool) -> None:
        super().__init__()
        if nodes not in get_args(Nodes):
            raise UsageError(f"nodes is {nodes!r}; use one of: {', '.join(get_args(Nodes))}")
        if channels % heads:
            raise UsageError(f"{heads} heads do not divide {channels} channels; change one of them")
        self.heads = heads
        self.nodes = nodes
        self.query = convolution(channels, channels) if inter else None
        self.inputs = convolution(channels, 2 * channels if inter else 3 * channels)
        self.output = conv_norm(channels, channels)

    def forward(self, own: Tensor, other: Tensor | None = None) -> Tensor:
        """Attend.

        Args:
            own: (P, C, T, V) features of the stream that asks.
            other: (P, C, T, V) of the stream that answers, for ``inter``; the same persons.

        Returns:
            (P, C, T, V).

        Raises:
            UsageError: ``other`` is missing for ``inter``, given without it, or of another shape.
        """
        query, key, value = self._parts(own, other)
        rows = torch.bmm(self._map(query, key), value)
        frames, joints = own.shape[2:]
        mixed = join_heads(rows, self.heads, frames if self.nodes == "joints" else joints)
        mixed = mixed if self.nodes == "joints" else mixed.mT
        return activate(self.output(mixed).add_(own))

    def attention_map(self, own: Tensor, other: Tensor | None = None) -> Tensor:
        """What `forward` mixes nodes with: (P, S, n, n) in (-1, 1), n = V or T; rows ask."""
        query, key, _ = self._parts(own, other)
        nodes = query.shape[1]
        return self._map(query, key).view(len(own), self.heads, nodes, nodes)

    def _parts(self, own: Tensor, other: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (P S, n, D) each."""
        if (other is None) != (self.query is None):
            raise UsageError("inter attention takes two streams, intra attention one")
        if other is not None and other.shape != own.shape:
            raise UsageError(
                f"streams have shapes {tuple(own.shape)} and {tuple(other.shape)}; "
                "both must be the same (P, C, T, V)"
            )
        if self.query is None or other is None:
            query, key, value = self._split(self.inputs(own), 3)
            return query, key, value
        (query,) = self._split(self.query(own), 1)
        key, value = self._split(self.inputs(other), 2)
        return query, key, value

    def _split(self, x: Tensor, kinds: int) -> tuple[Tensor, ...]:
        return split_heads(x if self.nodes == "joints" else x.mT, self.heads, kinds)

    @staticmethod
    def _map(query: Tensor, key: Tensor) -> Tensor:
        return similarity(query.mT, key.mT, query.shape[2])


class Attended(NamedTuple):
    """One stream after the four attentions, (P, C, T, V) each."""

    intra_temporal: Tensor
    intra_spatial: Tensor
    inter_temporal: Tensor
    inter_spatial: Tensor


class IntraInterAttention(nn.Module):
    """SIIA: spatial and temporal attention within each stream and between the two.

    The four modules are shared by the streams; ``forward(a, b)`` and ``forward(b, a)`` give both.

    Args:
        channels: C.
        heads: S.

    Raises:
        UsageError: see `NodeAttention`.
    """

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.intra_temporal = NodeAttention(channels, heads, "frames", inter=False)
        self.intra_spatial = NodeAttention(channels, heads, "joints", inter=False)
        self.inter_temporal = NodeAttention(channels, heads, "frames", inter=True)
        self.inter_spatial = NodeAttention(channels, heads, "joints", inter=True)

    def forward(self, own: Tensor, other: Tensor) -> Attended:
        """Attend from one stream: (P, C, T, V) twice, the same persons -> four of that shape."""
        return Attended(
            self.intra_temporal(own),
            self.intra_spatial(own),
            self.inter_temporal(own, other),
            self.inter_spatial(own, other),
        )


def squeezed(
    features: Tensor,
    nodes: Nodes,
    clip_index: Tensor,
    clips: int,
    person_index: Tensor | None = None,
) -> Tensor:
    """One token a joint or a frame of each clip: the mean over the other axis and over persons.

    Args:
        features: (R, C, T, V).
        nodes: what stays.
        clip_index: (P,) int64, the clip of each person.
        clips: how many clips there are.
        person_index: (P,) int64, the row of each person; None if each has its own, P = R.

    Returns:
        (clips, n, C) with n = V or T, in float32 at least.
    """
    wide = torch.promote_types(features.dtype, torch.float32)
    rows = features.mean(dim=2 if nodes == "joints" else 3, dtype=wide).mT
    tokens = person_mean(rows.flatten(1), clip_index, clips, person_index)
    return tokens.view(clips, *rows.shape[1:])
