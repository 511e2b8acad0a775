"""Where a clip is looked at from: in front of the body, a little from the side and from above.

Clips are turned into *stage* coordinates first, in which every recipe looks alike: x to the
viewer's right, y towards the viewer, z up. A camera then goes around the stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skeldata.layouts import Layout

Up = Literal["y", "z"]
Floats = NDArray[np.float64]

_AXES = {"y": 1, "z": 2}
_PARALLEL = 1e-6
_SIDES, _PAIR = ("left", "right"), ("shoulder", "hip")


@dataclass(frozen=True)
class Camera:
    """A direction to look from, in degrees.

    Attributes:
        azimuth: around the vertical; 0 is the front, 90 the viewer has gone to the right.
        elevation: above the horizon.
    """

    azimuth: float = 25.0
    elevation: float = 10.0

    def project(self, stage: Floats) -> Floats:
        """Orthographic picture of stage points (..., 3): right, up and nearness, (..., 3).

        >>> Camera(90, 0).project(np.array([1.0, 0.0, 2.0])).round(3) + 0.0
        array([0., 2., 1.])
        """
        turn, tilt = np.radians(self.azimuth), np.radians(self.elevation)
        x, y, z = stage[..., 0], stage[..., 1], stage[..., 2]
        across = x * np.cos(turn) - y * np.sin(turn)
        near = x * np.sin(turn) + y * np.cos(turn)
        height = z * np.cos(tilt) - near * np.sin(tilt)
        return np.stack([across, height, near * np.cos(tilt) + z * np.sin(tilt)], axis=-1)


FROM_SENSOR = Camera(0.0, 0.0)


def front_of(joint: Floats, present: NDArray[np.bool_], layout: Layout, up: Up) -> Floats:
    """The axes (3, 3) of the stage, as rows in the clip's coordinates: right, nearer, up.

    One body faces the viewer, so its left is on the viewer's right. Two stand side by side, seen
    from where the first shows more of its front.

    Args:
        joint: (M, T, V, 3), zeros where absent.
        present: (M, T).
        layout: whose left and right joints say where a body's front is.
        up: the vertical axis of the coordinates.
    """
    above = np.eye(3)[_AXES[up]]
    left, right = ([layout.joints.index(f"{s} {part}") for part in _PAIR] for s in _SIDES)
    main = joint[0][present[0]]
    sideways = _level((main[:, left] - main[:, right]).mean(axis=(0, 1)), above)
    together = present[:2].all(axis=0) if len(joint) > 1 else np.zeros(0, dtype=np.bool_)
    if together.any():
        apart = (joint[1][together] - joint[0][together]).mean(axis=(0, 1))
        apart = _level(apart, above)
        if apart.any():
            # Of the two sides of that line, the one before the first body.
            facing = np.cross(sideways, above)
            sideways = apart if np.cross(apart, above) @ facing >= 0 else -apart
    if not sideways.any():
        sideways = np.eye(3)[0]
    return np.stack([sideways, np.cross(sideways, above), above])


def sensor_axes() -> Floats:
    """The axes (3, 3) of the stage for raw recordings, seen as the sensor saw them.

    In camera coordinates of both sensors x points to the sensor's left, y up and z away from it.
    """
    return np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def _level(vector: Floats, above: Floats) -> Floats:
    """The horizontal direction of a vector, length 1; zeros if it has none."""
    flat = vector - above * (vector @ above)
    length = float(np.sqrt(flat @ flat))
    return flat / length if length > _PARALLEL else np.zeros(3)
