"""Convolution over frames by frequencies: equal to torch's, forward and gradients, at any sizes."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pspmodel.nn import time_convolution
from pspmodel.nn.time_convolution import LEAST_CHANNELS, LEAST_TAPS, TimeConvolution, bilinear


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few channels and taps there are."""
    monkeypatch.setattr(time_convolution, "LEAST_CHANNELS", 1)
    monkeypatch.setattr(time_convolution, "LEAST_TAPS", 2)


def layer(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, dtype=torch.float64
) -> TimeConvolution:
    torch.manual_seed(0)
    return TimeConvolution(channels_in, channels_out, kernel, stride).to(dtype)


def channels_last(x: Tensor) -> Tensor:
    return x.clone(memory_format=torch.channels_last)


def both(conv: TimeConvolution, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Output and gradients of ours and of torch's, for the same gradient of the output."""
    x = channels_last(x).requires_grad_()
    wanted = [x, conv.weight, conv.bias]
    found = []
    for y in (
        conv(x),
        F.conv2d(x, conv.weight, conv.bias, conv.stride, (conv.kernel_size[0] // 2, 0)),
    ):
        weight = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y).cos()
        found.append([y.detach(), *torch.autograd.grad(y, wanted, weight)])
    return found[0], found[1]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("frames", "kernel", "stride"),
    list(itertools.product([1, 2, 3, 5, 13, 25], [3, 5, 7, 9], [1, 2, 3])),
)
def test_output_and_gradients_are_those_of_torch(frames: int, kernel: int, stride: int) -> None:
    conv = layer(3, 5, kernel, stride)
    ours, theirs = both(conv, torch.randn(2, 3, frames, 4, dtype=torch.float64))
    for mine, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-10, atol=1e-11)


def test_the_sizes_of_psp_go_through_frequencies_and_are_as_exact_as_torchs() -> None:
    conv = layer(64, 64, 7, dtype=torch.float32)
    x = channels_last(torch.randn(3, 64, 13, 25))
    y = conv(x)
    assert type(y.grad_fn).__name__ == "_ThroughFrequenciesBackward"
    exact = F.conv2d(x.double(), conv.weight.double(), conv.bias.double(), padding=(3, 0))
    torchs = F.conv2d(x, conv.weight, conv.bias, padding=(3, 0))
    assert (y - exact).norm() < 2 * (torchs - exact).norm()


@pytest.mark.parametrize(
    "conv",
    [
        layer(64, LEAST_CHANNELS - 1, LEAST_TAPS),
        layer(64, LEAST_CHANNELS, LEAST_TAPS - 2),
        layer(64, 64, 1, 2),
    ],
)
def test_few_channels_or_taps_stay_with_torch(conv: TimeConvolution) -> None:
    y = conv(channels_last(torch.randn(1, 64, 9, 2, dtype=torch.float64)))
    assert "Convolution" in type(y.grad_fn).__name__


def test_features_in_another_order_stay_with_torch() -> None:
    y = layer(64, 64, 7)(torch.randn(2, 64, 9, 3, dtype=torch.float64))
    assert type(y.grad_fn).__name__ == "ConvolutionBackward0"


def test_a_projection_of_every_second_frame_equals_torchs() -> None:
    ours, theirs = both(layer(3, 5, 1, 2), torch.randn(2, 3, 7, 4, dtype=torch.float64))
    for mine, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, expected)


def test_a_strided_projection_of_few_channels_is_none_to_torch() -> None:
    """Torch 2.13's own gradient of it writes beyond its memory on some processors."""
    x = channels_last(torch.randn(2, 8, 50, 25)).requires_grad_()
    pending, strides = [layer(8, 8, 1, 2, torch.float32)(x).grad_fn], []
    while pending:
        node = pending.pop()
        if type(node).__name__.startswith("ConvolutionBackward"):
            strides.append(node._saved_stride)
        pending += [following for following, _ in node.next_functions if following is not None]
    assert strides == [(1, 1)]


def test_under_autocast_it_is_narrow_and_near() -> None:
    conv = layer(64, 64, 7, dtype=torch.float32)
    x = channels_last(torch.randn(3, 64, 13, 25)).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = conv(x)
        plain = F.conv2d(x, conv.weight, conv.bias, padding=(3, 0))
    assert y.dtype == plain.dtype == torch.bfloat16
    exact = F.conv2d(x, conv.weight, conv.bias, padding=(3, 0))
    # bfloat16 keeps 8 bits: 2^-9 is the largest error of one rounding.
    assert (y - exact).norm() / exact.norm() < 4 * 2**-9
    y.float().square().sum().backward()
    assert x.grad is not None
    assert conv.weight.grad is not None
    assert conv.weight.grad.dtype == torch.float32


def test_features_lie_as_they_came_channels_last() -> None:
    conv = layer(64, 64, 7, 2, torch.float32)
    x = channels_last(torch.randn(2, 64, 9, 3)).requires_grad_()
    y = conv(x)
    assert y.is_contiguous(memory_format=torch.channels_last)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.is_contiguous(memory_format=torch.channels_last)


def test_what_needs_no_gradient_gets_none() -> None:
    conv = layer(64, 64, 7, dtype=torch.float32)
    x = channels_last(torch.randn(1, 64, 5, 2))
    conv(x).sum().backward()
    assert conv.weight.grad is not None
    x.requires_grad_()
    conv.requires_grad_(False)(x).sum().backward()
    assert x.grad is not None


def test_torch_compile_sees_torchs_own_convolution() -> None:
    conv = layer(64, 64, 7, dtype=torch.float32)
    x = channels_last(torch.randn(1, 64, 5, 2))
    compiled = torch.compile(conv, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), conv(x), rtol=1e-4, atol=1e-5)


@given(
    frames=st.integers(1, 40),
    kernel=st.integers(0, 5).map(lambda half: 2 * half + 1),
    stride=st.integers(1, 4),
)
@settings(deadline=None)
def test_the_algorithm_is_the_convolution_of_single_numbers(
    frames: int, kernel: int, stride: int
) -> None:
    algorithm = bilinear(frames, kernel, stride)
    x, w = torch.randn(frames, dtype=torch.float64), torch.randn(kernel, dtype=torch.float64)
    products = sum(
        (spread @ x[phase::stride]) * (algorithm.taps[:, own] @ w[own])
        for phase, (spread, own) in enumerate(
            zip(algorithm.frames, algorithm.phase_taps, strict=True)
        )
    )
    half = kernel // 2
    expected = [
        sum(
            w[k] * x[t + k - half] for k in range(kernel) if 0 <= t + k - half < frames
        )
        for t in range(0, frames, stride)
    ]  # fmt: skip
    torch.testing.assert_close(
        algorithm.outputs @ products,
        torch.tensor([float(value) for value in expected], dtype=torch.float64),
        rtol=1e-9,
        atol=1e-10,
    )


def test_thirteen_frames_of_seven_taps_take_23_products() -> None:
    assert len(bilinear(13, 7).taps) == 23
    assert len(bilinear(25, 7).taps) == 41
