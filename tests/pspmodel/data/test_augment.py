import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pspmodel.config import AugmentConfig, DataConfig
from pspmodel.data.augment import Augmenter
from pspmodel.data.resident import ResidentData
from skeldata import KINECT20, KINECT25

CPU = torch.device("cpu")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def augmenter(up="z", layout=KINECT25, **config):
    return Augmenter(AugmentConfig(**config), layout, up, CPU)


def persons(count=3, frames=10, layout=KINECT25, seed=0):
    joint = torch.randn((count, frames, layout.joint_count, 3), generator=generator(seed))
    return joint, torch.ones((count, frames), dtype=torch.bool)


def applied(changer, joint, present, seed=0):
    random = generator(seed)
    return changer.apply(joint, present, changer.draw(len(joint), random), random)


def test_off_changes_nothing():
    joint, present = persons()
    changed, still = applied(augmenter(), joint, present)
    assert torch.equal(changed, joint)
    assert torch.equal(still, present)
    assert not AugmentConfig().active


@pytest.mark.parametrize("layout", [KINECT20, KINECT25], ids=lambda layout: layout.name)
def test_a_sure_flip_is_a_mirror_and_twice_is_nothing(layout):
    joint, present = persons(layout=layout)
    flip = augmenter(flip=1.0, layout=layout)
    once, _ = applied(flip, joint, present)
    for person, frame, v in ((0, 0, 4), (2, 9, 15)):
        expected = joint[person, frame, layout.flip_index[v]] * torch.tensor([-1.0, 1.0, 1.0])
        assert torch.equal(once[person, frame, v], expected)
    assert torch.equal(applied(flip, once, present)[0], joint)


