"""Building blocks that the encoder and the pyramid attention share, initialised as PSP does."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pspmodel.nn.norm import BatchNorm2d

SLOPE = 0.1
"""Negative slope of every LeakyReLU in the network."""


def convolution(
    channels_in: int,
    channels_out: int,
    kernel: int = 1,
    stride: int = 1,
    *,
    fan_out: int | None = None,
) -> nn.Conv2d:
    """Convolve over time only: kernel (kernel, 1), stride (stride, 1), "same" padding, with bias.

    The weight is Kaiming-normal in fan-out mode; the bias keeps torch's default. ``fan_out`` is
    given when this layer stands for a slice of a wider one and must start with its variance.
    """
    conv = nn.Conv2d(channels_in, channels_out, (kernel, 1), (stride, 1), padding=(kernel // 2, 0))
    nn.init.normal_(conv.weight, std=math.sqrt(2 / (fan_out or channels_out * kernel)))
    return conv


def conv_norm(
    channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1
) -> nn.Sequential:
    """`convolution`, then batch normalisation (weight 1, bias 0)."""
    return nn.Sequential(
        convolution(channels_in, channels_out, kernel, stride), BatchNorm2d(channels_out)
    )


def linear(features_in: int, features_out: int) -> nn.Linear:
    """Fully connected layer with Xavier-normal weight and zero bias."""
    layer = nn.Linear(features_in, features_out)
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def activate(x: Tensor) -> Tensor:
    """LeakyReLU(0.1), overwriting ``x``: give it a fresh sum, not a tensor somebody still needs."""
    return F.leaky_relu(x, SLOPE, inplace=True)


def index_code(channels: int, indices: int, device: torch.device | None = None) -> Tensor:
    """Sinusoidal code of an index: (C, n) float64.

    Even channels are ``sin(v w_i)``, odd ones ``cos(v w_i)``, w_i = 10000^(-2i / C).
    """
    pairs = torch.arange(0, channels, 2, dtype=torch.float64, device=device)
    index = torch.arange(indices, dtype=torch.float64, device=device)
    angle = 10000 ** (-pairs / channels)[:, None] * index
    return torch.stack((angle.sin(), angle.cos()), dim=1).flatten(0, 1)[:channels]


def similarity(query: Tensor, key: Tensor, scale: float) -> Tensor:
    """Attention map ``tanh(query^T key / scale)`` over nodes.

    Args:
        query: (B, D, n), D = embedding channels x frames.
        key: (B, D, m).
        scale: divisor of the dot products.

    Returns:
        (B, n, m) in (-1, 1); rows are query nodes, columns key nodes.
    """
    return torch.tanh(torch.bmm(query.mT, key) / scale)
