"""Barlow Twins' projector: much wider than the features that it maps."""

from __future__ import annotations

from torch import Tensor, nn

from pspmodel.nn.norm import BatchNorm2d


class Projector(nn.Module):
    """(Linear, batch norm, ReLU) twice, then Linear; none of the three has a bias.

    Batch statistics are those of the clips of all processes. Source: PSTL's released code, which
    has Barlow Twins' projector at width 6,144; the normalisation that follows is the loss's.

    Args:
        channels: C.
        width: D.
    """

    def __init__(self, channels: int, width: int = 6144) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(
            nn.Linear(before, width, bias=False) for before in (channels, width)
        )
        self.norms = nn.ModuleList(BatchNorm2d(width) for _ in self.hidden)
        self.output = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C) -> (N, D), not normalised."""
        for linear, norm in zip(self.hidden, self.norms, strict=True):
            x = norm(linear(x)[..., None, None])[..., 0, 0].relu()
        y: Tensor = self.output(x)
        return y
