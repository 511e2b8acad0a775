"""Where two preparations of one clip part, and the similarity between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from skeldata.clean.bodies import Tracks
from skeldata.clean.resample import resample
from skeldata.store.compare_clips import StoredClip, compare_clips, shared_frames
from skeldata.store.similarity import fit_similarity

SEEDS = st.integers(0, 10_000)


def walk(generator, frames, bodies=2):
    """(bodies, frames, 20, 3) joints of bodies that drift, all present."""
    pose = generator.normal(size=(bodies, 1, 20, 3))
    return pose + np.cumsum(generator.normal(scale=0.1, size=(bodies, frames, 20, 3)), axis=1)


def clip(xyz, present=None, length=30):
    present = np.ones(xyz.shape[:2], dtype=bool) if present is None else present
    joint = np.where(present[..., None, None], xyz, 0).astype(np.float32)
    return StoredClip(joint, present, length)


def similar(generator, xyz):
    scale, shift = generator.uniform(0.3, 3), generator.normal(size=3)
    turn = Rotation.random(random_state=generator.integers(1 << 30))
    return scale * xyz @ turn.as_matrix().T + shift, scale, turn, shift


@given(SEEDS)
def test_a_similarity_is_found_again(seed):
    generator = np.random.default_rng(seed)
    a = generator.normal(size=(12, 3))
    b, scale, turn, shift = similar(generator, a)
    fit = fit_similarity(a, b)
    np.testing.assert_allclose(
        [fit.scale, fit.shift, fit.residual], [scale, np.linalg.norm(shift), 0], atol=1e-9
    )
    np.testing.assert_allclose(fit.degrees, np.degrees(turn.magnitude()), atol=1e-4)


@given(SEEDS)
def test_a_mirror_image_is_no_similarity(seed):
    a = np.random.default_rng(seed).normal(size=(12, 3))
    fit = fit_similarity(a, a * (-1, 1, 1))
    assert fit is None or fit.residual > 0.01


def test_points_in_one_place_have_no_similarity():
    points = np.ones((5, 3))
    assert fit_similarity(points, np.arange(15.0).reshape(5, 3)) is None
    assert fit_similarity(np.arange(15.0).reshape(5, 3), points) is None


def test_equal_clips_do_not_part():
    xyz = walk(np.random.default_rng(0), 8)
    assert compare_clips(clip(xyz), clip(xyz)) is None


@given(SEEDS)
def test_another_normalisation_is_told_from_another_selection(seed):
    generator = np.random.default_rng(seed)
    xyz = walk(generator, 8)
    present = generator.random((2, 8)) < 0.8
    present[0] = True
    moved, scale, *_ = similar(generator, xyz)
    parting = compare_clips(clip(xyz, present), clip(moved, present))
    assert parting.step == "normalisation"
    stated = float(parting.detail.removeprefix("scaled by ").partition(",")[0])
    assert stated == pytest.approx(scale, rel=1e-3)
    there = present[..., None, None] & np.ones_like(xyz, bool)
    np.testing.assert_allclose(parting.largest, np.abs(moved - xyz)[there].max(), rtol=1e-4)
    other = compare_clips(clip(xyz, present), clip(walk(generator, 8), present))
    assert (other.step, other.detail) == ("selection", "other bodies, or another recording")


@given(SEEDS)
def test_bodies_in_another_order_are_told(seed):
    generator = np.random.default_rng(seed)
    xyz = walk(generator, 6)
    present = np.ones((2, 6), dtype=bool)
    present[0, : seed % 3] = False  # sometimes presence shows it, sometimes only the joints do
    moved = similar(generator, xyz)[0]
    parting = compare_clips(clip(xyz, present), clip(moved[::-1], present[::-1]))
    assert (parting.step, parting.detail) == ("selection", "the bodies in another order")


def test_the_last_digits_are_rounding():
    joint = clip(walk(np.random.default_rng(1), 5)).joint
    nudged = np.nextafter(joint, np.float32(np.inf))
    present = np.ones((2, 5), dtype=bool)
    parting = compare_clips(StoredClip(joint, present, 9), StoredClip(nudged, present, 9))
    assert parting.step == "rounding"
    assert 0 < parting.largest < 1e-6
    moved = joint + np.float32(1e-4)
    assert (
        compare_clips(StoredClip(joint, present, 9), StoredClip(moved, present, 9)).step
        == "normalisation"
    )


@pytest.mark.parametrize(
    ("present", "length", "detail"),
    [
        ([[1, 1, 1], [0, 0, 0]], 30, "2 and 1 bodies"),
        ([[1, 1, 1], [0, 1, 0]], 30, "bodies present at other times in 2 of 3 frames"),
        ([[1, 1, 1], [1, 1, 1]], 29, "30 and 29 source frames"),
        ([[1, 1, 1], [0, 0, 0]], 29, "30 and 29 source frames, 2 and 1 bodies"),
    ],
)
def test_presence_and_source_frames_are_of_the_selection(present, length, detail):
    xyz = walk(np.random.default_rng(2), 3)
    parting = compare_clips(clip(xyz), clip(xyz, np.array(present, dtype=bool), length))
    assert (parting.step, parting.detail) == ("selection", detail)


@given(SEEDS, st.integers(2, 40), st.integers(2, 30), st.integers(2, 30))
def test_other_frames_alone_are_resampling_and_hide_nothing_else(seed, source, frames_a, frames_b):
    generator = np.random.default_rng(seed)
    present = generator.random((2, source)) < 0.8
    present[0] |= ~present[1]
    xyz = np.where(present[..., None, None], walk(generator, source), 0)
    moved = np.where(present[..., None, None], similar(generator, xyz)[0], 0)
    plain, turned = (
        {t: resample(Tracks(points, present), t) for t in (frames_a, frames_b)}
        for points in (xyz, moved)
    )

    def stored(tracks):
        return StoredClip(tracks.xyz.astype(np.float32), tracks.present, source)

    resampled = compare_clips(stored(plain[frames_a]), stored(plain[frames_b]))
    if frames_a == frames_b:
        assert resampled is None
    else:
        assert (resampled.step, resampled.detail) == (
            "resampling",
            f"{frames_a} and {frames_b} frames",
        )
    both = compare_clips(stored(plain[frames_a]), stored(turned[frames_b]))
    assert both.step == "normalisation"


@given(st.integers(2, 200), st.integers(2, 200))
def test_shared_frames_are_all_equal_positions(a, b):
    at_a, at_b = shared_frames(a, b)
    by_hand = [(i, j) for i in range(a) for j in range(b) if i * (b - 1) == j * (a - 1)]
    assert list(zip(at_a.tolist(), at_b.tolist(), strict=True)) == by_hand
