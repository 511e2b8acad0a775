from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata.errors import UsageError
from skeldata.splits import format_ratio, parse_ratio, parse_seeds
from skeldata.splits.arguments import MAX_DECIMALS, percent_text

numerators = st.integers(1, 10**MAX_DECIMALS)


@given(numerators)
def test_every_decimal_is_read_exactly(numerator):
    text = f"{numerator / 10**MAX_DECIMALS:.0f}" if numerator == 10**MAX_DECIMALS else None
    text = text or f"0.{numerator:0{MAX_DECIMALS}d}"
    assert Fraction(parse_ratio(text)) == Fraction(numerator, 10**MAX_DECIMALS)


@given(numerators, st.integers(0, 5))
def test_text_is_canonical_and_survives_a_round_trip(numerator, zeros):
    whole, rest = divmod(numerator, 10**MAX_DECIMALS)
    padded = f"{'0' * zeros}{whole}.{rest:0{MAX_DECIMALS}d}{'0' * zeros}"
    text = format_ratio(parse_ratio(padded))
    assert Fraction(text) == Fraction(padded)
    assert format_ratio(parse_ratio(text)) == text
    assert "e" not in text.lower()
    assert not text.endswith(("0", ".")) or text in ("0", "1")


@pytest.mark.parametrize(
    "spelling", ["0.05", "0.050", ".05", "00.05", "5%", "5 %", " 5.00% ", "0.05000000000000000000"]
)
def test_spellings_of_five_percent_are_one_ratio(spelling):
    assert format_ratio(parse_ratio(spelling)) == "0.05"


def test_decimals_and_integers_are_exact_already():
    assert format_ratio(parse_ratio(Decimal("5E-2"))) == "0.05"
    assert format_ratio(parse_ratio(Decimal("0.0000001"))) == "0.0000001"
    assert format_ratio(parse_ratio(1)) == format_ratio(parse_ratio("100%")) == "1"


@pytest.mark.parametrize("value", [0.05, 1.0, float("nan")])
def test_a_float_is_refused_with_the_way_out(value):
    with pytest.raises(UsageError, match=r"is a float.*pass the text"):
        parse_ratio(value)


@pytest.mark.parametrize(
    "value",
    ["0", "0.0", "0%", 0, -1, 2, 5, "1.0001", "101%", "5", Decimal("1.5"), "0" * 9],
)
def test_out_of_bounds(value):
    with pytest.raises(UsageError, match=r"not in 0 < ratio <= 1|not a plain decimal"):
        parse_ratio(value)


@pytest.mark.parametrize(
    "value",
    [
        "", "%", ".", "5.", "1e-2", "+0.1", "0,05", "0.05 0.1", "٠.٥", "nan", "1/20", "0x1",
        Decimal("NaN"), Decimal("Infinity"), Decimal("1E-999999999"), Decimal("1E+999999999"),
        True, None, b"0.05",
    ],
)  # fmt: skip
def test_no_plain_decimal(value):
    with pytest.raises(UsageError, match="not a"):
        parse_ratio(value)


def test_too_many_decimals():
    with pytest.raises(UsageError, match="decimals"):
        parse_ratio("0." + "1" * (MAX_DECIMALS + 1))


@given(st.integers(1, 10**6))
def test_percent_is_the_ratio_times_a_hundred(millionths):
    ratio = parse_ratio(Decimal(millionths).scaleb(-6))
    number, sign = percent_text(ratio).split(" ")
    assert sign == "%"
    assert Fraction(number) == Fraction(millionths, 10**4)
    assert not ("." in number and number.endswith("0"))


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0", (0,)), ("0-4", (0, 1, 2, 3, 4)), ("7, 1-2,7", (7, 1, 2)), ("3-3", (3,))],
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "a", "-1", "4-0", "0--4", "1,,2", "0-", "0-1000", str(2**63), "1.5", "٣"]
)
def test_bad_seeds(text):
    with pytest.raises(UsageError, match="seed"):
        parse_seeds(text)
