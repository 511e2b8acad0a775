"""Views of joint features for attention over joints, whatever their memory format.

The network keeps features channels-last, (P, T, V, C) in memory: 1x1 convolutions then are plain
matrix products, two to three times faster on CPUs than channels-first, and what tensor cores want.
"""

from __future__ import annotations

from torch import Tensor


def node_rows(x: Tensor) -> Tensor:
    """(P, C, T, n) -> (P T, n, C): one matrix a frame, a view of channels-last features."""
    return x.permute(0, 2, 3, 1).flatten(0, 1)


def from_node_rows(rows: Tensor, frames: int) -> Tensor:
    """(P T, n, C) -> (P, C, T, n), the inverse of `node_rows`; channels-last."""
    return rows.view(-1, frames, *rows.shape[1:]).permute(0, 3, 1, 2)


def split_heads(x: Tensor, heads: int, kinds: int) -> tuple[Tensor, ...]:
    """Queries, keys and so on of each head from one convolution: (P, S kinds D, T, n).

    Channels lie head by head, and within a head kind by kind.

    Returns:
        ``kinds`` tensors (P S, n, T D): a row a node, all frames in it.
    """
    persons, _, frames, nodes = x.shape
    split = x.permute(0, 2, 3, 1).reshape(persons, frames, nodes, heads, kinds, -1)
    # Taken apart before they are copied, so that the gradients are put together in one pass.
    return tuple(
        kind.permute(0, 3, 2, 1, 4).reshape(persons * heads, nodes, -1) for kind in split.unbind(4)
    )


def join_heads(rows: Tensor, heads: int, frames: int) -> Tensor:
    """(P S, n, T D) -> (P, S D, T, n), the inverse of `split_heads` for one kind; channels-last."""
    nodes = rows.shape[1]
    split = rows.reshape(-1, heads, nodes, frames, rows.shape[2] // frames)
    return split.permute(0, 3, 2, 1, 4).flatten(3).permute(0, 3, 1, 2)
