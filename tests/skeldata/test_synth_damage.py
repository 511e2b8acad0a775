"""Every damage makes every file invalid, wherever it strikes."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeldata.errors import UsageError
from skeldata.synth import DAMAGES, NTU_DAMAGES, UCLA_DAMAGES, ntu_bytes, ucla_bytes
from support.naive_raw import read_naive_ntu, read_naive_ucla

UCLA_NAME = "a08_s01_e00_v01"
NTU_FILES = (
    ("S001C002P001R001A001", 1, ()),
    ("S001C002P001R001A001", 2, ("crlf",)),
    ("S001C002P001R001A050", 3, ("crlf", "capital_e")),
    ("S001C002P001R001A003", 14, ("empty_start", "empty_middle", "empty_end", "spurious_body")),
)


@cache
def ntu_file(index):
    name, frames, quirks = NTU_FILES[index]
    return ntu_bytes(name, frames=frames, quirks=quirks)


@cache
def ucla_file(frames):
    return ucla_bytes(UCLA_NAME, frames=frames)


def test_the_files_are_valid_before():
    for index in range(len(NTU_FILES)):
        read_naive_ntu(ntu_file(index))
    for frames in (1, 4):
        read_naive_ucla(ucla_file(frames), UCLA_NAME)


@pytest.mark.parametrize("damage", NTU_DAMAGES)
@settings(max_examples=40, deadline=None)
@given(index=st.integers(0, len(NTU_FILES) - 1), seed=st.integers(0, 10**9))
def test_every_ntu_damage_is_invalid(damage, index, seed):
    data = ntu_file(index)
    broken = NTU_DAMAGES[damage](data, Random(seed))
    assert broken != data
    with pytest.raises(ValueError):  # noqa: PT011 - any fault will do
        read_naive_ntu(broken)
    assert NTU_DAMAGES[damage](data, Random(seed)) == broken


@pytest.mark.parametrize("damage", UCLA_DAMAGES)
@settings(max_examples=20, deadline=None)
@given(frames=st.sampled_from([1, 4]), seed=st.integers(0, 10**9))
def test_every_ucla_damage_is_invalid(damage, frames, seed):
    data = ucla_file(frames)
    broken = UCLA_DAMAGES[damage](data, Random(seed))
    assert broken != data
    with pytest.raises(ValueError):  # noqa: PT011 - any fault will do
        read_naive_ucla(broken, UCLA_NAME)
    assert UCLA_DAMAGES[damage](data, Random(seed)) == broken


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        ("NaN coordinate", b"nan"),
        ("-1.#IND coordinate", b"1.#"),
        ("infinite coordinate", b"inf"),
        ("underscore in a coordinate", b"_"),
        ("24 joints", b"\n24\n"),
        ("frame count absurd", b"1000000000\n"),
        ("body count absurd", b"\n1000000\n"),
    ],
)
def test_a_damage_is_what_its_name_says(damage, part):
    data = ntu_bytes("S001C002P001R001A001", frames=2, quirks=())
    broken = {NTU_DAMAGES[damage](data, Random(seed)).lower() for seed in range(30)}
    assert any(part in text for text in broken)
    assert part not in data.lower()


def test_frames_and_fields_are_counted_as_the_name_says():
    data = ntu_bytes("S001C002P001R001A050", frames=4, quirks=())
    lines = data.count(b"\n")
    frame = 1 + 2 * 27
    for damage, change in {
        "missing line": -1,
        "extra joint line": 1,
        "blank line": 1,
        "24 joints": -1,
        "joint count 24 for 25 joints": 0,
        "same id twice in a frame": 27,
        "extra frame at the end": frame,
        "frame count too large": 0,
        "frame count too small": 0,
    }.items():
        assert NTU_DAMAGES[damage](data, Random(1)).count(b"\n") == lines + change
    fields = len(data.split())
    for damage, change in {
        "joint line of 11 fields": -1,
        "joint line of 13 fields": 1,
        "body line of 9 fields": -1,
        "body line of 11 fields": 1,
    }.items():
        assert len(NTU_DAMAGES[damage](data, Random(1)).split()) == fields + change


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("same id twice in a frame", "an id twice"),
        ("24 joints", "a count out of bounds"),
        ("joint line of 11 fields", "joint fields"),
        ("joint line of 13 fields", "joint fields"),
        ("body line of 9 fields", "body fields"),
        ("body line of 11 fields", "body fields"),
        ("coordinate beyond float32", "not finite"),
        ("coordinate beyond float64", "not finite"),
        ("cut at a frame", "ends early"),
        ("frame count too large", "ends early"),
        ("extra frame at the end", "lines left over"),
        ("frame count too small", "lines left over|out of bounds"),
    ],
)
def test_a_damage_is_the_only_fault_of_its_file(damage, fault):
    for seed in range(20):
        broken = NTU_DAMAGES[damage](ntu_file(seed % len(NTU_FILES)), Random(seed))
        with pytest.raises(ValueError, match=fault):
            read_naive_ntu(broken)


def test_a_cut_line_lacks_fields_even_at_the_end_of_the_file():
    for seed in range(300):
        broken = NTU_DAMAGES["cut in mid-line"](ntu_file(0), Random(seed))
        assert 1 <= len(broken.split(b"\n")[-1].split()) < 12


def test_both_families_are_listed():
    assert set(DAMAGES) == {"ntu", "ucla"}
    assert DAMAGES["ntu"] is NTU_DAMAGES
    assert len(NTU_DAMAGES) > 20
    assert len(UCLA_DAMAGES) > 12


def test_a_file_without_bodies_is_refused_where_a_body_is_needed():
    data = ntu_bytes("S001C002P001R001A001", frames=2, quirks={"no_bodies"})
    with pytest.raises(UsageError, match="a body in some frame"):
        NTU_DAMAGES["NaN coordinate"](data, Random(0))
