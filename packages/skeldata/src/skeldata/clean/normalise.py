"""Move, scale and turn a clip into the body's own frame.

Sums of products are written out instead of calling a matrix routine: every operation is then one
IEEE rounding, the same on every machine, and so are the stored bytes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skeldata.clean.bodies import Tracks
from skeldata.errors import ParseError

if TYPE_CHECKING:
    from skeldata.recipe import AxesRotation, Bone, Normalisation, VerticalRotation

Points = NDArray[np.float64]
Vector = tuple[float, float, float]  # of so few numbers Python's own floats are quicker than arrays

_PARALLEL = 1e-9  # below this share of a bone's length its direction is noise


def normalise(tracks: Tracks, spec: Normalisation) -> Tracks:
    """Apply origin, scale and rotation, as far as the recipe has them (psp.md section 2).

    All come from the main body's first frame. Absent bodies stay exact zeros.

    Raises:
        ParseError: a bone that scale or rotation need has no length.
    """
    first = tracks.xyz[0, np.argmax(tracks.present[0])]
    xyz = tracks.xyz - first[spec.origin]
    if spec.scale is not None:
        xyz /= _length(_bone(first, spec.scale), spec.scale, "scale")
    if spec.rotation is not None:
        if spec.rotation.kind == "axes":
            rotation = axes_rotation(first, spec.rotation)
        else:
            rotation = vertical_rotation(first, spec.rotation)
        xyz = rotate(xyz, rotation)
    if not tracks.present.all():
        xyz[~tracks.present] = 0.0
    return Tracks(xyz, tracks.present, tracks.gaps)


def axes_rotation(points: Points, rule: AxesRotation) -> NDArray[np.float64]:
    """The rotation (3, 3) that takes bone z to +z and the flattened bone x to +x.

    Raises:
        ParseError: bone z has no length.
    """
    up, across = _bone(points, rule.z), _bone(points, rule.x)
    length = _length(up, rule.z, "vertical")
    z = _divided(up, length)
    flat = _flattened(across, z)
    if _norm(flat) <= _PARALLEL * max(_norm(across), length):
        # Bone x has no direction in the plane: any will do, so take the one nearest +x.
        flat = _flattened((1.0, 0.0, 0.0) if abs(z[0]) < 0.9 else (0.0, 1.0, 0.0), z)
    x = _divided(flat, _norm(flat))
    return np.array([x, _cross(z, x), z])


def vertical_rotation(points: Points, rule: VerticalRotation) -> NDArray[np.float64]:
    """The rotation (3, 3) about +y that takes bone x, made level, to +x.

    A bone x without level extent has no direction to turn: the identity, the camera's own heading.
    """
    across = _bone(points, rule.x)
    level = (across[0], 0.0 * across[1], across[2])  # a zero with its sign: it reaches the store
    if _norm(level) <= _PARALLEL * _norm(across):
        return np.eye(3)
    x, y = _divided(level, _norm(level)), (0.0, 1.0, 0.0)
    return np.array([x, y, _cross(x, y)])


def rotate(xyz: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn points (..., 3) by a rotation matrix (3, 3)."""
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    turned = np.empty_like(xyz)
    part = np.empty_like(x)
    for axis, (a, b, c) in enumerate(rotation.tolist()):
        whole = turned[..., axis]
        np.multiply(x, a, out=whole)
        whole += np.multiply(y, b, out=part)
        whole += np.multiply(z, c, out=part)
    return turned


def _bone(points: Points, bone: Bone) -> Vector:
    """From the bone's first joint to its second."""
    (ax, ay, az), (bx, by, bz) = points[bone[0]].tolist(), points[bone[1]].tolist()
    return bx - ax, by - ay, bz - az


def _length(vector: Vector, bone: Bone, use: str) -> float:
    length = _norm(vector)
    if length == 0:
        raise ParseError(f"bone {bone[0]}-{bone[1]}, which sets the {use}, has no length")
    return length


def _flattened(vector: Vector, z: Vector) -> Vector:
    """What of a vector lies in the plane across the unit vector z."""
    along = vector[0] * z[0] + vector[1] * z[1] + vector[2] * z[2]
    return vector[0] - z[0] * along, vector[1] - z[1] * along, vector[2] - z[2] * along


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _divided(vector: Vector, by: float) -> Vector:
    return vector[0] / by, vector[1] / by, vector[2] / by


def _norm(vector: Vector) -> float:
    return math.sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])
