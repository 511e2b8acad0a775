"""SDS-CL's attentions: against plain loops, their symmetries, tokens and sizes."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.dsta import DstaEncoder
from pspmodel.nn.heads import ContrastProjection, node_mean, person_mean
from pspmodel.nn.layers import linear
from pspmodel.nn.siia import Attended, IntraInterAttention, NodeAttention, Nodes, squeezed
from support.psp_oracle import scramble
from support.sds_cl_oracle import attention_loops

CHANNELS, HEADS, FRAMES, JOINTS = 8, 2, 3, 5
KINDS = pytest.mark.parametrize(
    ("nodes", "inter"), list(itertools.product(("joints", "frames"), (False, True)))
)
CLOSE = {"rtol": 1e-10, "atol": 1e-11}


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def features(seed: int = 0) -> Tensor:
    return normal(4, CHANNELS, FRAMES, JOINTS, seed=seed)


def attention(nodes: Nodes, inter: bool) -> NodeAttention:
    torch.manual_seed(1)
    made = NodeAttention(CHANNELS, HEADS, nodes, inter=inter).double()
    scramble(made)
    return made


def siia() -> IntraInterAttention:
    torch.manual_seed(1)
    made = IntraInterAttention(CHANNELS, HEADS).double()
    scramble(made)
    return made


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@KINDS
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_output_maps_and_gradients_equal_plain_loops(
    nodes: Nodes, inter: bool, memory: torch.memory_format
) -> None:
    module = attention(nodes, inter)
    streams = [
        features(seed).contiguous(memory_format=memory).requires_grad_()
        for seed in range(1 + inter)
    ]
    other = streams[1] if inter else None
    state = dict(module.named_parameters())
    expected, maps = attention_loops(state, streams[0], other, HEADS, nodes)
    torch.testing.assert_close(module.attention_map(*streams), maps, **CLOSE)
    found = module(*streams)
    torch.testing.assert_close(found, expected, **CLOSE)
    weight = normal(*found.shape, seed=7)
    inputs = [*streams, *state.values()]
    gradients = (torch.autograd.grad((y * weight).sum(), inputs) for y in (found, expected))
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-9)


def test_parameter_counts_are_the_published_ones() -> None:
    encoder, attentions = DstaEncoder(25), IntraInterAttention(256)
    assert count(encoder) == 4_200_896
    for module in attentions.children():
        assert count(module) == 263_680
    assert count(ContrastProjection(256)) == 131_584
    assert count(ContrastProjection(1024)) == 2_099_200
    heads = [linear(256, 60), ContrastProjection(256), ContrastProjection(1024)]
    assert sum(map(count, [encoder, attentions, *heads])) == 7_501_820


@pytest.mark.parametrize("joints", [25, 20])
def test_shapes_of_maps_and_tokens_are_those_of_the_notes(joints: int) -> None:
    attentions = IntraInterAttention(64, 4)
    own, other = normal(2, 3, 64, 13, joints).float()
    streams = {False: (own,), True: (own, other)}
    for name, module in attentions.named_children():
        maps = module.attention_map(*streams["inter" in name])
        nodes = 13 if "temporal" in name else joints
        assert maps.shape == (3, 4, nodes, nodes)
        assert maps.abs().max() < 1
    attended = attentions(own, other)
    assert all(part.shape == own.shape for part in attended)
    clips = torch.tensor([0, 0, 1])
    assert squeezed(attended.intra_temporal, "joints", clips, 2).shape == (2, joints, 64)
    assert squeezed(attended.intra_spatial, "frames", clips, 2).shape == (2, 13, 64)


def test_each_of_the_four_is_what_its_name_says() -> None:
    attentions = siia()
    own, other = features(), features(1)
    state = dict(attentions.named_parameters())
    for name, found in attentions(own, other)._asdict().items():
        second = other if name.startswith("inter") else None
        nodes = "frames" if name.endswith("temporal") else "joints"
        mine = {key.removeprefix(f"{name}."): value for key, value in state.items()}
        expected, _ = attention_loops(mine, own, second, HEADS, nodes)
        torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.parametrize("inter", [False, True])
@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("nodes", ["joints", "frames"])
def test_no_place_in_time_or_body_is_special(nodes: Nodes, axis: int, inter: bool) -> None:
    module = attention(nodes, inter)
    streams = [features(seed) for seed in range(1 + inter)]
    order = torch.randperm(streams[0].shape[axis], generator=torch.Generator().manual_seed(3))
    found = module(*(x.index_select(axis, order) for x in streams))
    torch.testing.assert_close(found, module(*streams).index_select(axis, order), **CLOSE)


@pytest.mark.parametrize("nodes", ["joints", "frames"])
def test_inter_attention_of_a_stream_with_itself_is_intra_attention(nodes: Nodes) -> None:
    intra, inter = attention(nodes, False), attention(nodes, True)
    assert inter.query is not None
    for what in ("weight", "bias"):
        # Head by head, and within a head queries, keys, values.
        parts = getattr(intra.inputs, what).data.unflatten(0, (HEADS, 3, -1))
        getattr(inter.query, what).data = parts[:, 0].flatten(0, 1)
        getattr(inter.inputs, what).data = parts[:, 1:].flatten(0, 2)
    inter.output.load_state_dict(intra.output.state_dict())
    x = features()
    torch.testing.assert_close(inter(x, x), intra(x), **CLOSE)
    assert (inter(x, features(1)) - intra(x)).abs().max() > 1e-3


def test_exchanging_the_streams_exchanges_the_outputs() -> None:
    attentions = siia()
    joint, motion = features(), features(1)
    forth = (attentions(joint, motion), attentions(motion, joint))
    back = (attentions(motion, joint), attentions(joint, motion))
    torch.testing.assert_close(forth, back[::-1], rtol=0, atol=0)
    # Intra attention does not look at the other stream, inter attention does.
    alone = attentions(joint, torch.zeros_like(motion))
    assert torch.equal(alone.intra_temporal, forth[0].intra_temporal)
    assert torch.equal(alone.intra_spatial, forth[0].intra_spatial)
    assert not torch.allclose(alone.inter_temporal, forth[0].inter_temporal)
    assert not torch.allclose(alone.inter_spatial, forth[0].inter_spatial)


@KINDS
def test_without_queries_only_the_skip_and_the_bias_are_left(nodes: Nodes, inter: bool) -> None:
    module = attention(nodes, inter).eval()
    queries = module.query if inter else module.inputs
    for what in ("weight", "bias"):
        parts = getattr(queries, what).data.unflatten(0, (HEADS, 1 if inter else 3, -1))
        parts[:, 0] = 0
    streams = [features(seed) for seed in range(1 + inter)]
    assert not module.attention_map(*streams).any()
    expected = module.output(torch.zeros_like(streams[0])) + streams[0]
    torch.testing.assert_close(module(*streams), nn.functional.leaky_relu(expected, 0.1), **CLOSE)


def test_tokens_are_means_over_the_other_axis_and_the_persons() -> None:
    x = features()
    clips = torch.tensor([1, 0, 1, 0, 1])
    rows = torch.tensor([0, 1, 2, 3, 3])  # the last row stands for persons of both clips
    for nodes, axis, size in (("joints", 2, JOINTS), ("frames", 3, FRAMES)):
        found = squeezed(x, nodes, clips, 2, rows)
        assert found.shape == (2, size, CHANNELS)
        for clip, members in enumerate(([1, 3], [0, 2, 3])):
            expected = x[members].mean(dim=(0, axis)).T
            torch.testing.assert_close(found[clip], expected, **CLOSE)
        pooled = person_mean(node_mean(x), clips, 2, rows)
        torch.testing.assert_close(found.mean(dim=1), pooled, **CLOSE)


def test_tokens_of_half_precision_features_are_single() -> None:
    assert squeezed(features().bfloat16(), "joints", torch.arange(4), 4).dtype == torch.float32


def test_wrong_streams_heads_and_nodes_are_refused() -> None:
    x = features()
    with pytest.raises(UsageError, match="inter attention takes two streams"):
        attention("joints", True)(x)
    with pytest.raises(UsageError, match="intra attention one"):
        attention("joints", False)(x, x)
    with pytest.raises(UsageError, match="streams have shapes"):
        attention("frames", True)(x, x[:2])
    with pytest.raises(UsageError, match="3 heads do not divide 8 channels"):
        NodeAttention(8, 3, "joints", inter=False)
    with pytest.raises(UsageError, match="nodes is 'bones'"):
        NodeAttention(8, 2, "bones", inter=False)  # type: ignore[arg-type]
    assert Attended._fields == (
        "intra_temporal", "intra_spatial", "inter_temporal", "inter_spatial",
    )  # fmt: skip
