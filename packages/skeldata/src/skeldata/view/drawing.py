"""One clip in one matplotlib panel: a floor that stays, and a frame that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skeldata.view.labels import label_places
from skeldata.view.scene import Scene
from skeldata.view.style import COLOURS, FAINT, INK, LINE, SHADOW

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SECOND = 0.55  # a second body's bones are so much thinner
_SHADOW_WIDTH = 1.2
_MARKER = 1.9  # a joint is so many times as wide as a bone


class Panel:
    """Draws any frame of a scene into axes.

    Args:
        axes: an empty panel; its limits are set once, for all frames.
        scene: the clip.
        names: write joint names beside the main body.
        bone: width of a bone, points.
        tight: cut the floor off beside the bodies.
    """

    def __init__(
        self,
        axes: Axes,
        scene: Scene,
        *,
        names: bool = False,
        bone: float = 2.6,
        tight: bool = False,
    ) -> None:
        from matplotlib.collections import LineCollection

        self.axes, self.scene, self._bone = axes, scene, bone
        left, right, bottom, top = scene.box(tight=tight)
        axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", anchor="S")
        axes.set(xticks=[], yticks=[], facecolor="none")
        axes.spines[:].set_visible(False)
        tiles = [scene.camera.project(line)[:, :2] for line in scene.tiles()]
        axes.add_collection(LineCollection(tiles, colors=LINE, linewidths=0.7, zorder=0))
        self._shadow = _lines(axes, colors=SHADOW, linewidths=bone * _SHADOW_WIDTH, zorder=1)
        self._bones = _lines(axes, zorder=3)
        self._dots = [
            axes.scatter([], [], s=(bone * _MARKER * (1 if body == 0 else 0.8)) ** 2, zorder=4)
            for body in range(scene.persons)
        ]
        self._numbers = [
            axes.text(0, 0, f"{body + 1}", fontsize=8, color=FAINT, ha="center", va="bottom")
            for body in range(scene.persons if scene.persons > 1 else 0)
        ]
        self._labels = label_places(scene) if names else []
        self._leaders = _lines(axes, colors="#b9bdc6", linewidths=0.5, zorder=2)
        self._edges = {"left": left, "right": right}
        self._low, self._high = bottom, top - bottom
        for label in self._labels:
            at = (self._edges[label.column], self._low + label.height * self._high)
            axes.annotate(
                scene.layout.joints[label.joint],
                at,
                xytext=(-3 if label.column == "left" else 3, 0),
                textcoords="offset points",
                ha="right" if label.column == "left" else "left",
                va="center",
                fontsize=7,
                color=COLOURS[scene.layout.sides[label.joint]],
                annotation_clip=False,
            )

    def show(self, frame: int) -> None:
        """Draw a frame in place of the one before."""
        scene = self.scene
        self._shadow.set_segments(scene.shadow(frame))
        bones = sorted(scene.bones(frame), key=lambda bone: bone.near)
        self._bones.set_segments([bone.ends for bone in bones])
        self._bones.set_color([COLOURS[bone.side] for bone in bones])
        widths = [self._bone * (_SECOND if bone.body else 1) for bone in bones]
        self._bones.set_linewidths(widths)
        pictured = scene.camera.project(scene.stage[:, frame])[..., :2]
        colours = [COLOURS[side] for side in scene.layout.sides]
        for body, dots in enumerate(self._dots):
            there = bool(scene.present[body, frame])
            dots.set_offsets(pictured[body] if there else np.zeros((0, 2)))
            dots.set_facecolor("white" if body else colours)
            dots.set_edgecolor(colours if body else "none")
            dots.set_linewidth(0.9 if body else 0)
        for body, number in enumerate(self._numbers):
            number.set_visible(bool(scene.present[body, frame]))
            x, y = pictured[body, scene.layout.joints.index("head")]
            number.set_position((x, y + 0.03 * self._high))
        self._leaders.set_segments(
            [
                [
                    (self._edges[label.column], self._low + label.height * self._high),
                    pictured[int(np.argmax(scene.present[:, frame])), label.joint],
                ]
                for label in (self._labels if scene.present[:, frame].any() else [])
            ]
        )


def add_key(figure: Any, persons: int, x: float, y: float) -> None:
    """Say in the picture what the colours mean, and the hollow joints where there are two."""
    from matplotlib.lines import Line2D

    words = {"left": "left limbs", "right": "right limbs", "middle": "middle"}
    handles = [
        Line2D([], [], color=COLOURS[side], lw=2.6, label=word) for side, word in words.items()
    ]
    if persons > 1:
        handles.append(
            Line2D(
                [], [], color=FAINT, lw=1.4, marker="o", ms=4.2, mfc="white", label="second body"
            )
        )
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(x, y),
        ncols=len(handles),
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        handlelength=1.3,
        columnspacing=1.4,
        borderaxespad=0,
        borderpad=0,
    )


def _lines(axes: Axes, **style: Any) -> Any:
    from matplotlib.collections import LineCollection

    lines = LineCollection([], capstyle="round", **style)
    axes.add_collection(lines, autolim=False)
    return lines
