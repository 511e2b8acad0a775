"""The oddities of real NTU recordings, by name, and how often synthetic ones have them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from skeldata.errors import UsageError

QUIRKS: Mapping[str, float] = MappingProxyType(
    {
        "crlf": 0.5,
        "capital_e": 0.9,
        "hand_states": 0.95,
        "zero_orientation": 1.0,
        "spurious_body": 0.12,
        "returning_body": 0.04,
        "id_change": 0.04,
        "empty_start": 0.04,
        "empty_middle": 0.03,
        "empty_end": 0.05,
        "no_bodies": 0.0,
    }
)
"""Quirks of a ``.skeleton`` file, with the share of samples that has each by default.

- ``crlf``: lines end with CR LF, else with LF.
- ``capital_e``: at least one coordinate below 1E-4 is written as in ``-7.257856E-05``; else values
  that small are written as ``0``.
- ``hand_states``: hand states, their confidences and clipped edges vary.
- ``zero_orientation``: the 7 end joints of 25 (28 %) have the orientation ``0 0 0 0``.
- ``spurious_body``: furniture, wider than tall, is tracked as a further body for a while.
- ``returning_body``: the last performer vanishes and comes back with the same id.
- ``id_change``: the only performer has another id from some frame on.
- ``empty_start``, ``empty_middle``, ``empty_end``: frames without any body.
- ``no_bodies``: every frame is empty, as in some files on the official missing list.
"""

_NEED_ROOM = frozenset(
    ("spurious_body", "returning_body", "id_change", "empty_start", "empty_middle", "empty_end")
)
MIN_FRAMES = 12
"""Frames that a clip needs for any quirk that takes some of them."""


def draw_quirks(
    rng: np.random.Generator, *, persons: int, frames: int, missing: bool
) -> frozenset[str]:
    """Draw the quirks of one sample; those of the missing list have no bodies."""
    chosen = {quirk for quirk, rate in QUIRKS.items() if rng.uniform() < rate}
    if missing:
        chosen.add("no_bodies")
    if persons > 1 or "spurious_body" in chosen:
        chosen.discard("id_change")
    if persons > 1:
        chosen.discard("spurious_body")
    return frozenset(chosen - _NEED_ROOM if frames < MIN_FRAMES else chosen)


def require_quirks(names: Collection[str], *, persons: int, frames: int) -> frozenset[str]:
    """Check quirks chosen by name.

    Raises:
        UsageError: an unknown quirk, one that the clip is too short for, or two that exclude
            each other.
    """
    chosen = frozenset([names] if isinstance(names, str) else names)
    unknown = sorted(chosen - QUIRKS.keys())
    if unknown:
        raise UsageError(f"unknown quirk {unknown[0]!r}; use any of: {', '.join(QUIRKS)}")
    if frames < MIN_FRAMES and chosen & _NEED_ROOM:
        quirk = min(chosen & _NEED_ROOM)
        raise UsageError(f"quirk {quirk!r} needs at least {MIN_FRAMES} frames, not {frames}")
    if "id_change" in chosen and (persons > 1 or "spurious_body" in chosen):
        raise UsageError("quirk 'id_change' needs a clip with one body, without 'spurious_body'")
    return chosen


def presence(
    quirks: frozenset[str], *, performers: int, frames: int, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], int]:
    """Who is tracked when.

    Each quirk has its own stretch of the clip, so that none hides another.

    Returns:
        present (B, T) bool, one row a performer and one more for a spurious body; and the frame
        from which the only performer has another id (T without that quirk).
    """
    furniture = "spurious_body" in quirks
    present = np.ones((performers + furniture, frames), dtype=np.bool_)
    if furniture:
        start = _between(rng, frames // 6, frames // 4)
        end = frames if rng.uniform() < 0.2 else _between(rng, frames // 3 + 1, 5 * frames // 8)
        present[-1] = False
        present[-1, start:end] = True
    if "returning_body" in quirks:
        start = _between(rng, frames // 2, 5 * frames // 8)
        present[performers - 1, start : _between(rng, start + 1, 3 * frames // 4)] = False
    if "empty_start" in quirks:
        present[:, : _between(rng, 1, frames // 6)] = False
    if "empty_middle" in quirks:
        start = _between(rng, frames // 3 + 1, frames // 2 - 1)
        present[:, start : _between(rng, start + 1, frames // 2)] = False
    if "empty_end" in quirks:
        present[:, -_between(rng, 1, frames // 6) :] = False
    if "no_bodies" in quirks:
        present[:] = False
    change = frames
    if "id_change" in quirks:
        change = _between(rng, frames // 4, frames // 3)
    return present, change


def _between(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, both included."""
    return int(rng.integers(low, high + 1))
