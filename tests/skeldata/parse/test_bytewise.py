import json
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("numba")
from skeldata.parse.buffers import terminated
from skeldata.parse.bytewise import REFUSED, number, whole

DIGITS = st.text("0123456789", min_size=1, max_size=24)


@st.composite
def decimals(draw):
    """Decimal texts, most in the grammar of JSON, some not."""
    text = draw(st.sampled_from(["", "-", "-", "+"])) + draw(DIGITS | st.just("0") | st.just(""))
    if draw(st.booleans()):
        text += "." + draw(DIGITS | st.just(""))
    if draw(st.booleans()):
        text += draw(st.sampled_from("eE")) + draw(st.sampled_from(["", "+", "-"]))
        text += str(draw(st.integers(0, 40)))
    return text


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def buffer(text):
    return np.frombuffer(terminated(text.encode()), dtype=np.uint8)


def read(text, behind=" "):
    value, at = number(buffer(text + behind), np.uint64(0))
    return value, int(at)


@given(decimals(), st.sampled_from([" ", "\r", ",", "]", "x", ""]))
@example("-0", " ")
@example("9007199254740991", " ")
@example("9007199254740993", " ")
@example("0.1", " ")
@example("123456789012345678", " ")
@example("1e22", " ")
@example("1e23", " ")
@example("1e-22", " ")
@example("1E+0000000000000000001", " ")
@example("1e9223372036854775807", " ")
def test_a_number_is_what_float_says_or_refused(text, behind):
    value, at = read(text, behind)
    if at == REFUSED:
        return
    assert text[at:] == "" or not is_json(text)
    assert is_json(text[:at])
    assert struct.pack("<d", value) == struct.pack("<d", float(text[:at]))


@given(st.integers(-(2**53) + 1, 2**53 - 1), st.integers(0, 22), st.sampled_from("eE"))
def test_whatever_is_exact_is_taken(mantissa, power, e):
    for text in (
        f"{mantissa}",
        f"{mantissa}{e}{power}",
        f"{mantissa}{e}-{power}",
        f"{mantissa}{e}+{power}",
    ):
        value, at = read(text)
        assert at == len(text)
        assert value == float(text)


@given(st.floats(-1000, 1000, width=32))
def test_what_sensors_write_is_taken(value):
    text = f"{value if abs(value) > 1e-12 else 0:.7G}"
    assert read(text) == (float(text), len(text))


@pytest.mark.parametrize(
    "text",
    ["", "-", "+1", ".5", "5.", "01", "-00.5", "1e", "1e+", "e5", "nan", "inf", "-.5", "1.e5", "١"],
)
def test_what_json_refuses_is_refused(text):
    _, at = number(buffer(text), np.uint64(0))
    # A part of it may be a number: the caller sees that something stands behind.
    assert at == REFUSED or at < len(text.encode())


@pytest.mark.parametrize("text", ["9007199254740992", "0.30000000000000004441", "1e23", "1e-23"])
def test_what_takes_more_than_one_rounding_is_refused(text):
    assert read(text)[1] == REFUSED


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("007", 7), ("72057594037931101", 72057594037931101), ("9" * 18, 10**18 - 1)],
)
def test_whole_numbers_are_exact(text, expected):
    assert whole(buffer(text), np.uint64(0)) == (expected, len(text))


@pytest.mark.parametrize("text", ["", "x", "-1", "+1", "1" * 19, "1" * 40])
def test_other_whole_numbers_are_refused(text):
    assert whole(buffer(text), np.uint64(0))[1] == REFUSED
