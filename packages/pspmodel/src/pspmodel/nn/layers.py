"""Building blocks that the encoder and the pyramid attention share, initialised as PSP does."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pspmodel.nn.norm import BatchNorm2d
from pspmodel.nn.time_convolution import TimeConvolution

SLOPE = 0.1
"""Negative slope of every LeakyReLU in the network."""


def convolution(
    channels_in: int,
    channels_out: int,
    kernel: int = 1,
    stride: int = 1,
    *,
    fan_out: int | None = None,
) -> TimeConvolution:
    """Convolve over time only: kernel (kernel, 1), stride (stride, 1), "same" padding, with bias.

    The weight is Kaiming-normal in fan-out mode; the bias keeps torch's default. ``fan_out`` is
    given when this layer stands for a slice of a wider one and must start with its variance.
    """
    conv = TimeConvolution(channels_in, channels_out, kernel, stride)
    nn.init.normal_(conv.weight, std=math.sqrt(2 / (fan_out or channels_out * kernel)))
    return conv


class ConvNorm(nn.Sequential):
    """A convolution over time, then batch normalisation.

    The mean that the norm takes away takes the bias with it, so in training its gradient is exactly
    zero, and not computed: a pass over every gradient less, 3 % of a step.
    """

    def __init__(self, conv: TimeConvolution) -> None:
        super().__init__(conv, BatchNorm2d(conv.out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(P, C_in, T, V) -> (P, C_out, T', V)."""
        conv, norm = self
        assert isinstance(conv, TimeConvolution)
        assert conv.bias is not None
        weight, bias = conv.weight, conv.bias
        if norm.training:
            weight, bias = _WithoutGradient.apply(weight, bias), bias.detach()  # type: ignore[no-untyped-call]
        y: Tensor = norm(conv.convolve(x, weight, bias))
        return y


class _WithoutGradient(torch.autograd.Function):
    """Pass on the first; the second's gradient is zero, not missing, so that it decays as others do."""

    @staticmethod
    def forward(ctx: Any, used: Tensor, idle: Tensor) -> Tensor:
        ctx.save_for_backward(idle)
        return used.view_as(used)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        return gradient, torch.zeros_like(ctx.saved_tensors[0])


def conv_norm(channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1) -> ConvNorm:
    """`convolution`, then batch normalisation (weight 1, bias 0)."""
    return ConvNorm(convolution(channels_in, channels_out, kernel, stride))


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
