"""A jointed human: bone offsets of a subject, and joint rotations -> joint positions.

Body frame: metres, y up, the person faces -z (towards a camera that looks along +z) and has the
right hand on +x, as the Kinect's right-handed camera frame sees a person who faces it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from skeldata.layouts import KINECT25

Floats = NDArray[np.float64]

PELVIS, CHEST, NECK, UPPER_SPINE = 0, 1, 2, 20
SHOULDER, ELBOW, WRIST, HAND = 8, 9, 10, 11  # of the right side; `LEFT_OF` gives the left
HIP, KNEE, ANKLE, FOOT = 16, 17, 18, 19
WAIST = 25  # a joint that no sensor reports: it bends the spine without moving the legs
PIVOTS = 26

LEFT_OF = {right: left for left, right in KINECT25.flip_pairs}
LEAVES = (3, 15, 19, 21, 22, 23, 24)  # joints whose orientation a Kinect v2 does not report
MIRROR = np.array([1.0, -1.0, -1.0])  # takes a rotation vector to its mirror image across x = 0

# (pivot, the pivot it hangs on), parents first. Unlike the layout's bones, tips and thumbs hang on
# the hands and everything on the pelvis, because that is how limbs turn.
_CHAIN = (
    (PELVIS, -1), (WAIST, 0), (1, WAIST), (20, 1), (2, 20), (3, 2),
    (4, 20), (5, 4), (6, 5), (7, 6), (21, 7), (22, 7),
    (8, 20), (9, 8), (10, 9), (11, 10), (23, 11), (24, 11),
    (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18),
)  # fmt: skip

# Offsets from the parent pivot of an adult of 1.7 m, arms hanging.
_MIDDLE_BONES = {
    1: (0.0, 0.29, 0.01), 20: (0.0, 0.23, 0.01), 2: (0.0, 0.08, 0.0), 3: (0.0, 0.14, -0.03),
}  # fmt: skip
_RIGHT_BONES = {
    8: (0.17, -0.05, 0.01), 9: (0.0, -0.27, 0.0), 10: (0.0, -0.24, 0.0), 11: (0.0, -0.07, -0.01),
    23: (0.0, -0.08, 0.0), 24: (-0.04, -0.03, -0.04),
    16: (0.08, -0.03, -0.02), 17: (0.01, -0.39, 0.0), 18: (0.0, -0.38, 0.01),
    19: (0.02, -0.06, -0.11),
}  # fmt: skip
_LIMBS = ((1, 20), (2, 3), (8, 16), (9, 10, 11, 23, 24), (17, 18, 19))


def body_bones(rng: np.random.Generator) -> Floats:
    """Draw the bones of one subject: (26, 3) offsets from the parent pivot, metres.

    Stature varies by about 6 %, and each of trunk, head, width, arms and legs by 4 % on its own;
    left and right are alike.
    """
    stature = rng.normal(1.0, 0.06)
    bones = np.zeros((PIVOTS, 3))
    scale = {joint: s for limb in _LIMBS for s in [rng.normal(stature, 0.04)] for joint in limb}
    for joint, offset in _MIDDLE_BONES.items():
        bones[joint] = np.multiply(offset, scale[joint])
    for right, offset in _RIGHT_BONES.items():
        bones[right] = np.multiply(offset, scale[right])
        bones[LEFT_OF[right]] = bones[right] * (-1, 1, 1)
    return bones


def pose(bones: Floats, turns: Floats) -> tuple[Floats, Floats]:
    """Forward kinematics around a pelvis at the origin.

    Args:
        bones: (26, 3) offsets from the parent pivot.
        turns: (T, 26, 3) rotation vectors, radians; each turns all that hangs on its pivot.

    Returns:
        Positions (T, 25, 3) and orientations (T, 25, 3, 3) as rotation matrices.
    """
    frames = len(turns)
    local = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(frames, PIVOTS, 3, 3)
    position = np.zeros((frames, PIVOTS, 3))
    turned = local.copy()
    for pivot, parent in _CHAIN[1:]:
        position[:, pivot] = position[:, parent] + turned[:, parent] @ bones[pivot]
        turned[:, pivot] = turned[:, parent] @ local[:, pivot]
    return position[:, :WAIST], turned[:, :WAIST]


def as_kinect20(xyz: Floats) -> Floats:
    """The 20 joints of Kinect v1 from the 25 of Kinect v2: (T, 25, 3) -> (T, 20, 3)."""
    joints = xyz[:, :20].copy()
    joints[:, 1] = xyz[:, 0] + 0.25 * (xyz[:, 1] - xyz[:, 0])  # v1's spine lies just over the hips
    joints[:, 2] = xyz[:, 20]
    return joints
