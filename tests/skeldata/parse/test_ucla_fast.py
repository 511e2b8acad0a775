import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")
from skeldata import read_ucla
from skeldata.parse.ucla_fast import parse_ucla_fast
from skeldata.synth import UCLA_DAMAGES, ucla_bytes
from support.fuzzer import ODD_NUMBERS, mutant
from support.sequences import agrees, attempt, facts

NAME = "a03_s02_e01_v03"
LABELS_THE_NAME_DECIDES = {"label of another class"}  # found in prepare, which knows the name
FILES = [ucla_bytes(NAME, frames=frames) for frames in (1, 2, 5)]


def check_against_plain_or_refused(data):
    assert agrees(parse_ucla_fast(data), attempt(read_ucla, data))


@pytest.mark.parametrize("frames", [1, 2, 201])
def test_valid_files_are_read_here_and_bit_identical(frames):
    for seed in range(3):
        data = ucla_bytes(NAME, seed, frames=frames)
        assert facts(parse_ucla_fast(data)) == facts(read_ucla(data))


@pytest.mark.parametrize("damage", sorted(UCLA_DAMAGES.keys() - LABELS_THE_NAME_DECIDES))
@pytest.mark.parametrize("seed", range(4))
def test_no_damage_is_accepted(damage, seed):
    valid = ucla_bytes(NAME, seed=seed, frames=3 + seed)
    assert parse_ucla_fast(UCLA_DAMAGES[damage](valid, random.Random(seed))) is None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_random_mutations_never_divide_the_parsers(seed):
    check_against_plain_or_refused(mutant(FILES, seed))


@pytest.mark.parametrize("token", ODD_NUMBERS)
@pytest.mark.parametrize("axis", range(3))
def test_odd_numbers_are_read_as_the_plain_parser_does_or_left_to_it(token, axis):
    content = json.loads(FILES[1])
    content["skeletons"][1][4][axis] = "here"
    check_against_plain_or_refused(json.dumps(content).encode().replace(b'"here"', token))


@settings(max_examples=150, deadline=None)
@given(
    st.from_regex(r"[+-]?[0-9]{0,22}\.?[0-9]{0,22}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.floats(width=32).map(repr),
)
def test_numbers_of_any_look(odd, single):
    begin = FILES[0].index(b"[[[") + 3
    for token in (odd, single):
        check_against_plain_or_refused(
            FILES[0][:begin] + token.encode() + FILES[0][FILES[0].index(b",", begin) :]
        )


def test_other_layouts_are_left_to_the_plain_parser():
    content = json.loads(FILES[1])
    others = [
        json.dumps(content, indent=1).encode(),
        json.dumps(content, separators=(",", ":")).encode(),
        json.dumps(dict(reversed(content.items()))).encode(),
        b"\xef\xbb\xbf" + FILES[1],
        b" " + FILES[1],
        FILES[1].replace(b'"a03', b'"\\u006103'),
    ]
    for data in others:
        assert facts(read_ucla(data)) == facts(read_ucla(FILES[1]))
        assert parse_ucla_fast(data) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"[[[", b"[["),
        (b"[[[", b"[[[["),
        (b"]], [[", b"]],[["),
        (b"]], [[", b"], ["),
        (b"]]], ", b"]], "),
        (b"]]], ", b"]], ], "),
        (b'"label"', b'"Label"'),
        (b"}", b"} x"),
        (b"}", b"}\x00"),
        (b"}", b"}\x0c"),
        (b'"label": ', b'"label": 0'),
        (b'"label": ', b'"label": -'),
        (b'"skeletons": [', b'"skeletons": ['[:-1]),
        (b", ", b"; "),
    ],
)
def test_small_faults_of_the_layout(old, new):
    at = FILES[1].rindex(old) if old in (b"}", b"]]], ") else FILES[1].index(old)
    check_against_plain_or_refused(FILES[1][:at] + new + FILES[1][at + len(old) :])


def test_white_space_behind_the_end_is_allowed():
    assert facts(parse_ucla_fast(FILES[0] + b" \r\n\t")) == facts(read_ucla(FILES[0]))


@pytest.mark.parametrize("cut", range(60))
def test_files_that_end_early(cut):
    data = FILES[0][: len(FILES[0]) - 1 - cut]
    assert parse_ucla_fast(data) is None
    assert parse_ucla_fast(data[: len(data) // 2]) is None
