import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")
from skeldata import ParseError, read_ntu
from skeldata.parse.ntu_fast import parse_ntu_fast
from skeldata.synth import NTU_DAMAGES, ntu_bytes
from skeldata.synth.quirks import QUIRKS
from support.fuzzer import ODD_NUMBERS, mutant
from support.sequences import agrees, attempt, facts

NAME = "S001C001P001R001A001"
TWO = "S001C001P003R001A055"
BODY, COUNT, JOINT = 2, 3, 4  # 0-based lines of the first body


def lines_of(data):
    return data.split(b"\r\n" if b"\r\n" in data else b"\n")


def changed(line, text, name=TWO):
    lines = lines_of(ntu_bytes(name, frames=2, quirks=[]))
    lines[line] = text(lines[line]) if callable(text) else text
    return b"\n".join(lines)


def check_against_plain(data):
    """Both accept a file with the same result; False if it is left to the plain parser."""
    fast = parse_ntu_fast(data)
    if fast is None:
        return False
    assert facts(fast) == facts(read_ntu(data))
    return True


@pytest.mark.parametrize(
    ("name", "quirks"),
    [*((NAME, [quirk]) for quirk in QUIRKS), *((n, q) for n in (NAME, TWO) for q in (True, False))],
)
def test_valid_files_are_read_here_and_bit_identical(name, quirks):
    for seed in range(3):
        assert check_against_plain(ntu_bytes(name, seed, frames=20, quirks=quirks))


def test_bodies_keep_their_order_and_exact_ids():
    data = ntu_bytes(TWO, frames=3, quirks=[])
    first, second = (body.body_id for body in read_ntu(data).bodies)
    lines = lines_of(data)
    frame = 1 + (1 + 2 * 27) + 1  # of the second frame the bodies change places
    one, two = lines[frame : frame + 27], lines[frame + 27 : frame + 54]
    swapped = b"\n".join([*lines[:frame], *two, *one, *lines[frame + 54 :]])
    assert check_against_plain(swapped)
    assert [body.body_id for body in parse_ntu_fast(swapped).bodies] == [first, second]


@pytest.mark.parametrize("damage", sorted(NTU_DAMAGES))
@pytest.mark.parametrize("seed", range(4))
def test_no_damage_is_accepted(damage, seed):
    valid = ntu_bytes(NAME, seed=seed, frames=14 + seed, quirks=seed % 2 == 0)
    assert check_against_plain(valid)
    assert parse_ntu_fast(NTU_DAMAGES[damage](valid, random.Random(seed))) is None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_random_mutations_never_divide_the_parsers(seed):
    check_against_plain_or_refused(mutant(FILES, seed))


FILES = [
    ntu_bytes(NAME, frames=2, quirks=[]),
    ntu_bytes(TWO, frames=1, quirks=["crlf", "capital_e"]),
    ntu_bytes(NAME, frames=12, quirks=["id_change", "empty_start"]),
]


def check_against_plain_or_refused(data):
    assert agrees(parse_ntu_fast(data), attempt(read_ntu, data))


@pytest.mark.parametrize("token", ODD_NUMBERS)
@pytest.mark.parametrize("axis", range(3))
def test_odd_numbers_are_read_as_the_plain_parser_does_or_left_to_it(token, axis):
    def put(line):
        fields = line.split(b" ")
        fields[axis] = token
        return b" ".join(fields)

    check_against_plain_or_refused(changed(JOINT + 7, put))


