"""Pyramid: plain means, and where the paper and the released code differ."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pspmodel.errors import UsageError
from pspmodel.nn import BodyFrom, SkeletonPyramid
from skeldata import KINECT20, KINECT25, Layout

LAYOUTS = pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
RULES = pytest.mark.parametrize("body_from", ["parts", "joints"])


def features(layout: Layout) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 4, layout.joint_count, generator=generator, dtype=torch.float64)


@LAYOUTS
@RULES
def test_parts_and_bodies_are_means_of_their_members(layout: Layout, body_from: BodyFrom) -> None:
    x = features(layout)
    joint, part, body = SkeletonPyramid(layout, body_from)(x)
    assert joint is x
    means = torch.stack([x[..., list(members)].mean(-1) for members in layout.parts], -1)
    torch.testing.assert_close(part, means, rtol=1e-14, atol=1e-14)
    if body_from == "joints":
        expected = [x[..., list(members)].mean(-1) for members in layout.bodies]
    else:
        owner = torch.tensor(layout.part_to_body)
        expected = [means[..., owner == number].mean(-1) for number in range(5)]
    torch.testing.assert_close(body, torch.stack(expected, -1), rtol=1e-14, atol=1e-14)


@LAYOUTS
@RULES
def test_features_equal_in_all_joints_stay_what_they_are(
    layout: Layout, body_from: BodyFrom
) -> None:
    constant = features(layout)[..., :1].expand(-1, -1, -1, layout.joint_count)
    _, part, body = SkeletonPyramid(layout, body_from)(constant)
    torch.testing.assert_close(part, constant[..., :10], rtol=1e-14, atol=0)
    torch.testing.assert_close(body, constant[..., :5], rtol=1e-14, atol=0)


def test_the_two_rules_differ_in_the_torso_of_25_joints_only() -> None:
    x = torch.eye(25, dtype=torch.float64).view(1, 25, 1, 25)
    paper = SkeletonPyramid(KINECT25, "parts")(x)[2].view(25, 5)
    released = SkeletonPyramid(KINECT25, "joints")(x)[2].view(25, 5)
    torch.testing.assert_close(paper[:, :4], released[:, :4], rtol=1e-14, atol=0)
    torso = [0, 1, 20, 2, 3]  # the spine's three joints, then the head's two
    sixth, quarter = torch.tensor([1 / 6, 1 / 4], dtype=torch.float64)
    assert torch.allclose(paper[torso, 4], torch.stack((sixth, sixth, sixth, quarter, quarter)))
    assert torch.allclose(released[torso, 4], torch.full((5,), 0.2, dtype=torch.float64))
    assert paper[:, 4].count_nonzero() == released[:, 4].count_nonzero() == 5


def test_the_two_rules_agree_for_20_joints() -> None:
    x = features(KINECT20)
    paper, released = (SkeletonPyramid(KINECT20, rule)(x)[2] for rule in ("parts", "joints"))
    torch.testing.assert_close(paper, released, rtol=1e-13, atol=1e-13)


def test_the_precision_of_the_features_is_kept() -> None:
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        pyramid = SkeletonPyramid(KINECT25)(features(KINECT25).to(dtype))
        assert [level.dtype for level in pyramid] == [dtype] * 3


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(UsageError, match="'bones'; use one of: parts, joints"):
        SkeletonPyramid(KINECT25, "bones")  # type: ignore[arg-type]
