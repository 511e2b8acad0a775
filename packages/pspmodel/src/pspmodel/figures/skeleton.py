"""Skeletons, seen from the front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pspmodel.figures.style import new_figure
from skeldata import Layout, Recipe, Store

SIDE_COLOURS = {"left": "#2b7bba", "right": "#d1603d", "middle": "#555555"}

_UP = {"y": 1, "z": 2}


def up_axis(store: Store) -> str:
    """The axis of a store's coordinates that points up, ``y`` or ``z``."""
    return Recipe.model_validate(store.recipe).normalise[store.layout.name].up


def draw_skeleton(
    axes: Axes,
    pose: NDArray[np.float32],
    layout: Layout,
    up: str = "z",
    colours: Sequence[str] | None = None,
) -> None:
    """Draw the bones of one pose: x across, the vertical up.

    Args:
        axes: where.
        pose: (V, 3).
        layout: bones.
        up: the vertical axis, ``y`` or ``z``.
        colours: of each joint's bone; by default left blue, right red.
    """
    flat = pose[:, [0, _UP[up]]]
    for child, parent in layout.bones:
        line = flat[[child, parent]]
        colour = SIDE_COLOURS[layout.sides[child]] if colours is None else colours[child]
        axes.plot(line[:, 0], line[:, 1], color=colour, lw=1.6, solid_capstyle="round", zorder=1)
    axes.set_aspect("equal")
    axes.axis("off")


def skeleton_strip(
    joint: NDArray[np.float32],
    present: NDArray[np.bool_],
    layout: Layout,
    title: str,
    poses: int = 8,
    up: str = "z",
) -> Figure:
    """Poses of one prepared clip, seen from the front; left blue, right red.

    Args:
        joint: (M, T, V, 3) from a store.
        present: (M, T) bool.
        layout: bones and sides.
        title: above the strip.
        poses: how many, evenly spaced.
        up: the vertical axis, ``y`` or ``z``.
    """
    frames = np.linspace(0, joint.shape[1] - 1, poses).round().astype(int)
    figure = new_figure(1.5 * poses, 2.6)
    figure.suptitle(title, fontsize=10)
    points = joint[present]
    low, high = points.min(axis=(0, 1)) - 0.1, points.max(axis=(0, 1)) + 0.1
    vertical = _UP[up]
    for axes, frame in zip(figure.subplots(1, poses, squeeze=False)[0], frames, strict=True):
        for person in np.flatnonzero(present[:, frame]):
            draw_skeleton(axes, joint[person, frame], layout, up)
        axes.set(
            xlim=(low[0], high[0]), ylim=(low[vertical], high[vertical]), aspect="equal"
        )  # fmt: skip
        axes.set_title(f"frame {frame}", fontsize=7)
        axes.axis("off")
    return figure
