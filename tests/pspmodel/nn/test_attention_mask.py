"""The attention mask against plain loops, its limits, and what the two parts add up to."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pspmodel.errors import UsageError
from pspmodel.nn.attention_mask import AttentionMask, parted_means
from pspmodel.nn.heads import node_mean

EXACT = {"rtol": 1e-9, "atol": 1e-11}


def features(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(channels=8, heads=2, sharpness=2.0):
    torch.manual_seed(0)
    mask = AttentionMask(channels, heads, sharpness).double()
    with torch.no_grad():
        for parameter in mask.parameters():
            parameter.normal_(std=0.5)
    return mask


def mask_loops(mask, x):
    """Token by token, head by head, from the equation."""
    channels, frames, joints = x.shape
    width = channels // mask.heads
    tokens = [x[:, t, v] for t in range(frames) for v in range(joints)]
    queries, keys, values = [], [], []
    for token in tokens:
        centred = token - token.mean()
        normed = centred / torch.sqrt((centred**2).mean() + 1e-5)
        normed = normed * mask.norm.weight + mask.norm.bias
        row = mask.qkv.weight @ normed + mask.qkv.bias
        for part, place in zip((queries, keys, values), range(3), strict=True):
            part.append(row[place * channels : (place + 1) * channels])
    result = torch.zeros_like(x)
    for place, query in enumerate(queries):
        heads = []
        for head in range(mask.heads):
            own = slice(head * width, (head + 1) * width)
            weights = [torch.exp(query[own] @ key[own] / math.sqrt(width)) for key in keys]
            total = sum(weights)
            heads.append(
                sum(w / total * value[own] for w, value in zip(weights, values, strict=True))
            )
        raw = mask.output.weight @ torch.cat(heads) + mask.output.bias
        result[:, place // joints, place % joints] = 1 / (1 + torch.exp(-mask.sharpness * raw))
    return result


def test_the_mask_equals_plain_loops():
    mask = network(channels=6, heads=3, sharpness=1.5)
    x = features(2, 6, 3, 4)
    expected = torch.stack([mask_loops(mask, person) for person in x])
    torch.testing.assert_close(mask(x), expected, **EXACT)


def test_parameter_count_is_the_released_one_less_the_projectors():
    # The released neck has 461,312, two projectors of 98,816 among them.
    count = sum(p.numel() for p in AttentionMask(256).parameters())
    assert count == 461_312 - 2 * 98_816


def test_persons_do_not_see_each_other_and_order_of_places_does_not_matter():
    mask = network()
    x = features(3, 8, 5, 4)
    torch.testing.assert_close(mask(x[1:2]), mask(x)[1:2], **EXACT)
    torch.testing.assert_close(mask(x.flip(3)), mask(x).flip(3), **EXACT)
    torch.testing.assert_close(mask(x.flip(2)), mask(x).flip(2), **EXACT)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**31))
def test_the_parts_add_up_to_the_pooled_features(persons, frames, joints, seed):
    x = features(persons, 4, frames, joints, seed=seed)
    mask = features(persons, 4, frames, joints, seed=seed + 1).sigmoid()
    salient, rest = parted_means(x, mask)
    torch.testing.assert_close(salient + rest, node_mean(x), **EXACT)
    for part, weights in ((salient, mask), (rest, 1 - mask)):
        for person in range(persons):
            for channel in range(4):
                total = (x[person, channel] * weights[person, channel]).sum()
                assert float(part[person, channel]) == pytest.approx(
                    float(total) / (frames * joints), rel=1e-9, abs=1e-12
                )


def test_a_mask_of_no_sharpness_halves():
    x = features(2, 8, 5, 4)
    mask = network(sharpness=0.0)(x)
    assert (mask == 0.5).all()
    for part in parted_means(x, mask):
        torch.testing.assert_close(part, node_mean(x) / 2, **EXACT)


def test_a_mask_of_great_sharpness_is_hard():
    x = features(2, 8, 5, 4)
    soft, hard = (network(sharpness=s)(x) for s in (2.0, 1e9))
    assert ((soft > 0) & (soft < 1)).all()
    torch.testing.assert_close(hard, (soft > 0.5).double(), **EXACT)


def test_the_mask_learns_through_the_parts_alone():
    mask = network()
    x = features(2, 8, 3, 4)
    salient, rest = parted_means(x, mask(x))
    for part in (salient, rest):
        gradients = torch.autograd.grad(part.square().sum(), mask.parameters(), retain_graph=True)
        assert all(gradient.any() for gradient in gradients)
    total = torch.autograd.grad((salient + rest).sum(), mask.output.weight)[0]
    torch.testing.assert_close(total, torch.zeros_like(total), rtol=0, atol=1e-12)


def test_half_precision_pools_in_single():
    x = features(2, 8, 5, 4).float()
    with torch.autocast("cpu", torch.bfloat16):
        mask = network().float()(x)
        salient, rest = parted_means(x.bfloat16(), mask)
    assert salient.dtype == rest.dtype == torch.float32


def test_heads_must_divide_the_channels():
    with pytest.raises(UsageError, match="3 heads of the attention mask do not divide 8 channels"):
        AttentionMask(8, 3)
