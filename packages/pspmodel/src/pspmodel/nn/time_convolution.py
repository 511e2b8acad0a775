"""Convolution over frames, on a CPU through a short Fourier transform of the frames.

A convolution of T frames with K taps takes K T products of two channel matrices. Between the
transforms of both it takes one product a frequency: 23 instead of 91 for 13 frames and 7 taps. Written
down with real numbers this is a *bilinear algorithm*, three constant matrices A, B and C with ::

    y = C [ (A x) * (B w) ]

where x are frames, w taps, and * multiplies row by row. Its gradients are algorithms of the same kind:
x gets ``A^T [ (C^T g) * (B w) ]`` and w gets ``B^T [ (C^T g) * (A x) ]``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LEAST_TAPS = 5
LEAST_CHANNELS = 64
"""From here on it pays: transforms cost as much for few channels as for many, products do not."""


class Bilinear(NamedTuple):
    """The matrices of one algorithm, float64, and how it reads a stride.

    A stride of s is s convolutions of every s-th frame, the *phases*, whose products add up.

    Attributes:
        frames: A of each phase, (M, frames of the phase).
        taps: B, (M, K); ``taps[:, phase_taps[r]]`` are those of phase r.
        outputs: C, (T', M).
        phase_taps: which taps each phase has.
        stride: s.
        period: of the transform.
    """

    frames: tuple[Tensor, ...]
    taps: Tensor
    outputs: Tensor
    phase_taps: tuple[slice, ...]
    stride: int
    period: int


@lru_cache(maxsize=64)
def bilinear(frames: int, kernel: int, stride: int = 1) -> Bilinear:
    """The algorithm for T frames, K taps around each, ceil(T / stride) of them computed.

    The transform is as long as it must be for what wraps around to meet zeros alone, and a product of
    complex numbers takes three real ones.

    Args:
        frames: T, at least 1.
        kernel: K, odd; frames beyond both ends count as zeros.
        stride: s.
    """
    padding = kernel // 2
    outputs = -(-frames // stride)
    offsets = (
        torch.arange(kernel, dtype=torch.float64).sub(padding).div(stride, rounding_mode="floor")
    )
    phases = min(stride, frames)
    lengths = [len(range(phase, frames, stride)) for phase in range(phases)]
    period = outputs + int(offsets.abs().max())
    times = torch.arange(outputs, dtype=torch.float64)

    of_frames: list[Tensor] = []
    of_taps: list[Tensor] = []
    of_outputs: list[Tensor] = []
    for frequency in range(period // 2 + 1):
        angle = 2 * math.pi * frequency / period
        cosine, sine = torch.cos(angle * times), torch.sin(angle * times)
        tap_real, tap_imaginary = torch.cos(angle * offsets), torch.sin(angle * offsets)
        if 2 * frequency in (0, period):  # these two are real
            of_frames.append(cosine)
            of_taps.append(tap_real)
            of_outputs.append(cosine / period)
            continue
        # (a + ib)(c + id) = (p - r) + i(p + q) with p = c(a + b), q = a(d - c), r = b(c + d).
        of_frames += [cosine - sine, cosine, -sine]
        of_taps += [tap_real, tap_imaginary - tap_real, tap_real + tap_imaginary]
        # Its conjugate frequency adds as much to a real signal: hence the 2.
        of_outputs += [2 * part / period for part in (cosine - sine, -sine, -cosine)]
    spread = torch.stack(of_frames)
    return Bilinear(
        frames=tuple(spread[:, :length].contiguous() for length in lengths),
        taps=torch.stack(of_taps),
        outputs=torch.stack(of_outputs, dim=1),
        phase_taps=tuple(slice((padding + r) % stride, None, stride) for r in range(phases)),
        stride=stride,
        period=period,
    )


class TimeConvolution(nn.Conv2d):
    """`torch.nn.Conv2d` with kernel (K, 1) and "same" padding; names, weights and results are torch's.

    Few channels, few taps, GPUs and `torch.compile` get torch's own convolution, and so do features
    whose channels do not lie last. On a CPU the rest goes through `bilinear`: in float32 as near to
    the exact result as torch's own, in bfloat16 with three roundings in place of one.

    A projection (K = 1) of every s-th frame takes these frames first. That is the same, and torch
    2.13 writes beyond its memory in the gradient of a strided projection of fewer than 16 channels
    that lie last, on a CPU with AVX-512.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            channels_in, channels_out, (kernel, 1), (stride, 1), padding=(kernel // 2, 0)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(P, C_in, T, V) -> (P, C_out, ceil(T / stride), V)."""
        assert self.bias is not None
        return self.convolve(x, self.weight, self.bias)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The same with these in place of the layer's own weight and bias."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if kernel == 1:
            return F.conv2d(x[:, :, ::stride], weight, bias)
        if not self._pays(x):
            return F.conv2d(x, weight, bias, self.stride, (kernel // 2, 0))
        if torch.is_autocast_enabled("cpu"):
            narrow = torch.get_autocast_dtype("cpu")
            x, weight, bias = x.to(narrow), weight.to(narrow), bias.to(narrow)
        y: Tensor = _ThroughFrequencies.apply(x, weight, bias, stride)  # type: ignore[no-untyped-call]
        return y

    def _pays(self, x: Tensor) -> bool:
        return (
            x.device.type == "cpu"
            and not torch.compiler.is_compiling()
            and self.kernel_size[0] >= LEAST_TAPS
            and min(self.in_channels, self.out_channels) >= LEAST_CHANNELS
            and x.is_contiguous(memory_format=torch.channels_last)
        )


class _ThroughFrequencies(torch.autograd.Function):
    """The convolution by its algorithm; kept for the gradients are the transformed frames."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
        algorithm = bilinear(x.shape[2], weight.shape[2], stride)
        seen = [
            _transformed(spread, x[:, :, phase::stride])
            for phase, spread in enumerate(algorithm.frames)
        ]
        ctx.save_for_backward(weight, *seen)
        ctx.algorithm, ctx.shape = algorithm, x.shape
        products = torch.bmm(seen[0], _taps(algorithm, 0, weight).mT)
        for phase, frames in enumerate(seen[1:], start=1):
            products.baddbmm_(frames, _taps(algorithm, phase, weight).mT)
        # A constant is the frequency 0 and nothing else: one row of the products instead of all of y.
        products[0] += algorithm.period * bias
        return _back(algorithm.outputs, products, x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weight, *seen = ctx.saved_tensors
        algorithm, stride = ctx.algorithm, ctx.algorithm.stride
        of_products = _transformed(algorithm.outputs.T, gradient)
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            parts = [
                _back(spread.T, torch.bmm(of_products, _taps(algorithm, phase, weight)), ctx.shape)
                for phase, spread in enumerate(algorithm.frames)
            ]
            of_x = parts[0]
            if stride > 1:
                of_x = torch.empty(
                    ctx.shape, dtype=gradient.dtype, memory_format=torch.channels_last
                )
                for phase, part in enumerate(parts):
                    of_x[:, :, phase::stride] = part
        if ctx.needs_input_grad[1]:
            of_weight = torch.zeros_like(weight)
            for phase, frames in enumerate(seen):
                of_taps = torch.bmm(of_products.mT, frames)  # (M, C_out, C_in)
                own = algorithm.phase_taps[phase]
                back = algorithm.taps[:, own].T.to(of_taps) @ of_taps.flatten(1)
                of_weight[:, :, own, 0] = back.unflatten(1, of_taps.shape[1:]).permute(1, 2, 0)
        wide = torch.promote_types(weight.dtype, torch.float32)
        of_bias = of_products[0].sum(dim=0, dtype=wide) * algorithm.period
        return of_x, of_weight, of_bias.to(weight), None


def _transformed(matrix: Tensor, x: Tensor) -> Tensor:
    """Combine frames: (M, T) and (P, C, T, V) -> (M, P V, C)."""
    persons, channels, frames, joints = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(persons, frames, joints * channels)
    out = x.new_empty(len(matrix), persons, joints * channels)
    # Written where the products want it, so that nothing is moved afterwards.
    torch.bmm(matrix.to(x).expand(persons, -1, -1), rows, out=out.transpose(0, 1))
    return out.view(len(matrix), persons * joints, channels)


def _back(matrix: Tensor, products: Tensor, shape: torch.Size) -> Tensor:
    """Combine products to frames: (T, M) and (M, P V, C) -> (P, C, T, V), channels last."""
    persons, _, _, joints = shape
    rows = products.view(len(products), persons, -1).transpose(0, 1)
    y = torch.bmm(matrix.to(products).expand(persons, -1, -1), rows)
    return y.view(persons, len(matrix), joints, -1).permute(0, 3, 1, 2)


def _taps(algorithm: Bilinear, phase: int, weight: Tensor) -> Tensor:
    """Combine the taps of a phase: (C_out, C_in, K, 1) -> (M, C_out, C_in)."""
    own = algorithm.phase_taps[phase]
    rows = weight[:, :, own, 0].permute(2, 0, 1)
    combined = algorithm.taps[:, own].to(weight) @ rows.flatten(1)
    return combined.view(-1, *rows.shape[1:])
