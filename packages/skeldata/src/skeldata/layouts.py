"""The two joint layouts of the field: 25 joints (Kinect v2) and 20 joints (Kinect v1).

Joint indices are 0-based here and everywhere in the code; papers and sensor manuals count from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Layout:
    """Joints of a skeleton, how they are connected and how they are grouped.

    Attributes:
        name: ``kinect25`` or ``kinect20``.
        joints: V joint names.
        bones: (child, parent) pairs, V-1 of them, a tree around ``centre``.
        centre: the joint that graph partitions measure distance from; its own bone is null.
        flip_pairs: (left, right) joints that a mirror exchanges.
        bodies: 5 groups of joints (left arm, right arm, left leg, right leg, torso), PSP's
            coarsest level.
        parts: 10 groups of joints (spine, head, arms, hands, legs, feet), PSP's middle level.
        part_to_body: for each part the body that contains it.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    centre: int
    flip_pairs: tuple[tuple[int, int], ...]
    bodies: tuple[tuple[int, ...], ...]
    parts: tuple[tuple[int, ...], ...]
    part_to_body: tuple[int, ...] = (4, 4, 0, 0, 1, 1, 2, 2, 3, 3)

    body_names = ("left arm", "right arm", "left leg", "right leg", "torso")
    part_names = (
        "spine", "head", "left arm", "left hand", "right arm", "right hand",
        "left leg", "left foot", "right leg", "right foot",
    )  # fmt: skip

    @property
    def joint_count(self) -> int:
        """V, the number of joints."""
        return len(self.joints)

    @cached_property
    def flip_index(self) -> NDArray[np.int64]:
        """(V,) int64: ``x[flip_index]`` exchanges left and right; an involution."""
        index = np.arange(self.joint_count)
        for left, right in self.flip_pairs:
            index[left], index[right] = right, left
        return index

    @cached_property
    def parents(self) -> NDArray[np.int64]:
        """(V,) int64: the parent of each joint; the centre is its own parent."""
        parents = np.arange(self.joint_count)
        for child, parent in self.bones:
            parents[child] = parent
        return parents

    @cached_property
    def degrees(self) -> NDArray[np.int64]:
        """(V,) int64: how many bones meet at each joint."""
        ends = np.fromiter(chain.from_iterable(self.bones), dtype=np.int64)
        return np.bincount(ends, minlength=self.joint_count)

    @cached_property
    def joint_to_part(self) -> NDArray[np.int64]:
        """(V,) int64: the part (0..9) of each joint."""
        return _membership(self.parts, self.joint_count)

    @cached_property
    def joint_to_body(self) -> NDArray[np.int64]:
        """(V,) int64: the body (0..4) of each joint."""
        return _membership(self.bodies, self.joint_count)

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """For each joint ``left``, ``right`` or ``middle``."""
        side = ["middle"] * self.joint_count
        for left, right in self.flip_pairs:
            side[left], side[right] = "left", "right"
        return tuple(side)


def _membership(groups: tuple[tuple[int, ...], ...], count: int) -> NDArray[np.int64]:
    owner = np.full(count, -1, dtype=np.int64)
    for group, members in enumerate(groups):
        owner[list(members)] = group
    return owner


def _from_one(pairs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Turn the 1-based pairs of the literature into 0-based ones."""
    return tuple((a - 1, b - 1) for a, b in pairs)


_ARMS_AND_LEGS = ((5, 9), (6, 10), (7, 11), (8, 12), (13, 17), (14, 18), (15, 19), (16, 20))

KINECT25 = Layout(
    name="kinect25",
    joints=(
        "spine base", "spine mid", "neck", "head",
        "left shoulder", "left elbow", "left wrist", "left hand",
        "right shoulder", "right elbow", "right wrist", "right hand",
        "left hip", "left knee", "left ankle", "left foot",
        "right hip", "right knee", "right ankle", "right foot",
        "spine shoulder", "left hand tip", "left thumb", "right hand tip", "right thumb",
    ),
    # Hand tips hang on the thumbs, as the literature has it, not on the hands.
    bones=_from_one((
        (1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9),
        (11, 10), (12, 11), (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18),
        (20, 19), (22, 23), (23, 8), (24, 25), (25, 12),
    )),
    centre=20,
    flip_pairs=_from_one((*_ARMS_AND_LEGS, (22, 24), (23, 25))),
    bodies=(
        (4, 5, 6, 7, 21, 22), (8, 9, 10, 11, 23, 24), (12, 13, 14, 15), (16, 17, 18, 19),
        (0, 1, 2, 3, 20),
    ),
    parts=(
        (0, 1, 20), (2, 3), (4, 5, 6), (7, 21, 22), (8, 9, 10), (11, 23, 24),
        (12, 13), (14, 15), (16, 17), (18, 19),
    ),
)  # fmt: skip
"""Kinect v2 (NTU RGB+D 60 and 120)."""

KINECT20 = Layout(
    name="kinect20",
    joints=(
        "hip centre", "spine", "shoulder centre", "head",
        "left shoulder", "left elbow", "left wrist", "left hand",
        "right shoulder", "right elbow", "right wrist", "right hand",
        "left hip", "left knee", "left ankle", "left foot",
        "right hip", "right knee", "right ankle", "right foot",
    ),
    bones=_from_one((
        (1, 2), (2, 3), (4, 3), (5, 3), (6, 5), (7, 6), (8, 7), (9, 3), (10, 9), (11, 10),
        (12, 11), (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19),
    )),
    centre=2,
    flip_pairs=_from_one(_ARMS_AND_LEGS),
    bodies=((4, 5, 6, 7), (8, 9, 10, 11), (12, 13, 14, 15), (16, 17, 18, 19), (0, 1, 2, 3)),
    # No paper lists PSP's ten parts for 20 joints: pairs keep NTU's order and part-to-body map,
    # and make the paper's mean of part means equal the released mean of joints.
    parts=(
        (0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (12, 13), (14, 15), (16, 17), (18, 19),
    ),
)  # fmt: skip
"""Kinect v1 (NW-UCLA)."""

LAYOUTS = {layout.name: layout for layout in (KINECT25, KINECT20)}
