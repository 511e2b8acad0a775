"""Projections with batch normalisation, into the space in which a pretext compares clips."""

from __future__ import annotations

from torch import Tensor, nn

from pspmodel.nn.norm import BatchNorm2d


class NormedProjection(nn.Module):
    """Linear, batch norm, ReLU, linear, without biases; momentum contrast projects and predicts with it.

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


class WideProjection(nn.Module):
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
