"""A convolution in front of a norm: its bias does nothing in training, and is told so."""

from __future__ import annotations

import torch
from torch import nn

from pspmodel.nn.layers import ConvNorm, conv_norm
from pspmodel.nn.norm import split_norms


def pair() -> tuple[ConvNorm, nn.Sequential, torch.Tensor]:
    torch.manual_seed(0)
    ours = conv_norm(3, 4, 3).double()
    conv, norm = nn.Conv2d(3, 4, (3, 1), padding=(1, 0)), nn.BatchNorm2d(4)
    theirs = nn.Sequential(conv, norm).double()
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs, torch.randn(5, 3, 6, 2, dtype=torch.float64)


def test_output_gradients_and_running_statistics_are_those_of_the_two_layers() -> None:
    ours, theirs, x = pair()
    for module in (ours, theirs):
        y = module(x)
        (y * y.detach().cos()).sum().backward()
    torch.testing.assert_close(ours(x), theirs(x))
    for (name, mine), (_, expected) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        torch.testing.assert_close(mine.grad, expected.grad, msg=name)
    for (name, mine), (_, expected) in zip(
        ours.named_buffers(), theirs.named_buffers(), strict=True
    ):
        torch.testing.assert_close(mine, expected, msg=name)


def test_the_bias_gets_a_gradient_of_zero_and_so_decays_like_the_rest() -> None:
    ours, _, x = pair()
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.5, weight_decay=0.1)
    before = ours[0].bias.detach().clone()
    ours(x).pow(3).sum().backward()
    assert torch.equal(ours[0].bias.grad, torch.zeros(4, dtype=torch.float64))
    optimizer.step()
    torch.testing.assert_close(ours[0].bias.detach(), before * (1 - 0.5 * 0.1))


def test_with_fixed_statistics_the_bias_counts() -> None:
    ours, theirs, x = pair()
    for module in (ours.eval(), theirs.eval()):
        module(x).pow(3).sum().backward()
    torch.testing.assert_close(ours[0].bias.grad, theirs[0].bias.grad)
    assert ours[0].bias.grad.abs().min() > 0


def test_a_norm_of_each_streams_own_can_take_the_norms_place() -> None:
    ours, theirs, x = pair()
    split_norms(ours, 2)
    ours.double()
    halves = [theirs(part) for part in x[:4].chunk(2)]
    torch.testing.assert_close(ours(x[:4]), torch.cat(halves))
