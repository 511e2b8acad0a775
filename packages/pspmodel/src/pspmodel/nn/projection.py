"""The two-layer head with batch normalisation that momentum contrast projects and predicts with."""

from __future__ import annotations

from torch import Tensor, nn

from pspmodel.nn.norm import BatchNorm2d


class NormedProjection(nn.Module):
    """Linear, batch norm, ReLU, linear, without biases: (n, C_in) -> (n, C_out).

    Statistics are those of the clips of all processes.

    Source: SkeAttnCLR's projector (256-256-128) and predictors (128-256-128), released code.

    Args:
        channels_in, hidden, channels_out: widths.
    """

    def __init__(self, channels_in: int, hidden: int, channels_out: int) -> None:
        super().__init__()
        self.expand = nn.Linear(channels_in, hidden, bias=False)
        self.norm = BatchNorm2d(hidden)
        self.reduce = nn.Linear(hidden, channels_out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C_in) -> (n, C_out); not normalised to unit length."""
        y: Tensor = self.norm(self.expand(x)[..., None, None])
        projected: Tensor = self.reduce(y[..., 0, 0].relu())
        return projected
