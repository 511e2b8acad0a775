"""ST-GCN, the graph encoder of SkeletonCLR, SkeAttnCLR and PSTL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.encoder import Encoder
from pspmodel.nn.norm import BatchNorm2d
from pspmodel.nn.time_convolution import TimeConvolution
from skeldata import Layout

Partition = Literal["direction", "distance"]

STGCN_CHANNELS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
"""Widths of the ten units in SkeAttnCLR; SkeletonCLR's are a quarter of them."""

TEMPORAL_KERNEL = 9
_SUBSETS = 3
_STRIDED_UNITS = (4, 7)  # 0-based; T is halved in each


def adjacency(layout: Layout, partition: Partition) -> Tensor:
    """Adjacency in three subsets, (3, V, V) float64; entry [k, v, w] takes joint v to joint w.

    ``direction``: the joint itself, its children, its parent, each column-normalised (2s-AGCN,
    SkeAttnCLR). ``distance``: neighbours as far from the centre, closer and farther, normalised
    together so that the columns of their sum are 1 (ST-GCN, PSTL).
    """
    joints = layout.joint_count
    eye = np.eye(joints)
    inward = np.zeros((joints, joints))
    for child, parent in layout.bones:
        inward[child, parent] = 1
    if partition == "direction":
        subsets = [eye, _columns_to_one(inward), _columns_to_one(inward.T)]
        return torch.from_numpy(np.stack(subsets))
    hops = _hops(inward + inward.T, layout.centre)
    joined = _columns_to_one(inward + inward.T + eye)
    outward = hops[:, None] - hops[None, :]
    subsets = [np.where(which, joined, 0) for which in (outward == 0, outward < 0, outward > 0)]
    return torch.from_numpy(np.stack(subsets))


class StGcnUnit(nn.Module):
    """Graph convolution, then temporal convolution, with a skip."""

    graph: Tensor

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        graph: Tensor,
        *,
        stride: int,
        dropout: float,
        residual: bool,
    ) -> None:
        super().__init__()
        self.register_buffer("graph", graph, persistent=False)
        self.importance = nn.Parameter(torch.ones(graph.shape))
        self.project = nn.Conv2d(channels_in, _SUBSETS * channels_out, 1)
        self.temporal = nn.Sequential(
            BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            TimeConvolution(channels_out, channels_out, TEMPORAL_KERNEL, stride),
            BatchNorm2d(channels_out),
            nn.Dropout(dropout),
        )
        self.skip: nn.Module | None = None
        if residual and channels_in == channels_out and stride == 1:
            self.skip = nn.Identity()
        elif residual:
            self.skip = nn.Sequential(
                TimeConvolution(channels_in, channels_out, 1, stride),
                BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """(P, C_in, T, V) -> (P, C_out, ceil(T / stride), V); V is ``len(keep)`` when given."""
        graph = (self.graph * self.importance).to(x.dtype)
        if keep is not None:
            graph = graph[:, keep][:, :, keep]
        subsets = self.project(x).unflatten(1, (_SUBSETS, -1))
        y = torch.einsum("pkctv,kvw->pctw", subsets, graph)
        y = self.temporal(y)
        return torch.relu(y if self.skip is None else y + self.skip(x))


class StGcn(Encoder):
    """Map skeleton sequences to joint features.

    Source: ST-GCN as SkeAttnCLR and PSTL configure it (their released code).

    Args:
        layout: joints and bones.
        channels: widths of the units; the fifth and the eighth halve the frames.
        partition: see `adjacency`.
        dropout: after every temporal convolution but the first unit's.
        channels_in: C, coordinates of a joint.

    Attributes:
        channels_out: channels of the features.

    Raises:
        UsageError: there are no units.
    """

    def __init__(
        self,
        layout: Layout,
        channels: Sequence[int] = STGCN_CHANNELS,
        partition: Partition = "direction",
        dropout: float = 0.5,
        channels_in: int = 3,
    ) -> None:
        super().__init__()
        if not channels:
            raise UsageError("ST-GCN needs at least one unit; give their channels")
        graph = adjacency(layout, partition).float()
        self.joints, self._channels_in = layout.joint_count, channels_in
        self.channels_out = channels[-1]
        self.strides = tuple(2 for unit in _STRIDED_UNITS if unit < len(channels))
        self.input = self.new_stem()
        self.units = nn.ModuleList(
            StGcnUnit(
                before,
                after,
                graph,
                stride=2 if unit in _STRIDED_UNITS else 1,
                dropout=dropout if unit else 0.0,
                residual=unit > 0,
            )
            for unit, (before, after) in enumerate(
                zip((channels_in, *channels[:-1]), channels, strict=True)
            )
        )

    def new_stem(self) -> nn.Module:
        """Batch norm over joints and coordinates."""
        return BatchNorm2d(self.joints * self._channels_in)

    def arranged(self, x: Tensor) -> Tensor:
        """(P, C, T, V) -> (P, V C, T, 1)."""
        return super().arranged(x).permute(0, 3, 1, 2).flatten(1, 2).unsqueeze(-1)

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """Encode P persons.

        Args:
            x: (P, C, T, V) coordinates of all joints.
            keep: (V',) int64 joints to go on with after the input norm: the others are removed,
                with their rows and columns of the graph, not set to zero (PSTL's spatial mask).

        Returns:
            (P, channels_out, T', V') features, T' = 13 for T = 50 and ten units.

        Raises:
            UsageError: ``x`` has another number of joints.
        """
        return self.trunk(self.input(self.arranged(x)), keep)

    def trunk(self, y: Tensor, keep: Tensor | None = None) -> Tensor:
        """The ten units, from what the input norm gives: (P, V C, T, 1)."""
        persons, _, frames, _ = y.shape
        y = y.view(persons, self.joints, self._channels_in, frames).permute(0, 2, 3, 1)
        if keep is not None:
            y = y[..., keep]
        for unit in self.units:
            y = unit(y, keep)
        return y


def _columns_to_one(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = matrix.sum(axis=0)
    return matrix / np.where(sums > 0, sums, 1)


def _hops(edges: NDArray[np.float64], start: int) -> NDArray[np.int64]:
    """Steps from ``start`` to every joint along the bones."""
    hops = np.full(len(edges), -1, dtype=np.int64)
    hops[start] = 0
    for distance in range(len(edges)):
        for joint in np.flatnonzero(hops == distance):
            reached = np.flatnonzero((edges[joint] > 0) & (hops < 0))
            hops[reached] = distance + 1
    return hops
