"""Pyramid attention: the expansion E, what each level sees, and which weights exist."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from pspmodel.errors import UsageError
from pspmodel.nn import Level, PolymerisingAttention, Scale, SkeletonPyramid
from pspmodel.nn.ppa import Expansion, LevelAttention
from skeldata import KINECT20, KINECT25, Layout
from support.psp_oracle import expand_loops, scramble

CHANNELS, HEADS, FRAMES = 8, 2, 3
LAYOUTS = pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)


def owners(layout: Layout) -> dict[str, tuple[NDArray[np.int64], int]]:
    """Each step and the whole way of the pyramid: (phi, how many groups)."""
    return {
        "joint to part": (layout.joint_to_part, 10),
        "part to body": (np.asarray(layout.part_to_body), 5),
        "joint to body": (layout.joint_to_body, 5),
    }


def coarse_map(size: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, HEADS, size, size, generator=generator, dtype=torch.float64)


def attention(layout: Layout = KINECT25, **options: Any) -> PolymerisingAttention:
    torch.manual_seed(7)
    ppa = PolymerisingAttention(CHANNELS, layout, HEADS, **options)
    scramble(ppa)
    return ppa.double()


def pyramid(layout: Layout = KINECT25, persons: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    shape = (persons, CHANNELS, FRAMES, layout.joint_count)
    return SkeletonPyramid(layout)(torch.randn(shape, generator=generator, dtype=torch.float64))


@LAYOUTS
@pytest.mark.parametrize("step", ["joint to part", "part to body", "joint to body"])
class TestExpansion:
    def test_is_a_gather_and_equals_p_a_p_transposed(self, layout: Layout, step: str) -> None:
        owner, groups = owners(layout)[step]
        coarse = coarse_map(groups)
        fine = Expansion(owner, groups)(coarse)
        assert torch.equal(fine, expand_loops(coarse, owner.tolist()))
        one_hot = torch.eye(groups, dtype=torch.float64)[torch.from_numpy(owner)]
        torch.testing.assert_close(fine, one_hot @ coarse @ one_hot.T, rtol=1e-14, atol=1e-14)

    def test_gradient_of_an_entry_is_the_sum_over_its_block(
        self, layout: Layout, step: str
    ) -> None:
        owner, groups = owners(layout)[step]
        coarse = coarse_map(groups).requires_grad_()
        weight = coarse_map(len(owner), seed=1)
        (Expansion(owner, groups)(coarse) * weight).sum().backward()
        one_hot = torch.eye(groups, dtype=torch.float64)[torch.from_numpy(owner)]
        torch.testing.assert_close(coarse.grad, one_hot.T @ weight @ one_hot)

    def test_is_constant_in_blocks_and_of_no_higher_rank(self, layout: Layout, step: str) -> None:
        owner, groups = owners(layout)[step]
        fine = Expansion(owner, groups)(coarse_map(groups))
        assert torch.linalg.matrix_rank(fine).max() <= groups
        for first, second in pairwise(np.argsort(owner, kind="stable")):
            if owner[first] == owner[second]:
                assert torch.equal(fine[..., first, :], fine[..., second, :])
                assert torch.equal(fine[..., :, first], fine[..., :, second])

    def test_sum_counts_each_entry_once_for_each_pair_of_members(
        self, layout: Layout, step: str
    ) -> None:
        owner, groups = owners(layout)[step]
        coarse = coarse_map(groups)
        sizes = torch.bincount(torch.from_numpy(owner), minlength=groups).double()
        expected = torch.einsum("m,n,psmn->ps", sizes, sizes, coarse)
        total = Expansion(owner, groups)(coarse).sum((-2, -1))
        torch.testing.assert_close(total, expected, rtol=1e-12, atol=1e-12)

    def test_diagonal_is_read_from_the_diagonal(self, layout: Layout, step: str) -> None:
        owner, groups = owners(layout)[step]
        coarse = coarse_map(groups)
        diagonal = Expansion(owner, groups)(coarse).diagonal(dim1=-2, dim2=-1)
        assert torch.equal(diagonal, coarse.diagonal(dim1=-2, dim2=-1)[..., owner])


@LAYOUTS
def test_expanding_twice_is_expanding_at_once(layout: Layout) -> None:
    steps = {name: Expansion(*owner) for name, owner in owners(layout).items()}
    bodies = coarse_map(5)
    twice = steps["joint to part"](steps["part to body"](bodies))
    assert torch.equal(twice, steps["joint to body"](bodies))


def test_group_sizes_are_those_of_the_paper() -> None:
    sizes = {name: np.bincount(owner).tolist() for name, (owner, _) in owners(KINECT25).items()}
    assert sizes["joint to body"] == [6, 6, 4, 4, 5]
    assert sizes["joint to part"] == [3, 2, 3, 3, 3, 3, 2, 2, 2, 2]


@LAYOUTS
def test_maps_add_expansions_of_raw_coarser_maps(layout: Layout) -> None:
    features = pyramid(layout)
    raw = attention(layout, part_from_body=0, joint_from_part=0, joint_from_body=0).attention_maps(
        *features
    )
    maps = attention(
        layout, part_from_body=0.3, joint_from_part=0.5, joint_from_body=0.7
    ).attention_maps(*features)
    expand = {name: Expansion(*owner) for name, owner in owners(layout).items()}
    part = raw["part"] + 0.3 * expand["part to body"](raw["body"])
    joint = (
        raw["joint"]
        + 0.5 * expand["joint to part"](raw["part"])
        + 0.7 * expand["joint to body"](raw["body"])
    )
    torch.testing.assert_close(maps["body"], raw["body"], rtol=1e-14, atol=0)
    torch.testing.assert_close(maps["part"], part, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(maps["joint"], joint, rtol=1e-13, atol=1e-14)


def test_without_expansion_levels_are_independent() -> None:
    ppa = attention(part_from_body=0, joint_from_part=0, joint_from_body=0).eval()
    features = dict(zip(("joint", "part", "body"), pyramid(), strict=True))
    attended = ppa(**features)
    for level, x in features.items():
        assert torch.equal(attended[level], ppa.attention[level](x).output)
        others = {name: y if name == level else torch.zeros_like(y) for name, y in features.items()}
        assert torch.equal(ppa(**others)[level], attended[level])


def test_joints_of_one_part_may_change_places_without_changing_what_is_added() -> None:
    ppa = attention()
    raw = attention(part_from_body=0, joint_from_part=0, joint_from_body=0)
    joint, part, body = pyramid()
    order = np.arange(25)
    order[[4, 5, 6]] = [6, 4, 5]  # the three joints of the left arm
    moved = joint[..., order]

    def own_and_added(features: Tensor) -> tuple[Tensor, Tensor]:
        own = raw.attention_maps(features, part, body)["joint"]
        return own, ppa.attention_maps(features, part, body)["joint"] - own

    own, added = own_and_added(joint)
    own_moved, added_moved = own_and_added(moved)
    torch.testing.assert_close(own_moved, own[..., order, :][..., order], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(added_moved, added, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(own_moved, own)


@pytest.mark.parametrize("scale", ["full", "sqrt"])
def test_raw_maps_lie_between_minus_one_and_one(scale: Scale) -> None:
    maps = attention(scale=scale).attention_maps(*pyramid())["body"]
    assert maps.abs().max() < 1


def test_scale_divides_by_depth_or_by_its_root() -> None:
    joint = pyramid()[0]
    torch.manual_seed(0)
    full = LevelAttention(CHANNELS, HEADS, "full").double()
    root = LevelAttention(CHANNELS, HEADS, "sqrt").double()
    root.load_state_dict(full.state_dict())
    depth = CHANNELS // HEADS * FRAMES
    dots = torch.atanh(full(joint).raw) * depth
    torch.testing.assert_close(torch.atanh(root(joint).raw) * depth**0.5, dots)


@pytest.mark.parametrize("frames", [None, FRAMES], ids=["shared-over-time", "full"])
def test_zero_queries_leave_the_features_and_the_bias(frames: int | None) -> None:
    ppa = attention(frames=frames).eval()
    features = dict(zip(("joint", "part", "body"), pyramid(), strict=True))
    for level in ppa.attention.values():
        for parameter in level.inputs.parameters():
            # (T,) head by head, and within a head queries, keys, values; then the inputs.
            nn.init.zeros_(parameter.view(frames or 1, HEADS, 3, CHANNELS // HEADS, -1)[:, :, 0])
    assert not any(maps.any() for maps in ppa.attention_maps(**features).values())
    for level, y in ppa(**features).items():
        conv, norm = ppa.attention[level].output
        bias = norm(conv.bias.view(1, -1, 1, 1))
        torch.testing.assert_close(y, leaky_relu(features[level] + bias, 0.1))


def test_features_that_come_in_are_not_overwritten() -> None:
    features = pyramid()
    kept = [x.clone() for x in features]
    attention()(*features)
    assert all(torch.equal(x, y) for x, y in zip(features, kept, strict=True))


@pytest.mark.parametrize(
    ("levels", "options", "lenders"),
    [
        (("joint", "part", "body"), {}, set()),
        (("joint",), {}, {"part", "body"}),
        (("joint",), {"joint_from_part": 0}, {"body"}),
        (("joint",), {"joint_from_part": 0, "joint_from_body": 0}, set()),
        (("part",), {}, {"body"}),
        (("part",), {"part_from_body": 0}, set()),
        (("body",), {}, set()),
        (("joint", "part"), {}, {"body"}),
        (("joint", "body"), {}, {"part"}),
        (("part", "body"), {}, set()),
        # The part map that joints take is the raw one: lambda must not bring the bodies in.
        (("joint",), {"joint_from_body": 0}, {"part"}),
    ],
)
def test_a_level_left_out_lends_its_map_only_where_it_is_needed(
    levels: Sequence[Level], options: dict[str, Any], lenders: set[str]
) -> None:
    ppa = attention(levels=levels, **options)
    assert set(ppa.attention) == set(levels) | lenders
    assert list(ppa(*pyramid())) == list(levels)
    assert list(ppa.attention_maps(*pyramid())) == list(levels)
    names = set(dict(ppa.named_parameters()))
    for level in lenders:
        assert {name for name in names if name.startswith(f"attention.{level}.")} == {
            f"attention.{level}.inputs.weight",
            f"attention.{level}.inputs.bias",
        }
        assert ppa.attention[level].inputs.out_channels == 2 * CHANNELS


def test_a_level_that_lends_starts_like_a_whole_one() -> None:
    torch.manual_seed(0)
    ppa = PolymerisingAttention(64, KINECT25, levels=("joint",))
    spread = (2 / (3 * 64)) ** 0.5
    for level in ("joint", "part", "body"):
        weight = ppa.attention[level].inputs.weight.detach()
        assert float(weight.std()) == pytest.approx(spread, rel=0.05)
    assert float(ppa.attention["joint"].output[0].weight.detach().std()) == pytest.approx(
        (2 / 64) ** 0.5, rel=0.1
    )


def test_every_weight_of_every_level_is_trained() -> None:
    ppa = attention(levels=("joint",))
    sum((y**3).sum() for y in ppa(*pyramid()).values()).backward()
    for name, parameter in ppa.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any() or name.endswith("output.0.bias"), name


def test_order_of_levels_does_not_matter() -> None:
    ppa = attention(levels=["body", "joint"])
    assert ppa.levels == ("joint", "body")


def test_full_weights_hold_shared_ones_as_a_diagonal_of_equal_blocks() -> None:
    shared, full = attention(), attention(frames=FRAMES)
    state = shared.state_dict()
    for level in ("joint", "part", "body"):
        name = f"attention.{level}.inputs"
        weight, bias = state.pop(f"{name}.weight"), state.pop(f"{name}.bias")
        blocks = torch.block_diag(*[weight[:, :, 0, 0]] * FRAMES)
        state[f"{name}.linear.weight"], state[f"{name}.linear.bias"] = blocks, bias.repeat(FRAMES)
    full.load_state_dict(state)
    features = pyramid()
    for of_full, of_shared in zip(
        full(*features).values(), shared(*features).values(), strict=True
    ):
        torch.testing.assert_close(of_full, of_shared, rtol=1e-12, atol=1e-13)


def test_full_weights_see_other_frames() -> None:
    joint = pyramid()[0]
    moved = joint.clone()
    moved[:, :, 1] += 1
    for ppa, elsewhere in ((attention(), False), (attention(frames=FRAMES), True)):
        level = ppa.attention["joint"]
        changed = level.inputs(moved) - level.inputs(joint)
        assert bool(changed[:, :, 0].any()) is elsewhere
        assert changed[:, :, 1].any()


@pytest.mark.parametrize("levels", [("joint", "part", "body"), ("joint",)])
def test_full_weights_start_with_the_variance_of_shared_ones(levels: Sequence[Level]) -> None:
    torch.manual_seed(0)
    ppa = PolymerisingAttention(32, KINECT25, levels=levels, frames=5)
    for level in ("joint", "part", "body"):
        linear = ppa.attention[level].inputs.linear
        kinds = 3 if level in levels else 2
        assert linear.weight.shape == (5 * kinds * 32, 5 * 32)
        spread = (2 / (5 * 3 * 32)) ** 0.5
        assert float(linear.weight.detach().std()) == pytest.approx(spread, rel=0.03)


def test_full_weights_want_the_frames_they_were_built_for() -> None:
    message = f"was built for {FRAMES + 1} encoded frames, got {FRAMES}"
    with pytest.raises(UsageError, match=message):
        attention(frames=FRAMES + 1)(*pyramid())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": ("joint", "limb")}, "unknown level 'limb'; use some of: joint, part, body"),
        ({"levels": ()}, "no level is given"),
        ({"scale": "none"}, "scale is 'none'; use one of: full, sqrt"),
        ({"heads": 3}, "3 heads do not divide 8 channels"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PolymerisingAttention(CHANNELS, KINECT25, **options)
