"""The terms of a draw as people write them: ratios as exact decimals, seeds as ranges."""

from __future__ import annotations

import re
from decimal import Decimal

from skeldata.errors import UsageError

_RATIO = re.compile(r"([0-9]*)(?:\.([0-9]+))?[ ]?(%?)", re.ASCII)
_SEEDS = re.compile(r"([0-9]+)(?:-([0-9]+))?", re.ASCII)
MAX_DECIMALS = 18
MAX_SEEDS = 1000
MAX_SEED = 2**63 - 1


def parse_ratio(value: str | Decimal | int) -> Decimal:
    """Read a labelled ratio exactly; 0 < ratio <= 1.

    The result is canonical: ``"0.050"``, ``".05"``, ``"5%"`` and ``Decimal("0.05")`` are one
    ratio with one text, so they give one manifest.

    Raises:
        UsageError: a float (which cannot hold 0.05 exactly), no plain decimal, or out of bounds.

    >>> parse_ratio("5%"), parse_ratio("0.050"), parse_ratio(1)
    (Decimal('0.05'), Decimal('0.05'), Decimal('1'))
    >>> parse_ratio(0.05)
    Traceback (most recent call last):
    skeldata.errors.UsageError: ratio 0.05 is a float, which is not exact; pass the text "0.05"
    """
    if isinstance(value, bool) or not isinstance(value, str | Decimal | int):
        if isinstance(value, float):
            raise UsageError(
                f'ratio {value!r} is a float, which is not exact; pass the text "{value!r}"'
            )
        raise UsageError(f'ratio {value!r} is not a number; pass a text such as "0.05" or "5%"')
    # Written out first, so that Decimal's context can round nothing; a huge exponent cannot be.
    text = str(value) if abs(_exponent(value)) > 2 * MAX_DECIMALS else format_ratio(value)
    match = _RATIO.fullmatch(text.strip())
    if match is None or not (match[1] or match[2]):
        raise UsageError(f'ratio {value!r} is not a plain decimal; write e.g. "0.05" or "5%"')
    whole, decimals, percent = match[1], match[2] or "", match[3]
    digits, places = whole + decimals, len(decimals) + (2 if percent else 0)
    digits = digits.rjust(places + 1, "0")
    fraction = digits[len(digits) - places :].rstrip("0")
    integer = digits[: len(digits) - places].lstrip("0") or "0"
    if len(fraction) > MAX_DECIMALS:
        raise UsageError(f"ratio {value!r} has more than {MAX_DECIMALS} decimals")
    if (integer, fraction) == ("0", "") or (integer != "0" and (integer, fraction) != ("1", "")):
        raise UsageError(f'ratio {value!r} is not in 0 < ratio <= 1; 5 % is "0.05" or "5%"')
    return Decimal(f"{integer}.{fraction}" if fraction else integer)


def format_ratio(value: str | Decimal | int) -> str:
    """Text of a ratio without an exponent; canonical if the ratio came from `parse_ratio`."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def percent_text(ratio: Decimal) -> str:
    """A ratio as people read it.

    >>> percent_text(parse_ratio("0.05")), percent_text(parse_ratio("0.125"))
    ('5 %', '12.5 %')
    """
    shifted = format_ratio(ratio.scaleb(2))
    return f"{shifted.rstrip('0').rstrip('.') if '.' in shifted else shifted} %"


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read seeds such as ``0``, ``0-4`` or ``0,2,5-7``, in the order written, each once.

    Raises:
        UsageError: anything else, a range that runs backwards, or more than 1,000 seeds.

    >>> parse_seeds("0-2,7")
    (0, 1, 2, 7)
    """
    seeds: dict[int, None] = {}
    for part in text.split(","):
        match = _SEEDS.fullmatch(part.strip())
        if match is None:
            raise UsageError(f'seeds {text!r}: {part!r} is not a seed or range; write e.g. "0-4"')
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(f"seeds {text!r}: the range {part!r} runs backwards")
        if last - first >= MAX_SEEDS:
            raise UsageError(f"seeds {text!r}: {part!r} is more than {MAX_SEEDS} seeds")
        seeds.update(dict.fromkeys(range(first, last + 1)))
    return tuple(check_seed(seed) for seed in seeds)


def check_seed(seed: int) -> int:
    """The seed itself if it is an integer in 0 .. 2**63 - 1, else `UsageError`."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise UsageError(f"seed {seed!r} is not an integer from 0 to 2**63 - 1")
    return seed


def _exponent(value: str | Decimal | int) -> int:
    return value.adjusted() if isinstance(value, Decimal) and value.is_finite() else 0
