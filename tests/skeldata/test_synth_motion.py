"""The parametric human, the motion programmes and what a camera sees of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from skeldata.layouts import KINECT20, KINECT25
from skeldata.names import parse_ntu_name, parse_ucla_name
from skeldata.synth import TWO_PERSON_ACTIONS, choose_names, programme
from skeldata.synth.actions import GESTURES, Movement
from skeldata.synth.human import (
    HIP,
    LEFT_OF,
    PIVOTS,
    SHOULDER,
    WAIST,
    as_kinect20,
    body_bones,
    pose,
)
from skeldata.synth.perform import _gesture, perform
from skeldata.synth.seeds import generator

HEAD, SPINE_SHOULDER, LEFT_ANKLE, RIGHT_ANKLE = 3, 20, 14, 18


def ntu(action, *, subject=1, camera=2, replication=1, setup=1):
    text = f"S{setup:03d}C{camera:03d}P{subject:03d}R{replication:03d}A{action:03d}"
    return parse_ntu_name(text)


def bone_lengths(xyz):
    return np.stack([np.linalg.norm(xyz[:, c] - xyz[:, p], axis=-1) for c, p in KINECT25.bones], 1)


def turns_from(seed, frames=3):
    return np.random.default_rng(seed).normal(0, 1, (frames, PIVOTS, 3))


# ---- human ----------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_turning_joints_keeps_the_length_of_every_rigid_bone(subject, seed):
    bones = body_bones(generator(subject))
    xyz, turned = pose(bones, turns_from(seed))
    standing, _ = pose(bones, np.zeros((1, PIVOTS, 3)))
    # A hand tip hangs on the hand, not on the thumb as the layout's bones have it.
    rigid = [i for i, (child, _) in enumerate(KINECT25.bones) if child not in (21, 23)]
    np.testing.assert_allclose(
        bone_lengths(xyz)[:, rigid], bone_lengths(standing)[:, rigid].repeat(3, 0), atol=1e-12
    )
    for tip, hand in ((21, 7), (23, 11)):
        np.testing.assert_allclose(
            np.linalg.norm(xyz[:, tip] - xyz[:, hand], axis=-1), np.linalg.norm(bones[tip])
        )
    np.testing.assert_allclose(np.linalg.det(turned), 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_a_joint_is_turned_by_all_that_it_hangs_on(seed):
    bones = body_bones(generator("subject"))
    turns = turns_from(seed, frames=1)
    xyz, turned = pose(bones, turns)
    for chain in (
        (0, WAIST, 1, 20, 8, 9, 10, 11, 23),
        (0, 12, 13, 14, 15),
        (0, WAIST, 1, 20, 2, 3),
    ):
        # From the outermost bone inwards: turn what is there, then step back to the parent.
        point = np.zeros(3)
        for joint, parent in zip(chain[:0:-1], chain[-2::-1], strict=True):
            point = Rotation.from_rotvec(turns[0, parent]).apply(bones[joint] + point)
        np.testing.assert_allclose(xyz[0, chain[-1]], point, atol=1e-12)
        whole = Rotation.concatenate([Rotation.from_rotvec(turns[0, j]) for j in chain])
        expected = np.linalg.multi_dot(whole.as_matrix())
        np.testing.assert_allclose(turned[0, chain[-1]], expected, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_mirrored_turns_give_the_mirrored_pose(seed):
    bones = body_bones(generator("subject"))
    turns = turns_from(seed)
    flip = np.append(KINECT25.flip_index, PIVOTS - 1)
    mirrored = turns[:, flip] * (1, -1, -1)
    expected = pose(bones, turns)[0][:, KINECT25.flip_index] * (-1, 1, 1)
    np.testing.assert_allclose(pose(bones, mirrored)[0], expected, atol=1e-12)


def test_lifting_a_shoulder_forward_moves_that_arm_and_nothing_else():
    bones = body_bones(generator("subject"))
    turns = np.zeros((2, PIVOTS, 3))
    turns[1, SHOULDER, 0] = np.pi / 2
    xyz, _ = pose(bones, turns)
    moved = np.linalg.norm(xyz[1] - xyz[0], axis=-1) > 1e-9
    assert set(np.flatnonzero(moved)) == {9, 10, 11, 23, 24}
    assert xyz[1, 10, 2] < xyz[1, 8, 2] - 0.4  # towards -z, where the person looks
    assert abs(xyz[1, 10, 1] - xyz[1, 8, 1]) < 0.05


def test_a_resting_human_is_shaped_like_one():
    xyz = pose(body_bones(generator("subject")), np.zeros((1, PIVOTS, 3)))[0][0]
    up = xyz[:, 1]
    assert up[HEAD] > up[2] > up[20] > up[1] > up[0] > up[13] > up[14] > up[15]
    assert 1.3 < up[HEAD] - up[15] < 1.9
    for left, right in KINECT25.flip_pairs:
        assert xyz[left, 0] < 0 < xyz[right, 0]
    assert np.ptp(xyz[:, 0]) < 0.8 * np.ptp(up)


def test_people_differ_in_size_and_proportion():
    bones = np.array([body_bones(generator("person", i)) for i in range(200)])
    lengths = np.linalg.norm(bones, axis=-1)[:, 1:25]
    spread = lengths.std(0) / lengths.mean(0)
    assert np.all((spread > 0.04) & (spread < 0.12))
    arm_to_leg = lengths[:, 8] / lengths[:, 16]  # bone of joint 9 over bone of joint 17
    assert arm_to_leg.std() > 0.02


def test_kinect20_takes_the_same_limbs_and_v1s_spine():
    xyz = np.random.default_rng(0).normal(size=(4, 25, 3))
    joints = as_kinect20(xyz)
    assert joints.shape == (4, 20, 3)
    for index, name in enumerate(KINECT20.joints):
        if name in KINECT25.joints:
            np.testing.assert_array_equal(joints[:, index], xyz[:, KINECT25.joints.index(name)])
    np.testing.assert_array_equal(joints[:, 0], xyz[:, 0])
    np.testing.assert_array_equal(joints[:, 2], xyz[:, SPINE_SHOULDER])
    np.testing.assert_allclose(joints[:, 1], 0.75 * xyz[:, 0] + 0.25 * xyz[:, 1])


@pytest.mark.parametrize("sides", ["one", "both", "alternate"])
@pytest.mark.parametrize("gesture", GESTURES, ids=lambda gesture: gesture.name)
def test_the_left_handed_move_as_the_mirror_image_of_the_right_handed(gesture, sides):
    movement = Movement(gesture, sides, "repeat", 1.0, 1.0, 0.0)
    angle, course = np.linspace(0, 6, 7), np.linspace(0, 1, 7)
    right, left = np.zeros((2, 7, PIVOTS, 3))
    _gesture(right, movement, angle, course, left_handed=False)
    _gesture(left, movement, angle, course, left_handed=True)
    flip = np.append(KINECT25.flip_index, PIVOTS - 1)
    np.testing.assert_allclose(left, right[:, flip] * (1, -1, -1), atol=1e-12)
    # One side, both alike or half a swing apart, as the movement says.
    limbs = [pivot for pivot in gesture.hold | gesture.swing | gesture.swirl if pivot in LEFT_OF]
    others = [LEFT_OF[pivot] for pivot in limbs]
    if sides == "one":
        assert not right[:, others].any()
    if sides == "both":
        np.testing.assert_allclose(right[:, others], right[:, limbs] * (1, -1, -1))
    if sides == "alternate" and limbs:
        hold = np.array([gesture.hold.get(pivot, (0, 0, 0)) for pivot in limbs])
        sum_of_sides = right[:, limbs] + right[:, others] * (1, -1, -1)
        np.testing.assert_allclose(
            sum_of_sides, 2 * course[:, None, None] * hold, atol=1e-12
        )  # the swings cancel


# ---- programmes -----------------------------------------------------------------------------


def test_each_action_has_its_own_programme_of_two_limbs():
    programmes = [programme(action) for action in range(1, 121)]
    shown = {tuple((m.gesture.name, m.sides, m.course) for m in p) for p in programmes}
    assert len(shown) > 110  # the few equal ones differ in frequency and amplitude
    assert len({tuple((m.gesture.name, m.hertz) for m in p) for p in programmes}) == 120
    for main, second in programmes:
        assert main.gesture.limb != second.gesture.limb
        assert main.amplitude > second.amplitude
        for movement in (main, second):
            assert movement.sides in movement.gesture.sides
            assert movement.course in movement.gesture.courses
            assert 0.5 <= movement.hertz <= 2


def test_neighbouring_actions_differ_in_their_main_gesture():
    names = [programme(action)[0].gesture.name for action in range(1, 25)]
    assert len(set(names)) == 24


def test_two_person_actions_are_those_of_the_dataset():
    assert sorted(TWO_PERSON_ACTIONS) == [*range(50, 61), *range(106, 121)]
    assert programme(55, 0) != programme(55, 1)


# ---- performances ---------------------------------------------------------------------------


@pytest.mark.parametrize("action", [1, 8, 16, 55, 110])
def test_actors_stand_upright_in_front_of_the_camera(action):
    actors = perform(ntu(action), 0, 60, 30.0)
    assert len(actors) == (2 if action in TWO_PERSON_ACTIONS else 1)
    for actor in actors:
        assert actor.xyz.shape == (60, 25, 3)
        assert actor.turned.shape == (60, 25, 3, 3)
        assert np.all((actor.xyz[..., 2] > 1) & (actor.xyz[..., 2] < 5))
        assert np.all(np.abs(actor.xyz[..., :2]) < 2)
        first = actor.xyz[0]
        assert first[HEAD, 1] > first[0, 1] > max(first[LEFT_ANKLE, 1], first[RIGHT_ANKLE, 1])


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 120), st.integers(0, 99), st.integers(1, 3), st.integers(1, 30))
def test_any_clip_is_finite_and_moves_smoothly(action, seed, camera, frames):
    for actor in perform(ntu(action, camera=camera), seed, frames, 30.0):
        assert np.isfinite(actor.xyz).all()
        # No joint outruns 12 m/s, a hard throw, plus the sensor's noise.
        steps = np.linalg.norm(np.diff(actor.xyz, axis=0), axis=-1)
        assert (steps < 12 / 30 + 0.03).all()


def facing(xyz):
    """Where a body looks in the ground plane, from its shoulders: (2,) unit vector."""
    right = (xyz[:, 8] - xyz[:, 4]).mean(0)
    look = np.array([right[2], -right[0]])  # right x up
    return look / np.linalg.norm(look)


@pytest.mark.parametrize("action", [50, 53, 57, 60, 112])
def test_two_persons_face_each_other(action):
    first, second = perform(ntu(action), 3, 80, 30.0)
    between = (second.xyz[:, 0] - first.xyz[:, 0]).mean(0)[[0, 2]]
    assert 0.6 < np.linalg.norm(between) < 1.6
    between /= np.linalg.norm(between)
    assert facing(first.xyz) @ between > 0.8
    assert facing(second.xyz) @ -between > 0.8


def test_nwucla_clips_have_one_person_whatever_the_id():
    assert len(perform(parse_ucla_name("a12_s01_e00_v01"), 0, 10, 12.0)) == 1


def test_cameras_see_one_performance_from_different_sides():
    views = [perform(ntu(1, camera=c), 0, 80, 30.0)[0].xyz for c in (1, 2, 3)]
    for a, b in pairwise(views):
        # Distances between joints do not depend on the view, only on the sensor's noise.
        distance = [np.linalg.norm(x[:, :, None] - x[:, None], axis=-1) for x in (a, b)]
        assert 0.001 < np.abs(distance[0] - distance[1]).mean() < 0.02
        turn = np.degrees(np.arccos(facing(a) @ facing(b)))
        assert 30 < turn < 105


def test_every_recording_has_noise_of_its_own():
    # Second differences of the hips are nearly all noise: the hips themselves move slowly.
    recordings = [ntu(10), ntu(10, subject=2), ntu(10, camera=3), ntu(10, replication=2)]
    jitter = [np.diff(perform(r, 0, 90, 30.0)[0].xyz[:, 0], 2, axis=0).ravel() for r in recordings]
    correlation = np.corrcoef(jitter)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 0.4


def test_a_replication_turns_to_another_camera():
    first, second = (perform(ntu(1, replication=r), 0, 80, 30.0)[0].xyz for r in (1, 2))
    assert np.degrees(np.arccos(facing(first) @ facing(second))) > 60


def test_a_subject_keeps_his_bones_and_another_has_others():
    def bones(**key):
        return np.median(
            bone_lengths(perform(ntu(key.pop("action"), **key), 0, 60, 30.0)[0].xyz), 0
        )

    same = np.abs(bones(action=3, subject=7) - bones(action=20, subject=7, camera=3, setup=2))
    other = np.abs(bones(action=3, subject=7) - bones(action=3, subject=8))
    assert same.max() < 0.02
    assert other.max() > 0.03


def test_planted_feet_do_not_slide_and_walkers_advance():
    sitting = next(a for a in range(1, 50) if programme(a)[0].gesture.name == "sit")
    walking = next(a for a in range(1, 50) if programme(a)[0].gesture.name == "walk")
    sit = perform(ntu(sitting), 0, 90, 30.0)[0].xyz
    walk = perform(ntu(walking), 0, 90, 30.0)[0].xyz
    ankles = sit[:, [LEFT_ANKLE, RIGHT_ANKLE]].mean(1)
    assert np.ptp(ankles, axis=0).max() < 0.2
    assert np.ptp(sit[:, 0, 1]) > 0.25  # the hips go down to the seat
    assert np.linalg.norm((walk[-5:, 0] - walk[:5, 0]).mean(0)) > 0.4


def test_left_handed_subjects_lead_with_the_left():
    kick = next(a for a in range(1, 50) if programme(a)[0].gesture.name == "side kick")
    leads = []
    for subject in range(1, 61):
        xyz = perform(ntu(kick, subject=subject), 0, 90, 30.0)[0].xyz
        spread = [(xyz[:, j] - xyz[:, h]).std(0).sum() for j, h in ((LEFT_OF[18], 12), (18, HIP))]
        leads.append(spread[1] > spread[0])
    assert 0.75 < np.mean(leads) < 1


# ---- learnable ------------------------------------------------------------------------------


def features(xyz):
    """Where each joint is and how it moves about the hips, turned by no camera."""
    x = xyz - xyz[:, :1]
    x = x / np.linalg.norm(x[0, SPINE_SHOULDER])
    flat = np.sqrt(x[..., 0].var(0) + x[..., 2].var(0))
    height = x[..., 1]
    crossings = (np.diff(np.sign(height - height.mean(0)), axis=0) != 0).mean(0)
    speed = np.linalg.norm(np.diff(x, axis=0), axis=-1).mean(0)
    return np.concatenate([flat, height.std(0), height.mean(0), crossings, speed])


def test_actions_are_learned_from_other_subjects():
    from skeldata.datasets import get_dataset

    dataset = get_dataset("ntu60")
    names = [dataset.require_name(n) for n in choose_names(dataset, 160, range(1, 11))]
    data = np.array([features(perform(name, 0, 80, 30.0)[0].xyz) for name in names])
    labels = np.array([name.action for name in names])
    train = np.array([dataset.protocol("xsub").is_train(name) for name in names])
    data = (data - data[train].mean(0)) / (data[train].std(0) + 1e-9)
    centres = np.array([data[train & (labels == a)].mean(0) for a in range(1, 11)])
    distance = np.linalg.norm(data[~train, None] - centres, axis=-1)
    accuracy = (distance.argmin(1) + 1 == labels[~train]).mean()
    assert accuracy > 0.7  # chance is 0.1