@given(st.integers(0, 200))
def test_yaw_turns_about_the_vertical_only(seed):
    joint, present = persons(count=5)
    for up, axis in (("z", 2), ("y", 1)):
        changer = augmenter(up=up, yaw=30)
        turned, _ = applied(changer, joint, present, seed)
        torch.testing.assert_close(turned[..., axis], joint[..., axis], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(turned.norm(dim=-1), joint.norm(dim=-1), rtol=1e-5, atol=1e-5)
        cosine = changer.draw(5, generator(seed)).matrix.diagonal(dim1=1, dim2=2).sum(dim=1)
        angle = torch.rad2deg(torch.acos(((cosine - 1) / 2).clamp(-1, 1)))
        assert (angle <= 30 + 0.1).all()


def test_rotations_are_scipys():
    draws = augmenter(yaw=180, tilt=180).draw(8, generator(3))
    u = torch.rand((8, 16), generator=generator(3))
    angles = ((2 * u[:, 3:6] - 1) * math.pi).numpy()
    expected = Rotation.from_euler("xyz", angles).as_matrix()
    np.testing.assert_allclose(draws.matrix.numpy(), expected, atol=1e-5)


def test_shear_and_scale_stay_in_their_bounds_and_are_linear():
    changer = augmenter(shear=0.2)
    matrix = changer.draw(200, generator()).matrix
    off = matrix - torch.eye(3)
    assert torch.equal(matrix.diagonal(dim1=1, dim2=2), torch.ones(200, 3))
    assert 0.15 < off.abs().max() <= 0.2
    sizes = augmenter(scale=0.3).draw(200, generator()).matrix.diagonal(dim1=1, dim2=2)
    assert 0.7 <= sizes.min() < 0.75
    assert 1.25 < sizes.max() <= 1.3
    joint, present = persons()
    twice, _ = applied(changer, 2 * joint, present)
    torch.testing.assert_close(twice, 2 * applied(changer, joint, present)[0])


def test_a_crop_is_a_window_resampled_to_all_frames():
    line = torch.arange(10.0)[None, :, None, None].expand(40, 10, 25, 3)
    present = torch.ones((40, 10), dtype=torch.bool)
    changer = augmenter(crop=0.5)
    draws = changer.draw(40, generator(1))
    cropped, _ = changer.apply(line, present, draws, generator(1))
    expected = 9 * (draws.start[:, None] + draws.length[:, None] * torch.linspace(0, 1, 10))
    torch.testing.assert_close(cropped[:, :, 0, 0], expected, rtol=1e-5, atol=1e-5)
    assert (draws.length >= 0.5).all()
    assert (draws.start + draws.length <= 1 + 1e-6).all()
    assert draws.length.min() < 0.6


@given(st.integers(0, 300), st.integers(0, 300))
def test_absent_stays_exact_zero(seed, where):
    joint, _ = persons(count=4)
    present = torch.rand((4, 10), generator=generator(where)) < 0.7
    joint = joint * present[..., None, None]
    changer = augmenter(
        crop=0.4, flip=0.5, yaw=90, tilt=10, shear=0.1, scale=0.1, noise=0.1, hide=0.1
    )
    changed, there = applied(changer, joint, present, seed)
    assert not changed[~there].any()
    assert torch.isfinite(changed).all()


def test_noise_has_the_stated_size_and_joints_are_hidden_as_often_as_stated():
    joint, present = persons(count=400)
    changer = augmenter(noise=0.5)
    draws = changer.draw(400, generator())
    noisy, _ = changer.apply(joint, present, draws, generator(1))
    measured = (noisy - joint).flatten(1).std(dim=1)
    torch.testing.assert_close(measured, draws.noise, rtol=0.2, atol=0.01)
    hidden = augmenter(hide=0.3).draw(400, generator()).hidden
    assert hidden.float().mean() == pytest.approx(0.3, abs=0.02)


def test_switching_one_change_on_leaves_the_draws_of_the_others():
    alone = augmenter(yaw=40).draw(6, generator(5))
    more = augmenter(yaw=40, crop=0.5, flip=0.5, noise=1, hide=0.5).draw(6, generator(5))
    assert torch.equal(alone.matrix, more.matrix)


def test_both_bodies_of_a_clip_change_alike_and_streams_by_choice(ntu_store):
    rows = np.arange(len(ntu_store))
    plain = ResidentData(ntu_store, CPU).clips(rows)
    size = {}
    for draws in ("shared", "per-stream"):
        config = AugmentConfig(scale=0.5, draws=draws)
        data = ResidentData(ntu_store, CPU)
        clips = data.clips(rows, seed=4, augment=config)
        size[draws] = [
            (getattr(clips, s).flatten(1).norm(dim=1) / getattr(plain, s).flatten(1).norm(dim=1))
            for s in ("joint", "motion")
        ]
        joint = size[draws][0]
        for clip in range(clips.count):
            own = joint[clips.clip_index == clip]
            torch.testing.assert_close(own, own[:1].expand_as(own), rtol=1e-4, atol=1e-4)
        assert len({round(s, 3) for s in joint.tolist()}) > 10
        torch.testing.assert_close(
            data.clips(rows, seed=4, augment=config).joint, clips.joint, rtol=0, atol=0
        )
        assert not torch.equal(data.clips(rows, seed=5, augment=config).joint, clips.joint)
        assert torch.equal(data.clips(rows).joint, plain.joint)
    torch.testing.assert_close(*size["shared"], rtol=1e-3, atol=1e-3)
    assert (size["per-stream"][0] - size["per-stream"][1]).abs().max() > 0.1


def test_a_hidden_joint_takes_its_bones_with_it_and_nothing_else(ntu_store):
    streams = ("joint", "motion", "bone", "bone_motion")
    data = ResidentData(ntu_store, CPU, DataConfig(streams=streams))
    rows, parents = np.arange(20), KINECT25.parents
    config = AugmentConfig(hide=0.3, draws="shared")
    plain, hidden = data.clips(rows), data.clips(rows, seed=4, augment=config)
    drawn = Augmenter(config, KINECT25, "y", CPU).draw(20, generator(4)).hidden[plain.clip_index]
    assert drawn.any(dim=1).float().mean() > 0.9
    for person in range(plain.rows):
        for v in range(25):
            for name in streams:
                lost = drawn[person, v] or (name.startswith("bone") and drawn[person, parents[v]])
                found = hidden.streams[name][person, :, :, v]
                expected = plain.streams[name][person, :, :, v]
                assert torch.equal(found, torch.zeros_like(expected) if lost else expected)
