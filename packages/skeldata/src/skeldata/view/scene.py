"""A clip made ready to be drawn: stage coordinates, limits that hold for all its frames, a floor."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from skeldata.layouts import Layout
from skeldata.view.camera import Camera, Floats

_INNER = (1.0, 99.0)  # per cent; between them lie all points but those that the sensor lost
_STRAY = 3.0  # limits that are so many times as wide as the inner points are not worth keeping


@dataclass(frozen=True, eq=False)
class Bone:
    """One bone of one frame as it lies in the picture.

    Attributes:
        body: 0 for the main one.
        side: ``left``, ``right`` or ``middle``.
        ends: (2, 2) right and up, in stage units.
        near: how near its middle is to the viewer.
    """

    body: int
    side: str
    ends: Floats
    near: float


@dataclass(frozen=True, eq=False)
class Scene:
    """One clip on the stage.

    Attributes:
        caption: what it is, for people.
        stage: (M, T, V, 3) right, nearer, up; zeros where absent.
        present: (M, T).
        layout: joints and bones.
        camera: where it is looked at from first.
        unit: of the coordinates.
        notes: remarks for people.
    """

    caption: str
    stage: Floats
    present: NDArray[np.bool_]
    layout: Layout
    camera: Camera
    unit: str
    notes: tuple[str, ...] = field(default=())

    @property
    def frames(self) -> int:
        """T."""
        return int(self.stage.shape[1])

    @property
    def persons(self) -> int:
        """Bodies that are there at some time; the first of the M."""
        return int(np.flatnonzero(self.present.any(axis=1)).max(initial=0)) + 1

    def followed(self) -> Scene:
        """The same clip with the camera walking along: all bodies' middle stays where it is."""
        there = self.present[..., None, None]
        count = self.present.sum(axis=0) * self.layout.joint_count
        middle = (self.stage * there).sum(axis=(0, 2)) / np.maximum(count, 1)[:, None]
        middle[:, 2] = 0.0
        return replace(self, stage=(self.stage - middle[:, None]) * there)

    @cached_property
    def limits(self) -> tuple[Floats, Floats]:
        """Lowest and highest stage coordinates of all frames, (3,) each.

        Where a few joints fly off, as sensors have it, the others set the limits: see `strays`.
        """
        points = self.stage[self.present].reshape(-1, 3)
        low, high = points.min(axis=0), points.max(axis=0)
        inner_low, inner_high = np.percentile(points, _INNER, axis=0)
        room = 0.15 * float((inner_high - inner_low).max())
        wild = (high - low) > _STRAY * np.maximum(inner_high - inner_low, room)
        if wild.any():
            low, high = np.maximum(low, inner_low - room), np.minimum(high, inner_high + room)
        return low, high

    @property
    def strays(self) -> bool:
        """Whether some joints leave the limits."""
        low, high = self.limits
        points = self.stage[self.present]
        return bool((points < low - 1e-9).any() or (points > high + 1e-9).any())

    @property
    def floor(self) -> float:
        """Height of the floor: the lowest joint's."""
        return float(self.limits[0][2])

    def pictured(self) -> Floats:
        """(M, T, V, 3) what the camera sees of the joints: right, up, nearness."""
        return self.camera.project(self.stage)

    def bones(self, frame: int) -> list[Bone]:
        """The bones of all bodies in a frame, body by body in the layout's order."""
        pictured = self.camera.project(self.stage[:, frame])
        found = []
        for body in np.flatnonzero(self.present[:, frame]):
            for child, parent in self.layout.bones:
                ends = pictured[body, [child, parent]]
                side = self.layout.sides[child]
                found.append(Bone(int(body), side, ends[:, :2], float(ends[:, 2].mean())))
        return found

    def shadow(self, frame: int) -> list[Floats]:
        """The bones of a frame dropped on the floor, (2, 2) right and up each."""
        dropped = self.stage[:, frame].copy()
        dropped[..., 2] = self.floor
        flat = self.camera.project(dropped)[..., :2]
        return [
            flat[body, list(bone)]
            for body in np.flatnonzero(self.present[:, frame])
            for bone in self.layout.bones
        ]

    @property
    def tile(self) -> float:
        """Side of a floor square, stage units: a round number, some three to six to a side."""
        (left, far, _), (right, near, _) = self.limits
        return _tile(max(right - left, near - far))

    @property
    def squares(self) -> str:
        """How large the floor's squares are, for people."""
        unit = self.unit if self.tile != 1 else self.unit.removesuffix("s")
        return f"squares of {self.tile:g} {unit}"

    def tiles(self) -> list[Floats]:
        """Lines of the floor, (2, 3) stage points each: squares under the whole clip."""
        (left, far, _), (right, near, _) = self.limits
        size = self.tile
        xs = _steps(left, right, size)
        ys = _steps(far, near, size)
        along = [[(x, ys[0], self.floor), (x, ys[-1], self.floor)] for x in xs]
        across = [[(xs[0], y, self.floor), (xs[-1], y, self.floor)] for y in ys]
        return [np.array(line) for line in (*along, *across)]

    def box(self, *, tight: bool = False) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the picture: all frames and the floor fit in.

        Args:
            tight: the bodies and their shadows fit in; the floor may be cut off.
        """
        low, high = self.limits
        inside = np.clip(self.stage[self.present], low, high).reshape(-1, 3)
        below = inside * (1.0, 1.0, 0.0) + (0.0, 0.0, self.floor)
        floor = [below] if tight else self.tiles()
        points = self.camera.project(np.concatenate([inside, *floor]))[:, :2]
        margin = 0.04 * float(np.ptp(points, axis=0).max())
        (left, bottom), (right, top) = points.min(axis=0) - margin, points.max(axis=0) + margin
        if self.persons > 1:
            top += margin  # for the numbers above the heads
        return float(left), float(right), float(bottom), float(top)


def _tile(extent: float) -> float:
    """A round size that goes at most six times into an extent."""
    power = 10.0 ** np.floor(np.log10(max(extent, 1e-3) / 4))
    return float(next(power * step for step in (1, 2, 5, 10) if extent / (power * step) <= 6))


def _steps(low: float, high: float, size: float) -> Floats:
    return np.arange(np.floor(low / size), np.ceil(high / size) + 1) * size
