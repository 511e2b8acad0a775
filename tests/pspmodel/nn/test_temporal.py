"""Attention over frames: what it sees, where the stride acts, and that no weight knows T."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from pspmodel.nn.layers import index_code
from pspmodel.nn.temporal import FrameAttention
from support.psp_oracle import scramble

CHANNELS, EMBED, HEADS, JOINTS = 4, 3, 2, 5


def attention(stride: int = 1, *, identity: bool = True) -> FrameAttention:
    torch.manual_seed(0)
    layer = FrameAttention(CHANNELS, EMBED, HEADS, stride, identity=identity)
    scramble(layer)
    return layer.double().eval()


def features(frames: int = 6, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, CHANNELS, frames, JOINTS, generator=generator, dtype=torch.float64)


@given(frames=st.integers(1, 12), stride=st.integers(1, 3))
@settings(deadline=None)
def test_time_is_divided_by_the_stride_and_rounded_up(frames: int, stride: int) -> None:
    y = attention(stride, identity=False)(features(frames))
    assert y.shape == (3, CHANNELS, math.ceil(frames / stride), JOINTS)


def test_a_stride_keeps_every_second_column_and_frame_of_what_all_give() -> None:
    whole, strided = attention(identity=False), attention(2, identity=False)
    strided.load_state_dict(whole.state_dict())
    x = features(7)
    close = {"rtol": 1e-12, "atol": 1e-13}
    torch.testing.assert_close(strided.attention_map(x), whole.attention_map(x)[..., ::2], **close)
    torch.testing.assert_close(strided(x), whole(x)[:, :, ::2], **close)


def test_columns_of_the_map_are_the_output_frames() -> None:
    layer = attention()
    x = features(4)
    maps = torch.zeros(3, HEADS, 4, 4, dtype=torch.float64)
    maps[:, 1, 1, 3] = 1  # in the second head frame 1 is sent to frame 3
    layer.attention_map = lambda _: maps  # type: ignore[method-assign,assignment]
    mixed = []
    layer.output.register_forward_pre_hook(lambda _module, inputs: mixed.append(inputs[0]))
    layer(x)
    torch.testing.assert_close(mixed[0][:, CHANNELS:, 3], x[:, :, 1])
    assert mixed[0].count_nonzero() == x[:, :, 1].count_nonzero()


def test_frames_know_their_place_by_the_code_alone() -> None:
    """Without the code, frames that change places only make the output change places."""
    layer, x = attention(), features(6)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    assert not torch.allclose(layer(x[:, :, order]), layer(x)[:, :, order])
    code = index_code(CHANNELS, 6).unsqueeze(2)
    layer.query_key.register_forward_pre_hook(lambda _module, inputs: (inputs[0] - code,))
    torch.testing.assert_close(layer(x[:, :, order]), layer(x)[:, :, order], rtol=1e-11, atol=1e-12)


def test_the_code_reaches_queries_and_keys_only() -> None:
    layer, x = attention(), features()
    before = layer(x)
    handle = layer.query_key.register_forward_pre_hook(lambda _m, inputs: (1.5 * inputs[0] + 1,))
    assert not torch.allclose(layer(x), before)
    nn.init.zeros_(layer.gain)
    without = layer(x)
    handle.remove()
    assert torch.equal(layer(x), without)


def test_without_queries_the_features_and_the_bias_are_left() -> None:
    layer, x = attention(), features()
    nn.init.zeros_(layer.query_key.weight)
    nn.init.zeros_(layer.query_key.bias)
    assert not layer.attention_map(x).any()
    conv, norm = layer.output
    y = leaky_relu(x + norm(conv.bias.view(1, -1, 1, 1)), 0.1)
    torch.testing.assert_close(layer(x), leaky_relu(x + layer.feed_forward(y), 0.1))


def test_gain_bounds_the_map() -> None:
    layer = attention()
    with torch.no_grad():
        layer.gain.copy_(torch.tensor([0.5, 2.0]).view(2, 1, 1))
        layer.query_key.weight.mul_(100)
    largest = layer.attention_map(features()).abs().amax((0, 2, 3))
    assert (largest <= layer.gain.flatten()).all()
    assert (largest > 0.9 * layer.gain.flatten()).all()


@pytest.mark.parametrize("identity", [True, False])
def test_no_weight_knows_the_number_of_frames_and_the_input_is_left_alone(identity: bool) -> None:
    layer = attention(identity=identity)
    for frames in (50, 13, 1):
        x = features(frames)
        kept = x.clone()
        assert layer(x).shape == x.shape
        assert torch.equal(x, kept)
    projected = sum(isinstance(m, nn.Conv2d) for m in layer.modules())
    assert projected == (3 if identity else 5)


def test_persons_do_not_see_each_other() -> None:
    layer, x = attention(), features()
    torch.testing.assert_close(layer(x[1:2]), layer(x)[1:2], rtol=1e-12, atol=1e-13)
