"""The selector ``tracks`` against the published preparation, restated."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skeldata import ParseError, RawBody, RawSequence, get_dataset, load_recipe
from skeldata.clean.clip import prepare_tracks
from skeldata.clean.tracks import motion, noisy_frames, select_by_tracks
from support import ctrgcn_oracle as oracle

RECIPE = load_recipe("ctrgcn")
RULE = RECIPE.selector
NTU = get_dataset("ntu60")


def body(body_id, frames, *, motion=0.05, noisy=(), seed=None):
    """A standing body that shakes; ``noisy`` counts its frames in which it is stretched flat."""
    rng = np.random.default_rng(body_id if seed is None else seed)
    rest = rng.uniform((0, 0, 2), (0.4, 1.8, 3), size=(25, 3))
    rest[:2] = (0, 0, 2), (0.4, 1.8, 3)
    xyz = rest + rng.normal(scale=motion, size=(len(frames), 25, 3))
    xyz[list(noisy), :, 0] *= 9
    return RawBody(body_id, np.array(frames, dtype=np.int64), xyz.astype(np.float32))


def sequence(*bodies):
    bodies = sorted(bodies, key=lambda body: body.frame_index[0])
    return RawSequence(max(int(b.frame_index[-1]) for b in bodies) + 3, tuple(bodies))


def flat(tracks, persons=2):
    """(L, persons * V * 3) float32, as published."""
    joints = np.zeros((tracks.xyz.shape[1], persons, *tracks.xyz.shape[2:]), dtype=np.float32)
    joints[:, : len(tracks.xyz)] = tracks.xyz.swapaxes(0, 1)
    return joints.reshape(len(joints), -1)


def assert_published(clip):
    """Our arrays are theirs to the last bit; returns our tracks and their order of bodies."""
    tracks = prepare_tracks(clip, RECIPE, NTU)
    frames = oracle.frames_of(clip)
    np.testing.assert_array_equal(flat(tracks), oracle.published(frames))
    joints, order = oracle.denoised(frames)
    there = joints.reshape(len(joints), 2, -1).any(axis=2).T
    np.testing.assert_array_equal(tracks.present, there[: len(tracks.present)])
    assert not there[len(tracks.present) :].any()
    closed = oracle.published(frames, closing_gaps=True)
    if not tracks.gaps:
        np.testing.assert_array_equal(flat(tracks), closed)
    return tracks, order


@st.composite
def clips(draw):
    bodies = []
    for body_id in range(1, draw(st.integers(1, 5)) + 1):
        start = draw(st.integers(0, 40))
        length = draw(st.one_of(st.integers(1, 45), st.sampled_from([11, 12, 13])))
        gap = draw(st.one_of(st.just(()), st.sets(st.integers(1, max(1, length - 2)), max_size=6)))
        frames = [start + k for k in range(length) if k not in gap or k in (0, length - 1)]
        noisy = draw(st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.6, 0.69, 0.71, 1.0]))
        bodies.append(
            body(
                body_id,
                frames,
                motion=draw(st.sampled_from([0.0, 0.05, 0.06])),
                noisy=range(round(noisy * len(frames))),
                seed=draw(st.integers(0, 2)),  # few, so that equal bodies and equal motions occur
            )
        )
    if len(bodies) > 1 and all(len(b.frame_index) <= oracle.SHORT for b in bodies):
        bodies[0] = body(1, range(20))
    return sequence(*bodies)


@settings(deadline=None, max_examples=300)
@given(clips())
@example(sequence(body(1, range(30)), body(2, [*range(5, 20), *range(25, 40)])))
def test_any_clip_equals_the_published_arrays(clip):
    assert_published(clip)


def test_a_lonely_id_is_kept_whatever_its_length_and_shape():
    tracks, _ = assert_published(sequence(body(7, [2, 3, 4], noisy=range(3))))
    assert tracks.present.tolist() == [[True] * 3]


@pytest.mark.parametrize(("length", "actors"), [(11, 1), (12, 2)])
def test_eleven_frames_are_noise_and_twelve_are_not(length, actors):
    tracks, _ = assert_published(
        sequence(body(1, range(40)), body(2, range(10, 10 + length), motion=0.5))
    )
    assert len(tracks.xyz) == actors


@pytest.mark.parametrize(("noisy", "actors"), [(69, 2), (70, 1)])
def test_the_share_of_noisy_frames_decides(noisy, actors):
    tracks, _ = assert_published(
        sequence(body(1, range(100)), body(2, range(100), noisy=range(noisy)))
    )
    assert len(tracks.xyz) == actors


def test_a_share_of_exactly_the_bound_is_noise():
    half = RULE.model_copy(update={"noisy_share": 0.5})
    clip = sequence(body(1, range(20), noisy=range(10)), body(2, range(20), noisy=range(9)))
    assert len(select_by_tracks(clip, half, 2).xyz) == 1


def test_the_last_body_is_never_dropped():
    furniture = [body(k, range(k, k + 20), noisy=range(20)) for k in range(3)]
    tracks, order = assert_published(sequence(*furniture))
    assert order == [2]
    np.testing.assert_array_equal(tracks.present, np.ones((1, 20)))


def test_the_order_of_actors_flips_in_the_spread_step():
    still = body(1, range(40), motion=0.05, seed=1)
    jumpy = body(2, range(40), motion=0.02, noisy=range(4), seed=1)
    assert motion(jumpy.xyz) > motion(still.xyz) > motion(jumpy.xyz[4:])
    tracks, order = assert_published(sequence(jumpy, still))
    assert order == [1, 2]
    assert tracks.present.all()


def test_noisy_frames_never_raise_a_motion():
    # Clean frames alone would move more than all frames do: the smaller figure counts.
    lively = body(1, range(40), motion=0.05, seed=3)
    lively.xyz[::2] = lively.xyz[::2].mean(axis=(0, 1))  # one point: extents of 0, which is clean
    lively.xyz[::2, :2, 0] += (0, 1e-3)  # a millimetre wide and flat: noisy
    middle = body(2, range(40), motion=0.0, seed=3)
    assert motion(lively.xyz) < motion(middle.xyz) < motion(lively.xyz[1::2])
    assert assert_published(sequence(lively, middle))[1] == [2, 1]


@pytest.mark.parametrize("first", [1, 2])
def test_equal_motions_keep_the_order_of_appearance(first):
    a, b = body(first, range(20), seed=5), body(3 - first, range(5, 25), seed=5)
    tracks, order = assert_published(sequence(a, b))
    assert order == [first, 3 - first]
    assert tracks.present[0].tolist() == [True] * 20 + [False] * 5


def test_an_id_change_makes_one_actor():
    tracks, _ = assert_published(sequence(body(1, range(20)), body(2, range(20, 50))))
    np.testing.assert_array_equal(tracks.present, np.ones((1, 50)))


def test_one_common_frame_is_no_overlap_and_the_later_joined_stands():
    calm, lively = body(1, range(21)), body(2, range(20, 50), motion=0.2)
    tracks, order = assert_published(sequence(calm, lively))
    assert order == [2, 1]
    assert len(tracks.xyz) == 1
    # Actor 1 begins with the calm body: frame 20 is the calm one's, though the lively came first.
    np.testing.assert_array_equal(
        tracks.xyz[0, 20], calm.xyz[20].astype(float) - calm.xyz[0, 1].astype(float)
    )
    two = sequence(body(1, range(22)), body(2, range(20, 50), motion=0.2))
    assert len(assert_published(two)[0].xyz) == 2


def test_the_second_actor_reaches_back_to_the_first_frame():
    # The third body is free beside the second one, but not beside frames 0 to 59.
    first, second = body(1, range(60), motion=0.3), body(2, range(40, 60), motion=0.2)
    third = body(3, range(5, 25), motion=0.1)
    tracks, order = assert_published(sequence(first, second, third))
    assert order == [1, 2, 3]
    assert tracks.present[1].tolist() == [False] * 40 + [True] * 20


def test_a_joined_interval_covers_what_lies_between():
    first, second = body(1, range(40, 60), motion=0.3), body(2, range(15), motion=0.2)
    third = body(3, range(20, 35), motion=0.1)
    tracks, _ = assert_published(sequence(first, second, third))
    assert tracks.present.sum(axis=1).tolist() == [35, 15]


def test_returning_bodies_stay_where_they_were_and_are_counted():
    steady, returning = body(1, range(40)), body(2, [*range(5, 20), *range(25, 40)])
    tracks, _ = assert_published(sequence(steady, returning))
    assert tracks.gaps == 1
    there = [t in returning.frame_index for t in range(40)]
    assert sorted(tracks.present.tolist()) == sorted([[True] * 40, there])
    closed = oracle.published(oracle.frames_of(sequence(steady, returning)), closing_gaps=True)
    assert (flat(tracks) != closed).any()


def test_a_hole_that_everybody_shares_is_no_gap():
    frames = [*range(15), *range(20, 40)]
    clip = sequence(body(1, frames), body(2, frames))
    assert assert_published(clip)[0].gaps == 0
    assert assert_published(sequence(body(1, frames)))[0].gaps == 0


def test_a_gap_does_not_matter_once_the_others_are_dropped():
    returning = body(2, [*range(5, 20), *range(25, 40)])
    clip = sequence(body(1, range(40), noisy=range(40)), returning)
    tracks, order = assert_published(clip)
    assert order == [2]
    assert tracks.gaps == 0
    assert tracks.present.shape == (1, 30)


def test_frames_of_dropped_bodies_are_cut():
    tracks, _ = assert_published(sequence(body(1, range(30)), body(2, range(25, 35))))
    assert tracks.present.shape == (1, 30)


def test_the_origin_is_the_spine_middle_of_the_first_actors_first_frame():
    lively, early = body(1, range(30, 60), motion=0.3), body(2, range(50))
    tracks, order = assert_published(sequence(lively, early))
    assert order == [1, 2]
    np.testing.assert_array_equal(tracks.xyz[0, 30, 1], [0, 0, 0])
    assert not tracks.xyz[0, :30].any()
    assert tracks.xyz[1, :30].any(axis=(1, 2)).all()


def test_bodies_that_are_all_short_are_all_kept():
    # The published preparation has no answer here; losing the recording would be the worse one.
    clip = sequence(body(1, range(8)), body(2, range(8, 16)))
    np.testing.assert_array_equal(select_by_tracks(clip, RULE, 2).present, np.ones((1, 16)))


def test_datasets_of_one_person_keep_the_first_actor():
    clip = sequence(body(1, range(40), motion=0.3), body(2, range(40)), body(3, range(40, 60)))
    tracks = select_by_tracks(clip, RULE, 1)
    np.testing.assert_array_equal(tracks.present, np.ones((1, 60)))
    joints, _ = oracle.denoised(oracle.frames_of(clip), persons=1)
    np.testing.assert_array_equal(tracks.xyz[0].reshape(60, -1), joints)


def test_frames_of_zeros_count_as_absent():
    seen = body(1, range(4))
    seen.xyz[1] = 0
    assert select_by_tracks(sequence(seen), RULE, 1).present.shape == (1, 3)
    seen.xyz[:] = 0
    with pytest.raises(ParseError, match="no body in any of 6 frames"):
        select_by_tracks(sequence(seen), RULE, 1)


def test_extents_are_compared_in_float64():
    # 0.8 as float32 lies above 0.8: in float32 arithmetic the two would be equal.
    frame = np.zeros((1, 2, 3), dtype=np.float32)
    frame[0, 1, :2] = 0.8, 1
    assert noisy_frames(frame, 0.8).tolist() == [True]
    frame[0, 1, 0] = np.nextafter(np.float32(0.8), np.float32(0))
    assert noisy_frames(frame, 0.8).tolist() == [False]


def test_motion_is_a_float32_sum_in_one_order_whatever_the_memory_order():
    xyz = body(4, range(300), motion=0.3).xyz + np.float32(50)
    assert motion(xyz) == float(oracle.variance(xyz))
    axis_by_axis = np.moveaxis(np.ascontiguousarray(np.moveaxis(xyz, 2, 0)), 0, 2)
    assert motion(axis_by_axis) == motion(xyz)
    assert motion(xyz) != xyz.astype(np.float64).reshape(-1, 3).var(axis=0).sum()
