"""Streams derived from joints: what moves, where each bone points, and how bones turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from skeldata.errors import UsageError
from skeldata.layouts import Layout

ALWAYS = ("joint", "motion")
KNOWN = (*ALWAYS, "bone", "bone-motion")
"""Every stream there is, in the order in which stores name them."""


def choose_streams(wanted: Iterable[str]) -> tuple[str, ...]:
    """The streams of a store: joint and motion, then what is wanted beside them, in fixed order.

    Raises:
        UsageError: one of them is unknown.

    >>> choose_streams(["bone-motion", "joint"])
    ('joint', 'motion', 'bone-motion')
    """
    asked = {name.strip() for name in wanted}
    if unknown := sorted(asked - {*KNOWN}):
        raise UsageError(f"unknown stream {unknown[0]!r}; use some of: {', '.join(KNOWN)}")
    return tuple(name for name in KNOWN if name in ALWAYS or name in asked)


def motion(joint: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Differences between consecutive frames.

    Args:
        joint: (..., T, V, 3) float32; bones will do as well.
        present: (..., T) bool.

    Returns:
        Same shape; ``joint[t + 1] - joint[t]`` where the body is present at both frames, else 0;
        the last frame is 0.
    """
    moved = np.zeros_like(joint)
    both = (present[..., 1:] & present[..., :-1])[..., None, None]
    np.subtract(joint[..., 1:, :, :], joint[..., :-1, :, :], out=moved[..., :-1, :, :], where=both)
    return moved


def bone(
    joint: NDArray[np.float32],
    present: NDArray[np.bool_],
    parents: Sequence[int] | NDArray[np.int64],
) -> NDArray[np.float32]:
    """The bone that ends in each joint.

    Args:
        joint: (..., T, V, 3) float32.
        present: (..., T) bool.
        parents: V joints, e.g. `Layout.parents`; a joint that is its own parent has no bone.

    Returns:
        Same shape; ``joint[v] - joint[parents[v]]`` where the body is present, else 0. The bone of
        the layout's centre is 0.
    """
    bones = np.zeros_like(joint)
    there = present[..., None, None]
    np.subtract(joint, joint[..., np.asarray(parents), :], out=bones, where=there)
    return bones


def derive(
    names: Iterable[str],
    joint: NDArray[np.float32],
    present: NDArray[np.bool_],
    layout: Layout,
) -> dict[str, NDArray[np.float32]]:
    """The named streams of clips, each with the shape of ``joint``, which itself is one of them.

    Args:
        names: some of `KNOWN`.
        joint: (..., T, V, 3) float32.
        present: (..., T) bool.
        layout: says which bones there are.

    Returns:
        name -> (..., T, V, 3) float32, in the order of ``names``.
    """
    made = {"joint": joint}
    wanted = tuple(names)
    if "motion" in wanted:
        made["motion"] = motion(joint, present)
    if "bone" in wanted or "bone-motion" in wanted:
        made["bone"] = bone(joint, present, layout.parents)
    if "bone-motion" in wanted:
        made["bone-motion"] = motion(made["bone"], present)
    return {name: made[name] for name in wanted}
