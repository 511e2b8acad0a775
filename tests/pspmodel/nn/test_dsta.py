"""Encoder: shapes, the joint code on queries and keys only, direction of mixing, initialisation."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pspmodel.errors import UsageError
from pspmodel.nn import PSP_BLOCKS, Block, DstaBlock, DstaEncoder, scaled_blocks
from pspmodel.nn.dsta import Temporal
from pspmodel.nn.temporal import FrameAttention


def block(
    channels_in: int = 8,
    channels_out: int = 8,
    stride: int = 1,
    joints: int = 5,
    heads: int = 2,
    temporal: Temporal = "convolution",
) -> DstaBlock:
    torch.manual_seed(0)
    return DstaBlock(Block(channels_in, channels_out, 3, stride), joints, heads, temporal).double()


TEMPORAL = pytest.mark.parametrize("temporal", ["convolution", "attention"])


@TEMPORAL
def test_fifty_frames_become_25_and_13(temporal: Temporal) -> None:
    encoder = DstaEncoder(25, scaled_blocks(0.125), temporal=temporal).eval()
    frames, channels = [], []
    for layer in encoder.blocks:
        layer.register_forward_hook(lambda _m, _i, out: frames.append(out.shape[2]))
        layer.register_forward_hook(lambda _m, _i, out: channels.append(out.shape[1]))
    features = encoder(torch.randn(2, 3, 50, 25))
    assert frames == [50, 50, 25, 25, 13, 13, 13, 13]
    assert channels == [8, 8, 16, 16, 32, 32, 32, 32]
    assert features.shape == (2, encoder.channels_out, 13, 25)
    assert encoder.frames_behind(50) == 13


@given(frames=st.integers(1, 12), strides=st.lists(st.integers(1, 3), min_size=1, max_size=3))
@settings(deadline=None)
def test_the_number_of_frames_behind_the_encoder_is_known(frames: int, strides: list[int]) -> None:
    encoder = DstaEncoder(5, [Block(4, 4, 2, stride) for stride in strides], heads=2).eval()
    assert encoder(torch.zeros(1, 3, frames, 5)).shape[2] == encoder.frames_behind(frames)


def test_attention_over_time_takes_the_place_of_the_convolution_and_its_skip() -> None:
    for stride in (1, 2):
        released, attending = block(stride=stride), block(stride=stride, temporal="attention")
        names, before = (
            {name for name, _ in layer.named_parameters()} for layer in (attending, released)
        )
        elsewhere = {name for name in names if "temporal" not in name}
        assert elsewhere == {name for name in before if "temporal" not in name}
        assert isinstance(attending.temporal, FrameAttention)
        assert not any(module.kernel_size[0] > 1 for module in attending.modules()
                       if isinstance(module, nn.Conv2d))  # fmt: skip
        assert all(f"temporal.{part}.0.weight" in names for part in ("output", "feed_forward"))


@TEMPORAL
def test_every_weight_of_a_block_is_trained(temporal: Temporal) -> None:
    layer = block(6, 8, 2, temporal=temporal)
    layer(torch.randn(3, 6, 5, 5, dtype=torch.float64)).pow(3).sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        # A bias in front of a norm moves nothing.
        assert parameter.grad.abs().max() > 1e-12 or name.endswith("0.bias"), name


@given(frames=st.integers(1, 12), stride=st.integers(1, 3))
@settings(deadline=None)
def test_time_is_divided_by_the_stride_and_rounded_up(frames: int, stride: int) -> None:
    y = block(4, 6, stride).eval()(torch.randn(1, 4, frames, 5, dtype=torch.float64))
    assert y.shape == (1, 6, math.ceil(frames / stride), 5)


def test_attention_without_queries_is_the_global_map() -> None:
    layer = block()
    nn.init.zeros_(layer.query_key.weight)
    nn.init.zeros_(layer.query_key.bias)
    nn.init.normal_(layer.global_map)
    maps = layer.attention_map(torch.randn(3, 8, 4, 5, dtype=torch.float64))
    assert torch.equal(maps, layer.global_map.expand(3, -1, -1, -1))


def test_gain_bounds_what_a_clip_adds_to_the_global_map() -> None:
    layer = block()
    with torch.no_grad():
        layer.gain.copy_(torch.tensor([0.5, 2.0]).view(2, 1, 1))
        layer.query_key.weight.mul_(100)
    added = layer.attention_map(torch.randn(3, 8, 4, 5, dtype=torch.float64)) - layer.global_map
    largest = added.abs().amax((0, 2, 3))
    assert (largest <= layer.gain.flatten()).all()
    assert (largest > 0.9 * layer.gain.flatten()).all()


def test_columns_of_the_map_are_the_output_joints() -> None:
    layer = block(joints=5, heads=1)
    x = torch.randn(2, 8, 4, 5, dtype=torch.float64)
    with torch.no_grad():
        layer.gain.zero_()
        layer.global_map.zero_()
        layer.global_map[0, 1, 3] = 1  # joint 1 is sent to joint 3
    mixed = []
    layer.spatial.register_forward_pre_hook(lambda _module, inputs: mixed.append(inputs[0]))
    layer(x)
    torch.testing.assert_close(mixed[0][..., 3], x[..., 1])
    assert not mixed[0][..., [0, 1, 2, 4]].any()


def test_the_joint_code_reaches_queries_and_keys_only() -> None:
    x = torch.randn(2, 8, 4, 5, dtype=torch.float64)
    layer = block().eval()
    before = layer(x)
    layer.code += 1.5 * torch.randn_like(layer.code)
    assert not torch.allclose(layer(x), before)
    # With the clip's own attention switched off nothing else may depend on the code.
    nn.init.zeros_(layer.gain)
    without = layer(x)
    layer.code.zero_()
    assert torch.equal(layer(x), without)


@pytest.mark.parametrize("channels", [7, 8])
def test_the_joint_code_is_the_sinusoid_of_the_joint_index(channels: int) -> None:
    code = block(channels, joints=6).code
    assert code.shape == (channels, 1, 6)
    for c in range(channels):
        for v in range(6):
            angle = v / 10000 ** ((c - c % 2) / channels)
            expected = math.cos(angle) if c % 2 else math.sin(angle)
            assert float(code[c, 0, v]) == pytest.approx(expected, abs=1e-14)


def test_a_block_keeps_its_input_unless_shapes_change() -> None:
    same, wider, slower = block(8, 8), block(8, 12), block(8, 8, stride=2)
    skips = ("skip_spatial", "skip_feed_forward", "skip_temporal")
    assert all(isinstance(getattr(same, skip), nn.Identity) for skip in skips)
    for layer in (wider, slower):
        assert not any(isinstance(getattr(layer, skip), nn.Identity) for skip in skips)
    x = torch.randn(2, 8, 4, 5, dtype=torch.float64)
    kept = x.clone()
    same(x)
    assert torch.equal(x, kept)


@TEMPORAL
def test_initialisation_is_that_of_the_released_code(temporal: Temporal) -> None:
    torch.manual_seed(0)
    encoder = DstaEncoder(25, temporal=temporal)
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Conv2d):
            out_channels, in_channels, taps, _ = module.weight.shape
            spread = math.sqrt(2 / (out_channels * taps))
            weight = module.weight.detach()
            tolerance = 5 / math.sqrt(2 * weight.numel())  # five standard errors
            assert float(weight.std()) == pytest.approx(spread, rel=tolerance), name
            bound = 1 / math.sqrt(in_channels * taps)
            assert 0.8 * bound < float(module.bias.detach().abs().max()) <= bound, name
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
        elif isinstance(module, DstaBlock):
            assert (module.gain == 1).all()
            torch.testing.assert_close(module.global_map, torch.full((4, 25, 25), 1 / 25))
        elif isinstance(module, FrameAttention):
            assert (module.gain == 1).all()


def test_scaled_blocks_keep_the_chain_the_strides_and_divisibility() -> None:
    assert scaled_blocks(1) == PSP_BLOCKS
    quarter = scaled_blocks(0.25)
    assert [b.channels_out for b in quarter] == [16, 16, 32, 32, 64, 64, 64, 64]
    assert [b.embed for b in quarter] == [4, 4, 8, 8, 16, 16, 16, 16]


@given(width=st.floats(0.001, 4))
@settings(deadline=None)
def test_any_width_gives_an_encoder(width: float) -> None:
    blocks = scaled_blocks(width)
    assert [b.stride for b in blocks] == [b.stride for b in PSP_BLOCKS]
    assert all(b.channels_out % 4 == 0 and b.embed >= 1 for b in blocks)
    assert all(a.channels_out == b.channels_in for a, b in pairwise(blocks))


@pytest.mark.parametrize("width", [0, -1, float("nan")])
def test_a_width_must_be_positive(width: float) -> None:
    with pytest.raises(UsageError, match=r"width .* is not positive"):
        scaled_blocks(width)


def test_blocks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"block 1 starts with 6 channels.*ends with 8"):
        DstaEncoder(25, (Block(4, 8, 2, 1), Block(6, 6, 2, 1)))
    with pytest.raises(UsageError, match="no blocks"):
        DstaEncoder(25, ())
    with pytest.raises(UsageError, match="temporal is 'none'; use one of: convolution, attention"):
        DstaEncoder(25, temporal="none")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(2, 3, 8, 20), (2, 3, 25), (2, 8, 25, 3)])
def test_another_number_of_joints_is_refused(shape: tuple[int, ...]) -> None:
    encoder = DstaEncoder(25, (Block(4, 4, 2, 1),))
    with pytest.raises(UsageError, match="25"):
        encoder(torch.zeros(shape))


def test_other_inputs_than_coordinates_are_possible() -> None:
    encoder = DstaEncoder(20, (Block(4, 4, 2, 1),), channels_in=6)
    assert encoder(torch.randn(2, 6, 5, 20)).shape == (2, 4, 5, 20)
