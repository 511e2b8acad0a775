"""The selector ``tracks``: noise bodies out, then the tracks of one actor joined.

It follows the preparation that SGN, CTR-GCN, InfoGCN and HD-GCN share, step by step, with one
difference: a body that vanishes and returns stays where it was, while their reader closes the gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skeldata.clean.bodies import Tracks, place, seen_bodies
from skeldata.types import RawBody, RawSequence

if TYPE_CHECKING:
    from skeldata.recipe import TracksSelector


def select_by_tracks(sequence: RawSequence, rule: TracksSelector, persons: int) -> Tracks:
    """Join the bodies of a recording into at most ``persons`` actors, the liveliest first.

    A lonely body is kept as it is. Of several, short ones are dropped (unless all are short), then
    noisy ones; the rest, by motion descending, are joined where they do not overlap. Equal motions
    keep the order of first appearance.

    Returns:
        The actors; ``gaps`` counts the bodies for which the published arrays differ, see `Tracks`.

    Raises:
        ParseError: no body in any frame.
    """
    seen = seen_bodies(sequence)
    if len(seen) == 1:
        return place(seen)
    long_enough = [body for body in seen if len(body.frame_index) >= rule.min_frames]
    ranked = by_motion(long_enough or seen, rule)
    if len(ranked) == 1:
        return place(ranked)
    actors = [joined(bodies) for bodies in assign(ranked, persons)]
    timeline = np.unique(np.concatenate([body.frame_index for body in seen]))
    return replace(place(actors), gaps=sum(has_gap(body, timeline) for body in ranked))


def by_motion(bodies: Sequence[RawBody], rule: TracksSelector) -> list[RawBody]:
    """Drop bodies that are mostly noise and order the others by motion, descending.

    The last body left is kept whatever its shape. The motion of a body with a few noisy frames is
    the smaller one of that over all frames and that over the clean ones.
    """
    left = len(bodies)
    kept: list[tuple[float, RawBody]] = []
    for body in bodies:
        amount = motion(body.xyz)
        noisy = noisy_frames(body.xyz, rule.upright_ratio)
        if left > 1 and noisy.any():
            if np.count_nonzero(noisy) / len(noisy) >= rule.noisy_share:
                left -= 1
                continue
            amount = min(amount, motion(body.xyz[~noisy]))
        kept.append((amount, body))
    return [body for _, body in sorted(kept, key=lambda pair: pair[0], reverse=True)]


def motion(xyz: NDArray[np.float32]) -> float:
    """Sum over x, y and z of the variance over all frames and joints, square metres.

    Taken in float32, as published: near-ties decide who is the first actor. The memory order is
    fixed, since it decides the order of the sums.
    """
    points = np.ascontiguousarray(xyz).reshape(-1, 3)
    with np.errstate(over="ignore"):
        return float(points.var(axis=0).sum())


def noisy_frames(xyz: NDArray[np.float32], ratio: float) -> NDArray[np.bool_]:
    """Which frames of a body (K, V, 3) are wider than ``ratio`` times their height; (K,)."""
    with np.errstate(over="ignore"):
        width, height = np.ptp(xyz[:, :, 0], axis=1), np.ptp(xyz[:, :, 1], axis=1)
    # Extents are float32 and their comparison float64, as in the published arrays.
    return np.asarray(width > ratio * height.astype(np.float64))


def assign(ranked: Sequence[RawBody], persons: int) -> list[list[RawBody]]:
    """Give each body, liveliest first, to the first actor whose interval it does not overlap.

    Intervals include both ends, and one common frame is no overlap yet. An actor's interval spans
    all its bodies; those of all actors but the first begin at frame 0, whenever they appear. Bodies
    that overlap every actor are dropped.
    """
    actors: list[list[RawBody]] = [[ranked[0]], *([] for _ in range(persons - 1))]
    spans = [interval(ranked[0]), *[(0, 0)] * (persons - 1)]
    for body in ranked[1:]:
        start, end = interval(body)
        for index, (first, last) in enumerate(spans):
            if min(last, end) - max(first, start) <= 0:
                actors[index].append(body)
                spans[index] = min(first, start), max(last, end)
                break
    return [bodies for bodies in actors if bodies]


def interval(body: RawBody) -> tuple[int, int]:
    """First and last frame of a body."""
    return int(body.frame_index[0]), int(body.frame_index[-1])


def joined(bodies: Sequence[RawBody]) -> RawBody:
    """One body of several; in a frame that two of them have, the later in the list stands."""
    if len(bodies) == 1:
        return bodies[0]
    frames = np.concatenate([body.frame_index for body in reversed(bodies)])
    xyz = np.concatenate([body.xyz for body in reversed(bodies)])
    unique, first = np.unique(frames, return_index=True)
    return RawBody(bodies[0].body_id, unique, xyz[first])


def has_gap(body: RawBody, timeline: NDArray[np.int64]) -> bool:
    """Whether a body is missing from a frame of ``timeline`` between its first and its last."""
    first, last = np.searchsorted(timeline, interval(body))
    return bool(last - first + 1 > len(body.frame_index))