@settings(max_examples=150, deadline=None)
@given(
    st.from_regex(r"[+-]?[0-9]{0,22}\.?[0-9]{0,22}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.floats(width=32).map(repr),
)
def test_numbers_of_any_look(odd, single):
    lines = lines_of(FILES[0])
    for token in (odd, single):
        behind = lines[JOINT][lines[JOINT].index(b" ") :]
        changed_lines = [*lines[:JOINT], token.encode() + behind, *lines[JOINT + 1 :]]
        check_against_plain_or_refused(b"\n".join(changed_lines))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (JOINT, lambda line: line[::-1].replace(b" ", b"     ", 3)[::-1]),
        (JOINT, lambda line: line + b" "),
        (JOINT, lambda line: line + b"  \r"),
        (BODY, lambda line: line.replace(b" ", b"   ")),
        (COUNT, b"25   "),
        (COUNT, b"025"),
        (BODY, lambda line: b"0" + line),
        (BODY, lambda line: line.replace(b" ", b" \x80\xff\x7f", 1)),
    ],
)
def test_white_space_and_looks_that_are_read_here(line, text):
    assert check_against_plain(changed(line, text))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (JOINT, lambda line: line.replace(b" ", b"  ", 1)),
        (JOINT, lambda line: b" " + line),
        (JOINT, lambda line: line.replace(b" ", b"\t")),
        (JOINT, lambda line: line.replace(b" ", b" \x0b", 7)),
        (JOINT, lambda line: line + b" " * 400),
        (BODY, lambda line: b"1" * 19 + line[line.index(b" ") :]),
        (BODY, lambda line: b"+" + line),
        (COUNT, b"\t25"),
    ],
)
def test_valid_files_of_unusual_looks_are_left_to_the_plain_parser(line, text):
    data = changed(line, text)
    read_ntu(data)
    assert parse_ntu_fast(data) is None


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (0, b"2x"),
        (0, b""),
        (1, b"2 2"),
        (COUNT, b"25 1"),
        (COUNT, b"25x"),
        (BODY, lambda line: line.replace(b" ", b"x ", 1)),
        (BODY, lambda line: line.replace(b" ", b"x", 1)),
        (BODY, lambda line: line[line.index(b" ") :]),
        (BODY, lambda line: line + b" 1"),
        (BODY, lambda line: line.rpartition(b" ")[0]),
        (BODY, lambda line: line.rpartition(b" ")[0] + b" "),
        (JOINT, lambda line: line + b" 1"),
        (JOINT, lambda line: line.rpartition(b" ")[0]),
        (JOINT, lambda line: line.rpartition(b" ")[0] + b"  "),
        (JOINT, lambda line: line + b" 1" * 256),
        (JOINT, lambda line: line + b" 1       " * 256),
        (JOINT, lambda line: line + b" 12345678901234567890" * 16),
        (JOINT, lambda line: line.replace(b" ", b"\x00", 4)),
        (JOINT, lambda line: line.replace(b" ", b"\x1f", 4)),
        (JOINT, lambda line: line.replace(b" ", b"x ", 1)),
        (JOINT, b" ".join([b"3.4028236e38"] * 12)),
        (BODY + 27, lambda line: lines_of(ntu_bytes(TWO, frames=2, quirks=[]))[BODY]),
    ],
)
def test_what_the_plain_parser_refuses_is_left_to_it(line, text):
    data = changed(line, text)
    with pytest.raises(ParseError):
        read_ntu(data)
    assert parse_ntu_fast(data) is None


@pytest.mark.parametrize(
    "end", [b"", b"\n", b"\r\n", b"\n\n \r\n", b"\x00", b"x", b"\n1\n", b"\n\x00\x00"]
)
def test_ends_of_files(end):
    check_against_plain_or_refused(ntu_bytes(NAME, frames=2, quirks=[]).rstrip() + end)


@pytest.mark.parametrize(
    "frames", [b"1", b"3", b"20000", b"20001", b"999999999999999999", b"9" * 30]
)
def test_frame_counts_that_lie(frames):
    data = changed(0, frames)
    check_against_plain_or_refused(data)
    assert parse_ntu_fast(data) is None


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"1", b"1\n", b"1\n0", b"1\n16\n", b"20000\n" + b"16\n" * 50]
)
def test_hardly_any_file(data):
    check_against_plain_or_refused(data)


def test_empty_frames_alone_are_a_sequence_without_bodies():
    assert check_against_plain(b"3\n0\n0\n0\n")
    assert parse_ntu_fast(b"3\n0\n0\n0\n").bodies == ()
