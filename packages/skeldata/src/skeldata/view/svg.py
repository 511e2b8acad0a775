"""Skeletons as inline SVG, coloured by the style sheet of the page they stand in."""

from __future__ import annotations

import html
from collections.abc import Sequence

from skeldata.view.camera import Floats
from skeldata.view.scene import Scene
from skeldata.view.style import COLOURS, DARK_COLOURS, LINE, SHADOW, SIDES

STYLE = (
    ":root {"
    + " ".join(f"--{side}: {colour};" for side, colour in COLOURS.items())
    + f" --tile: {LINE}; --shadow: {SHADOW}; }}\n"
    + "@media screen and (prefers-color-scheme: dark) { :root {"
    + " ".join(f"--{side}: {colour};" for side, colour in DARK_COLOURS.items())
    + " --tile: #2b2e34; --shadow: #34373e; } }\n"
    + """
.skeleton path, .skeleton line { fill: none; stroke-linecap: round; stroke-linejoin: round; }
.skeleton .left:not(text) { stroke: var(--left); } .skeleton .right:not(text) { stroke: var(--right); }
.skeleton .middle:not(text) { stroke: var(--middle); }
.skeleton .tile { stroke: var(--tile); stroke-width: 1; }
.skeleton .shadow { stroke: var(--shadow); stroke-width: 3; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; margin: .6rem 0; list-style: none;
  font-size: .9rem; }
.key svg { width: 1.6rem; height: .7rem; margin-right: .4rem; vertical-align: baseline; }
"""
)
"""Colours of sides, floor and shadow, light and dark; the key that tells what they mean."""

_BONE = 2.2  # pixels; the second body's are thinner
_SECOND = 0.6


def strip(scene: Scene, frames: Sequence[int], height: int, label: str) -> str:
    """Some frames of a clip beside each other, all at the same scale.

    The floors are cut off beside the bodies. Every frame is a ``<svg class="frame">`` with one path
    a body and side; a bone is one ``M..L..``.

    Args:
        scene: the clip.
        frames: which.
        height: pixels.
        label: for readers who cannot see it.
    """
    left, right, bottom, top = scene.box(tight=True)
    scale = height / (top - bottom)
    width = round((right - left) * scale, 1)
    parts = [
        f'<svg class="frame" x="{place * width:.1f}" width="{width:g}" height="{height}">'
        f"{drawn(scene, frame, scale, left, top, _BONE)}</svg>"
        for place, frame in enumerate(frames)
    ]
    total = round(width * len(frames), 1)
    return (
        f'<svg class="skeleton" role="img" aria-label="{html.escape(label)}" '
        f'viewBox="0 0 {total:g} {height}" width="{total:g}" height="{height}">{"".join(parts)}</svg>'
    )


def key(persons: int = 1) -> str:
    """What the colours mean."""
    items = [
        f'<li><svg class="skeleton" viewBox="0 0 24 10" aria-hidden="true"><path class="{side}" '
        f'stroke-width="4" d="M3 5L21 5"/></svg>{word}</li>'
        for side, word in zip(SIDES, ("left limbs", "right limbs", "middle"), strict=True)
    ]
    if persons > 1:
        items.append("<li>the second body is drawn thinner</li>")
    return f'<ul class="key">{"".join(items)}</ul>'


def drawn(scene: Scene, frame: int, scale: float, left: float, top: float, bone: float) -> str:
    """One frame: the floor, then a path a body and side, left limbs over right ones.

    Args:
        scene: the clip.
        frame: which.
        scale: pixels a stage unit.
        left, top: what the camera sees at pixel (0, 0), stage units.
        bone: its width, pixels.
    """
    paths: dict[tuple[int, str], list[str]] = {}
    for each in scene.bones(frame):
        paths.setdefault((each.body, each.side), []).append(_line(each.ends, scale, left, top))
    order = sorted(paths, key=lambda item: (-item[0], -SIDES.index(item[1])))
    return _floor(scene, scale, left, top) + "".join(
        f'<path class="{side}" stroke-width="{bone * (_SECOND if body else 1):g}" '
        f'd="{"".join(paths[body, side])}"/>'
        for body, side in order
    )


def _floor(scene: Scene, scale: float, left: float, top: float) -> str:
    lines = (scene.camera.project(tile)[:, :2] for tile in scene.tiles())
    return f'<path class="tile" d="{"".join(_line(line, scale, left, top) for line in lines)}"/>'


def _line(ends: Floats, scale: float, left: float, top: float) -> str:
    (x1, y1), (x2, y2) = (ends - (left, top)) * (scale, -scale)
    return f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"
