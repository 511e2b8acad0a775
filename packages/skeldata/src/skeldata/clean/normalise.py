"""Move, scale and turn a clip into the body's own frame.

Sums of products are written out instead of calling a matrix routine: every operation is then one
IEEE rounding, the same on every machine, and so are the stored bytes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skeldata.clean.bodies import Tracks
from skeldata.errors import ParseError
from skeldata.recipe import AxesRotation, Bone, Normalisation, VerticalRotation

Vector = NDArray[np.float64]

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
        xyz /= _length(first, spec.scale, "scale")
    if isinstance(spec.rotation, AxesRotation):
        xyz = rotate(xyz, axes_rotation(first, spec.rotation))
    elif isinstance(spec.rotation, VerticalRotation):
        xyz = rotate(xyz, vertical_rotation(first, spec.rotation))
    xyz[~tracks.present] = 0.0
    return replace(tracks, xyz=xyz)


def axes_rotation(points: NDArray[np.float64], rule: AxesRotation) -> NDArray[np.float64]:
    """The rotation (3, 3) that takes bone z to +z and the flattened bone x to +x.

    Raises:
        ParseError: bone z has no length.
    """
    length = _length(points, rule.z, "vertical")
    z = (points[rule.z[1]] - points[rule.z[0]]) / length
    across = points[rule.x[1]] - points[rule.x[0]]
    flat = across - z * (across * z).sum()
    if _norm(flat) <= _PARALLEL * max(_norm(across), length):
        # Bone x has no direction in the plane: any will do, so take the one nearest +x.
        helper = np.eye(3)[0 if abs(z[0]) < 0.9 else 1]
        flat = helper - z * (helper * z).sum()
    x = flat / _norm(flat)
    return np.stack([x, np.cross(z, x), z])


def vertical_rotation(points: NDArray[np.float64], rule: VerticalRotation) -> NDArray[np.float64]:
    """The rotation (3, 3) about +y that takes bone x, made level, to +x.

    A bone x without level extent has no direction to turn: the identity, the camera's own heading.
    """
    across = points[rule.x[1]] - points[rule.x[0]]
    level = across * (1.0, 0.0, 1.0)
    if _norm(level) <= _PARALLEL * _norm(across):
        return np.eye(3)
    x, y = level / _norm(level), np.array([0.0, 1.0, 0.0])
    return np.stack([x, y, np.cross(x, y)])


def rotate(xyz: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn points (..., 3) by a rotation matrix (3, 3)."""
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    turned = np.empty_like(xyz)
    for axis, (a, b, c) in enumerate(rotation):
        turned[..., axis] = x * a + y * b + z * c
    return turned


def _length(points: NDArray[np.float64], bone: Bone, use: str) -> float:
    length = _norm(points[bone[1]] - points[bone[0]])
    if length == 0:
        raise ParseError(f"bone {bone[0]}-{bone[1]}, which sets the {use}, has no length")
    return length


def _norm(vector: Vector) -> float:
    return float(np.sqrt((vector * vector).sum()))
