"""PSTL's views: each change by itself against its definition."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from pspmodel.data.pstl_views import ViewConfig, ViewDraws, apply_views, draw_views
from skeldata import KINECT20, KINECT25, Layout

OFF = {"padding": 0, "shear": 0.0, "turn": 0.0, "wobble": 0.0, "flip": 0.0}
CPU = torch.device("cpu")
MANY = 4000


def clips(layout: Layout = KINECT25, count: int = 3, frames: int = 50) -> Tensor:
    return torch.randn(
        count, 3, frames, layout.joint_count, generator=torch.Generator().manual_seed(0)
    )


def nothing(count: int = 3) -> ViewDraws:
    return ViewDraws(
        torch.zeros(count, dtype=torch.int64),
        torch.eye(3).repeat(count, 1, 1),
        torch.zeros(count, dtype=torch.bool),
    )


def drawn(count: int = MANY, seed: int = 0, **settings: object) -> ViewDraws:
    torch.manual_seed(seed)
    return draw_views(ViewConfig.model_validate({**OFF, **settings}), count, 50, CPU)


def test_everything_off_changes_nothing() -> None:
    draws = drawn(3)
    assert not draws.shift.any()
    assert not draws.flip.any()
    x = clips()
    for found in (
        apply_views(x, draws, KINECT25, mirror=True),
        apply_views(x, nothing(), KINECT25, mirror=False),
    ):
        assert torch.equal(found, x)


@pytest.mark.parametrize("shift", [-8, -1, 0, 3, 8])
def test_the_crop_is_one_of_the_mirrored_sequence(shift: int) -> None:
    x = clips(count=1)
    padded = torch.cat((x[:, :, :8].flip(2), x, x[:, :, -8:].flip(2)), dim=2)
    draws = nothing(1)
    draws.shift[:] = shift
    found = apply_views(x, draws, KINECT25, mirror=True)
    assert torch.equal(found, padded[:, :, 8 + shift : 58 + shift])


def test_all_starts_of_the_crop_are_equally_likely() -> None:
    often = torch.bincount(drawn(padding=6).shift + 8, minlength=17) / MANY
    assert len(often) == 17
    torch.testing.assert_close(
        often, torch.full((17,), 1 / 17), rtol=0, atol=5 * (1 / 17 / MANY) ** 0.5
    )


def test_the_shear_has_ones_on_the_diagonal_and_uniform_numbers_elsewhere() -> None:
    matrix = drawn(shear=1.0).matrix
    off = ~torch.eye(3, dtype=torch.bool)
    torch.testing.assert_close(matrix[:, ~off], torch.ones(MANY, 3))
    values = matrix[:, off]
    assert values.abs().max() <= 1
    assert values.mean(dim=0).abs().max() < 5 * 3**-0.5 / MANY**0.5
    torch.testing.assert_close(values.var(dim=0), torch.full((6,), 1 / 3), rtol=0.1, atol=0)
    assert torch.corrcoef(values.T).fill_diagonal_(0).abs().max() < 5 / MANY**0.5
    assert drawn(shear=0.5).matrix[:, off].abs().max() <= 0.5


def test_a_turn_is_about_one_axis_and_wobbles_about_the_others() -> None:
    matrix = drawn(turn=30.0, wobble=0.0).matrix
    eye = torch.eye(3).expand_as(matrix)
    torch.testing.assert_close(matrix @ matrix.mT, eye, rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(MANY))
    # One axis stays where it is, each of the three equally often.
    stays = (matrix - eye).abs().amax(dim=1) < 1e-7
    assert (stays.sum(dim=1) == 1).all()
    torch.testing.assert_close(
        stays.float().mean(dim=0), torch.full((3,), 1 / 3), rtol=0, atol=5 * 0.48 / MANY**0.5
    )
    angle = torch.rad2deg(
        torch.acos(((matrix.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(max=1))
    )
    assert angle.max() <= 30.001
    assert angle.mean().item() == pytest.approx(15, abs=5 * 30 * 12**-0.5 / MANY**0.5)
    # To one side: x turns towards y, y towards z, z towards x.
    assert min(matrix[:, 1, 0].min(), matrix[:, 2, 1].min(), matrix[:, 0, 2].min()) >= 0
    wobbled = drawn(turn=0.0, wobble=1.0).matrix
    angle = torch.rad2deg(
        torch.acos(((wobbled.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(max=1))
    )
    assert 0.5 < angle.max() <= math.sqrt(2) + 0.05


def test_maps_are_applied_to_coordinates() -> None:
    x, draws = clips(), drawn(3, shear=1.0, turn=30.0)
    found = apply_views(x, draws, KINECT25, mirror=True)
    torch.testing.assert_close(found, torch.einsum("rdc,rctv->rdtv", draws.matrix, x))


@pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
def test_a_flip_exchanges_left_and_right(layout: Layout) -> None:
    x = clips(layout, 2)
    draws = nothing(2)
    draws.flip[1] = True
    exchanged = x[1].clone()
    for left, right in layout.flip_pairs:
        exchanged[:, :, [left, right]] = x[1][:, :, [right, left]]
    plain = apply_views(x, draws, layout, mirror=False)
    assert torch.equal(plain[0], x[0])
    assert torch.equal(plain[1], exchanged)
    mirrored = apply_views(x, draws, layout, mirror=True)[1]
    assert torch.equal(mirrored[0], -exchanged[0])
    assert torch.equal(mirrored[1:], exchanged[1:])
    twice = apply_views(apply_views(x, draws, layout, mirror=True), draws, layout, mirror=True)
    assert torch.equal(twice, x)
    assert drawn(flip=0.5).flip.float().mean().item() == pytest.approx(0.5, abs=2.5 / MANY**0.5)


def test_absent_bodies_stay_zero() -> None:
    settings = ViewConfig()
    torch.manual_seed(0)
    draws = draw_views(settings, 5, 50, CPU)
    assert not apply_views(torch.zeros(5, 3, 50, 25), draws, KINECT25, mirror=True).any()


def test_clips_differ_unless_they_are_to_be_alike() -> None:
    settings = {"padding": 6, "shear": 1.0, "turn": 30.0, "wobble": 1.0, "flip": 0.5}
    assert len(drawn(16, **settings).matrix.unique(dim=0)) == 16
    alike = drawn(16, alike=True, **settings)
    assert len(alike.shift) == len(alike.flip) == 16
    assert len(alike.matrix.unique(dim=0)) == len(alike.shift.unique()) == 1
    assert len(alike.flip.unique()) == 1
    index = torch.tensor([2, 2, 0])
    some = drawn(16, **settings)
    assert torch.equal(some[index].shift, some.shift[index])
    assert torch.equal(some[index].matrix, some.matrix[index])


def test_autocast_does_not_touch_coordinates() -> None:
    def changed() -> Tensor:
        torch.manual_seed(0)
        return apply_views(clips(), draw_views(ViewConfig(), 3, 50, CPU), KINECT25, mirror=True)

    exact = changed()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(changed(), exact)
