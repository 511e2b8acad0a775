"""A compact encoder: all joints of a frame side by side, then convolutions over time."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.distances import distance_count, distances
from pspmodel.nn.encoder import Encoder
from pspmodel.nn.norm import BatchNorm2d


class TcnEncoder(Encoder):
    """Batch norm over coordinates and joints, a linear map of the frame, residual convolutions.

    Six to ten times cheaper a step than attention or graph encoders of its accuracy on small sets,
    but its features have no joints to build a pyramid of.

    Args:
        joints: V.
        channels: of every layer.
        depth: number of temporal convolutions.
        kernel: their taps, odd.
        dropout: of whole channels, after each of them.
        halvings: how often the mean of two frames takes their place, evenly between the layers.
        peaks: give the largest value over the frames beside each channel, for short events.
        with_distances: give the distances of a frame's points beside their coordinates.
        channels_in: C, coordinates of a joint.

    Raises:
        UsageError: the kernel is even.
    """

    keeps_joints: ClassVar[bool] = False

    def __init__(
        self,
        joints: int,
        channels: int = 160,
        depth: int = 6,
        kernel: int = 3,
        dropout: float = 0.2,
        halvings: int = 2,
        peaks: bool = False,
        with_distances: bool = False,
        channels_in: int = 3,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise UsageError(f"a temporal kernel of {kernel} taps has no middle; use an odd number")
        self.joints = joints
        self.channels_out = 2 * channels if peaks else channels
        self._width, self._with_peaks = channels, peaks
        self._with_distances = with_distances
        self._values = joints * channels_in + (distance_count(joints) if with_distances else 0)
        self.input = self.new_stem()
        self.layers = nn.ModuleList(
            nn.Sequential(_along_time(channels, channels, kernel), BatchNorm2d(channels))
            for _ in range(depth)
        )
        groups = halvings + 1
        self._halved = {depth * group // groups for group in range(1, groups)}
        self.strides = (2,) * len(self._halved)
        self.dropout = nn.Dropout2d(dropout)

    def new_stem(self) -> nn.Module:
        """Norm and linear map of the frame."""
        return nn.Sequential(BatchNorm2d(self._values), _along_time(self._values, self._width, 1))

    def arranged(self, x: Tensor) -> Tensor:
        """(P, C, T, V) -> (P, C V + distances, 1, T): with time innermost twice as fast."""
        x = super().arranged(x)
        rows = x.permute(0, 2, 1, 3).flatten(2)
        if self._with_distances:
            rows = torch.cat((rows, distances(x)), dim=2)
        return rows.contiguous().permute(0, 2, 1).unsqueeze(2)

    def trunk(self, y: Tensor) -> Tensor:
        """(P, channels, 1, T) -> (P, channels_out, T', 1)."""
        for number, layer in enumerate(self.layers):
            if number in self._halved:
                y = F.avg_pool2d(y, (1, 2), ceil_mode=True)
            y = y + self.dropout(F.relu(layer(y), inplace=True))
        if self._with_peaks:
            # Behind the mean over frames that follows: the mean, and beside it the largest value.
            y = torch.cat((y, y.amax(dim=3, keepdim=True).expand_as(y)), dim=1)
        return y.transpose(2, 3)


def _along_time(channels_in: int, channels_out: int, kernel: int) -> nn.Conv2d:
    conv = nn.Conv2d(channels_in, channels_out, (1, kernel), padding=(0, kernel // 2))
    nn.init.normal_(conv.weight, std=math.sqrt(2 / (channels_out * kernel)))
    return conv
