"""Synthetic ``.skeleton`` files: the format to the letter, and every quirk."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeldata.datasets import get_dataset
from skeldata.errors import UsageError
from skeldata.synth import QUIRKS, ntu_bytes
from skeldata.synth.quirks import draw_quirks
from skeldata.synth.seeds import generator
from support.naive_raw import read_naive_ntu

NAME = "S001C002P001R001A001"
PAIR = "S001C002P001R001A050"
SINGLE = sorted(set(QUIRKS) - {"no_bodies"})
TOGETHER = frozenset(SINGLE) - {"id_change"}


def counts(file):
    return [len(frame) for frame in file.frames]


def present(file, body_id):
    return [any(body.id == body_id for body in frame) for frame in file.frames]


def actor_id(file):
    """The body seen in most frames."""
    return max(file.ids(), key=lambda i: sum(present(file, i)))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 120),
    st.integers(0, 1000),
    st.integers(1, 40),
    st.one_of(st.booleans(), st.sets(st.sampled_from(["crlf", "capital_e", "hand_states"]))),
)
def test_every_file_is_valid(action, seed, frames, quirks):
    name = f"S001C002P001R001A{action:03d}"
    file = read_naive_ntu(ntu_bytes(name, seed, frames, quirks))
    assert len(file.frames) == frames


@pytest.mark.parametrize("quirk", SINGLE)
def test_each_quirk_alone_is_valid(quirk):
    for seed in range(5):
        read_naive_ntu(ntu_bytes(NAME, seed, 12, {quirk}))
        read_naive_ntu(ntu_bytes(NAME, seed, 40, {quirk}))


def test_equal_arguments_give_equal_bytes_and_others_do_not():
    reference = ntu_bytes(NAME, 0)
    assert ntu_bytes(NAME, 0) == reference
    assert ntu_bytes(NAME, 1) != reference
    assert ntu_bytes("S001C002P001R002A001", 0) != reference
    for other in ("S001C001P001R001A001", "S001C002P002R001A001"):
        ntu_bytes(other, 0)
    assert ntu_bytes(NAME, 0) == reference


def test_another_process_writes_the_same_bytes():
    code = (
        "import hashlib; from skeldata.synth import ntu_bytes;"
        f"print(hashlib.sha256(ntu_bytes({PAIR!r}, 3)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {hashlib.sha256(ntu_bytes(PAIR, 3)).hexdigest() + "\n"}


def test_a_clean_file_has_one_body_in_every_frame_and_no_oddity():
    data = ntu_bytes(NAME, quirks=False)
    file = read_naive_ntu(data)
    assert file.newline == "\n"
    assert b"E" not in data
    assert set(counts(file)) == {1}
    assert len(file.ids()) == 1
    bodies = [frame[0] for frame in file.frames]
    assert len({tuple(body.header[1:7]) for body in bodies}) == 1
    assert all(set(joint[7:11]) != {"0"} for body in bodies for joint in body.joints)
    assert 60 <= len(file.frames) <= 120


def test_a_pair_has_two_bodies():
    file = read_naive_ntu(ntu_bytes(PAIR, quirks=False))
    assert set(counts(file)) == {2}
    assert len(file.ids()) == 2


def test_files_are_as_large_as_the_contract_assumes():
    quirks = {"capital_e", "hand_states", "zero_orientation"}
    shortest, longest = (len(ntu_bytes(NAME, frames=n, quirks=quirks)) for n in (60, 120))
    assert shortest < 268_000 < longest  # what its benchmarks count with


def test_numbers_have_the_digits_of_a_csharp_float():
    text = ntu_bytes(NAME, quirks=True).decode("ascii")
    numbers = [token for line in text.splitlines() for token in line.split() if "." in token]
    assert len(numbers) > 10_000
    for token in numbers:
        mantissa = token.lstrip("-").partition("E")[0]
        assert len(mantissa.replace(".", "").lstrip("0")) <= 7
        assert not mantissa.endswith(("0", "."))


def test_image_positions_are_projections_of_the_joint():
    for joint in read_naive_ntu(ntu_bytes(NAME, frames=2, quirks=False)).frames[0][0].joints:
        x, y, z, depth_x, depth_y, colour_x, colour_y = map(float, joint[:7])
        assert (depth_x - 256.4) / (x / z) == pytest.approx(365.5, rel=1e-3)
        assert (depth_y - 208.5) / (-y / z) == pytest.approx(365.5, rel=1e-3)
        assert 0 < colour_x < 1920
        assert 0 < colour_y < 1080


def test_orientations_are_unit_quaternions_where_given():
    body = read_naive_ntu(ntu_bytes(NAME, frames=1, quirks=False)).frames[0][0]
    norms = [np.linalg.norm([float(t) for t in joint[7:11]]) for joint in body.joints]
    np.testing.assert_allclose(norms, 1, atol=1e-6)


# ---- quirks ---------------------------------------------------------------------------------


def test_crlf_ends_every_line():
    data = ntu_bytes(NAME, frames=3, quirks={"crlf"})
    assert data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
    assert data.endswith(b"\r\n")
    assert data.replace(b"\r\n", b"\n") == ntu_bytes(NAME, frames=3, quirks=())


@pytest.mark.parametrize("seed", range(8))
def test_capital_e_writes_small_coordinates_with_an_exponent(seed):
    file = read_naive_ntu(ntu_bytes(NAME, seed, 30, {"capital_e"}))
    tokens = [t for frame in file.frames for joint in frame[0].joints for t in joint[:3]]
    small = [t for t in tokens if "E" in t]
    assert small
    for token in small:
        assert re.fullmatch(r"-?[0-9](\.[0-9]+)?E-[0-9]{2}", token)
        assert 0 < abs(float(token)) < 1e-4


def test_hand_states_and_edges_vary():
    file = read_naive_ntu(ntu_bytes(NAME, frames=100, quirks={"hand_states"}))
    headers = np.array([frame[0].header for frame in file.frames])
    for column in (1, 2, 3, 4, 5):
        assert len(set(headers[:, column])) > 1
    assert set(headers[:, 2]) | set(headers[:, 4]) <= {"0", "1"}
    assert set(headers[:, 3]) | set(headers[:, 5]) <= set("01234")


def test_zero_orientation_is_on_28_percent_of_good_joints():
    file = read_naive_ntu(ntu_bytes(NAME, frames=20, quirks={"zero_orientation"}))
    joints = [joint for frame in file.frames for joint in frame[0].joints]
    zero = [joint for joint in joints if joint[7:11] == ["0"] * 4]
    assert len(zero) / len(joints) == 0.28
    assert all(float(joint[2]) > 1 for joint in zero)


@pytest.mark.parametrize("seed", range(8))
def test_a_spurious_body_is_wide_quiet_and_secondary(seed):
    file = read_naive_ntu(ntu_bytes(NAME, seed, 80, {"spurious_body"}))
    assert set(counts(file)) <= {1, 2}
    actor = actor_id(file)
    assert len(file.ids()) == 2
    if 1 in counts(file):
        (furniture,) = file.ids() - {actor}
    else:  # tracked throughout: the wide one
        heights = {b.id: np.ptp(b.xyz[:, 1]) for b in file.frames[0]}
        furniture = min(heights, key=heights.get)
        actor = max(heights, key=heights.get)
    seen = np.array([b.xyz for frame in file.frames for b in frame if b.id == furniture])
    performer = np.array([b.xyz for frame in file.frames for b in frame if b.id == actor])
    assert len(performer) == 80
    extent = np.ptp(seen, axis=1)
    assert np.all(extent[:, 0] > extent[:, 1])  # wider than tall in every frame
    spread = [(x - x[:, :1]).std((0, 1)).sum() for x in (seen, performer)]
    assert spread[0] < 0.85 * spread[1]


def test_a_spurious_body_is_listed_first_in_some_files_and_last_in_others():
    firsts = set()
    for seed in range(20):
        file = read_naive_ntu(ntu_bytes(NAME, seed, 30, {"spurious_body"}))
        frame = next(frame for frame in file.frames if len(frame) == 2)
        firsts.add(np.ptp(frame[0].xyz[:, 1]) < np.ptp(frame[1].xyz[:, 1]))
    assert firsts == {True, False}


@pytest.mark.parametrize("name", [NAME, PAIR])
@pytest.mark.parametrize("seed", range(5))
def test_a_body_vanishes_and_comes_back_with_its_id(name, seed):
    file = read_naive_ntu(ntu_bytes(name, seed, 60, {"returning_body"}))
    gaps = 0
    for body_id in file.ids():
        there = present(file, body_id)
        assert there[0]
        assert there[-1]
        gaps += sum(before and not after for before, after in pairwise(there))
    assert gaps == 1
    assert min(counts(file)) == len(file.ids()) - 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_empty_frames_lie_where_the_quirk_says(where, seed):
    counted = counts(read_naive_ntu(ntu_bytes(PAIR, seed, 60, {f"empty_{where}"})))
    empty = [frame for frame, count in enumerate(counted) if count == 0]
    assert empty == list(range(empty[0], empty[-1] + 1))
    assert (empty[0] == 0) == (where == "start")
    assert (empty[-1] == 59) == (where == "end")
    assert set(counted) == {0, 2}


@pytest.mark.parametrize("seed", range(5))
def test_an_id_changes_in_mid_clip_with_one_body_a_frame(seed):
    file = read_naive_ntu(ntu_bytes(NAME, seed, 60, {"id_change"}))
    assert counts(file) == [1] * 60
    ids = [frame[0].id for frame in file.frames]
    assert sum(a != b for a, b in pairwise(ids)) == 1
    hips = np.array([frame[0].xyz[0] for frame in file.frames])
    assert np.abs(np.diff(hips, axis=0)).max() < 0.1  # one person goes on moving


def test_where_a_quirk_strikes_differs_from_sample_to_sample():
    def change(name, seed):
        ids = [
            frame[0].id
            for frame in read_naive_ntu(ntu_bytes(name, seed, 120, {"id_change"})).frames
        ]
        return ids.index(ids[-1])

    names = [f"S001C002P00{subject}R001A001" for subject in range(1, 7)]
    assert len({change(name, 0) for name in names}) > 2
    assert len({change(NAME, seed) for seed in range(6)}) > 2


def test_ids_have_17_digits_that_float64_cannot_hold():
    for name in (PAIR, "S003C001P002R002A051"):
        file = read_naive_ntu(ntu_bytes(name, frames=12, quirks={"spurious_body"}))
        ids = sorted(file.ids())
        assert len(ids) == 3
        assert all(len(str(i)) == 17 and str(i).startswith("720575940379") for i in ids)
        assert len({float(i) for i in ids}) == 1


def test_no_bodies_empties_every_frame():
    assert ntu_bytes(NAME, frames=4, quirks={"no_bodies"}) == b"4\n0\n0\n0\n0\n"


def test_names_on_the_missing_list_have_no_bodies():
    name = min(get_dataset("ntu60").missing_names())
    assert not any(counts(read_naive_ntu(ntu_bytes(name))))
    assert any(counts(read_naive_ntu(ntu_bytes(name, frames=3, quirks=False))))


def test_all_quirks_together_leave_a_valid_file_that_shows_each():
    for seed in range(5):
        data = ntu_bytes(NAME, seed, 60, TOGETHER)
        file = read_naive_ntu(data)
        counted = counts(file)
        assert counted[0] == counted[-1] == 0
        assert file.newline == "\r\n"
        assert len(file.ids()) == 2
        assert max(counted) == 2
        assert 0 in counted[20:31]  # empty_middle


def test_quirks_leave_the_movement_alone():
    plain = read_naive_ntu(ntu_bytes(NAME, frames=40, quirks=()))
    changed = read_naive_ntu(ntu_bytes(NAME, frames=40, quirks={"crlf", "id_change", "empty_end"}))
    for before, after in zip(plain.frames, changed.frames, strict=True):
        if after:
            np.testing.assert_array_equal(before[0].xyz, after[0].xyz)


def test_drawn_quirks_come_at_their_rates():
    draws = [
        draw_quirks(generator("rates", i), persons=1, frames=90, missing=False) for i in range(3000)
    ]
    for quirk, rate in QUIRKS.items():
        share = np.mean([quirk in draw for draw in draws])
        expected = rate * (1 - QUIRKS["spurious_body"]) if quirk == "id_change" else rate
        # Five standard deviations of a share of 3,000.
        assert abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / 3000)
    assert not any({"id_change", "spurious_body"} <= draw for draw in draws)


def test_default_files_vary_in_quirks():
    names = get_dataset("ntu60").official_names()[:40]
    files = [read_naive_ntu(ntu_bytes(name, frames=12)) for name in names]
    assert {file.newline for file in files} == {"\n", "\r\n"}


# ---- wrong use ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "S001C004P001R001A001"}, "not an NTU sample name"),
        ({"frames": 0}, "at least 1 frame"),
        ({"quirks": {"crfl"}}, "unknown quirk 'crfl'"),
        ({"quirks": {"empty_end"}, "frames": 11}, "needs at least 12 frames"),
        ({"quirks": {"id_change"}, "name": PAIR}, "one body"),
        ({"quirks": {"id_change", "spurious_body"}}, "one body"),
    ],
)
def test_wrong_use_says_what_is_wrong(arguments, message):
    with pytest.raises(UsageError, match=message):
        ntu_bytes(**{"name": NAME, **arguments})
