"""What the pyramid attends to: its three maps, and the skeleton with joints sized by attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pspmodel.figures.skeleton import draw_skeleton
from pspmodel.figures.style import COLOURS, FAINT, new_figure
from skeldata import Layout

_MOST_ATTENDED = 3


@dataclass(frozen=True, eq=False)
class AttendedPerson:
    """One person of a clip.

    Attributes:
        maps: level -> (n, n) attention, row = node that attends, column = node attended to.
        received: (V,) attention that each joint receives, at least 0.
        pose: (V, 3) to draw it on.
        title: who and when.
    """

    maps: Mapping[str, NDArray[np.float32]]
    received: NDArray[np.float32]
    pose: NDArray[np.float32]
    title: str = field(default="")


def attention_picture(
    persons: Sequence[AttendedPerson],
    layout: Layout,
    title: str,
    up: str = "z",
    columns: int | None = None,
) -> Figure:
    """The maps of each level and the skeleton of each person (figure 5 of the paper).

    Colours are symmetric about zero, because PSP's attention is a tanh plus what coarser levels
    add, and have a scale of their own on each map.

    Args:
        persons: at least one.
        layout: names of joints, parts and bodies.
        title: above everything.
        up: the vertical axis of poses, ``y`` or ``z``.
        columns: panels side by side; by default all of a person.
    """
    names = {"joint": layout.joints, "part": layout.part_names, "body": layout.body_names}
    levels = [level for level in names if level in persons[0].maps]
    panels = len(levels) + 1
    columns = panels if columns is None else min(columns, panels)
    rows = -(-panels // columns)
    # The skeleton is slim where it has a column of its own.
    ratios = [*([1.0] * (columns - 1)), 0.8 if columns == panels > 1 else 1.0]
    figure = new_figure(4.6 * sum(ratios), (5.9 if rows == 1 else 5.2) * rows * len(persons) + 0.4)
    figure.suptitle(title, fontsize=12)
    grid = figure.subplots(
        rows * len(persons), columns, squeeze=False, gridspec_kw={"width_ratios": ratios}
    )
    for person, axes in zip(persons, grid.reshape(len(persons), -1), strict=True):
        for each, level in zip(axes, levels, strict=False):
            _draw_map(each, person.maps[level], names[level], level)
        _draw_attended(axes[len(levels)], person, layout, up)
        for unused in axes[panels:]:
            unused.axis("off")
    return figure


def _draw_map(axes: Axes, attention: NDArray[np.float32], names: Sequence[str], level: str) -> None:
    size = len(names)
    limit = float(np.abs(attention).max()) or 1.0
    image = axes.imshow(attention, cmap="RdBu_r", vmin=-limit, vmax=limit)
    font = 7 if size > 10 else 9
    axes.set_xticks(range(size), names, rotation=90, fontsize=font)
    axes.set_yticks(range(size), names, fontsize=font)
    axes.tick_params(length=0)
    axes.set_title(f"{level} level, {size} x {size}", fontsize=10)
    axes.set_xlabel("attended to", fontsize=8.5)
    axes.set_ylabel("attends", fontsize=8.5)
    bar = axes.figure.colorbar(
        image, ax=axes, location="bottom", shrink=0.7, pad=0.02, aspect=30, ticks=MaxNLocator(5)
    )
    bar.ax.tick_params(labelsize=7)


def _draw_attended(axes: Axes, person: AttendedPerson, layout: Layout, up: str) -> None:
    draw_skeleton(axes, person.pose, layout, up, colours=[FAINT] * layout.joint_count)
    received = person.received
    least, most = float(received.min()), float(received.max())
    share = (received - least) / ((most - least) or 1.0)
    flat = person.pose[:, [0, 1 if up == "y" else 2]]
    # The largest last would hide its neighbours: draw it first.
    order = np.argsort(-received, kind="stable")
    axes.scatter(
        flat[order, 0], flat[order, 1], s=10 + 380 * share[order], color=COLOURS[1],
        alpha=0.8, edgecolors="white", linewidths=0.8, zorder=2,
    )  # fmt: skip
    axes.margins(0.2)
    names = ", ".join(layout.joints[joint] for joint in order[:_MOST_ATTENDED])
    axes.set_title(
        f"{person.title}\nsmall to large: attended to with {least:.2f} to {most:.2f}\nmost: {names}",
        fontsize=8.5,
    )
