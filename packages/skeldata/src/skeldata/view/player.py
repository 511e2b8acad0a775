"""A clip as one HTML file that plays: no network, no library, on a phone too."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from skeldata.export.files import atomic_output
from skeldata.report.page import facts, notes, page
from skeldata.view.camera import Floats
from skeldata.view.labels import label_places
from skeldata.view.scene import Scene
from skeldata.view.svg import STYLE, drawn, key

_WIDTH, _HEIGHT, _MARGIN = 480, 520, 28  # pixels of a panel
_COLUMN = 114  # pixels of a column of joint names
_DECIMALS = 4

_CONTROLS = """
<div class="controls" id="controls" hidden>
<button id="play" type="button">Play</button>
<input id="frame" type="range" min="0" max="{last}" value="0" aria-label="Frame">
<output id="clock"></output>
<label>Speed <select id="speed"><option value="0.25">¼<option value="0.5">½
<option value="1" selected>1<option value="2">2</select></label>
<label><input id="names" type="checkbox"{names}> Joint names</label>
<button id="front" type="button">Front</button>
</div>
<p class="faint hint">Drag a picture to walk around it. Space plays, arrow keys step.</p>
"""


def write_player(
    path: Path,
    scenes: Sequence[Scene],
    title: str,
    about: Iterable[tuple[str, str]],
    *,
    seconds: float,
    names: bool = False,
) -> None:
    """Write a page on which a clip plays, its scenes side by side.

    Args:
        path: of the page.
        scenes: of equal frame counts.
        title: of the page.
        about: heads and values (HTML) of the table under the picture.
        seconds: how long one round takes.
        names: show joint names from the beginning.
    """
    figures = "".join(
        f'<figure><svg id="scene{number}" class="skeleton" role="img" '
        f'aria-label="{html.escape(f"{title}, {scene.caption}")}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f"{_still(scene)}</svg><figcaption>{html.escape(scene.caption)}, floor "
        f"{scene.squares}</figcaption></figure>"
        for number, scene in enumerate(scenes)
    )
    content = _content(scenes, seconds)
    # Inside a script "</" and "<!--" would be more than text.
    data = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    text = page(
        title,
        f'<div class="stage">{figures}</div>',
        _CONTROLS.format(last=scenes[0].frames - 1, names=" checked" if names else ""),
        key(max(scene.persons for scene in scenes)),
        notes(dict.fromkeys(note for scene in scenes for note in scene.notes)),
        facts(about),
        f'<script type="application/json" id="clip">{data}</script>\n',
        style=STYLE + _resource("player.css"),
        script=_resource("player.js"),
    )
    with atomic_output(path, overwrite=True) as temporary:
        temporary.write_text(text, "utf-8")


def _content(scenes: Sequence[Scene], seconds: float) -> dict[str, Any]:
    """What player.js needs: stage coordinates of all frames, null for an absent body."""
    layout = scenes[0].layout
    return {
        "joints": layout.joints,
        "bones": layout.bones,
        "sides": layout.sides,
        "head": layout.joints.index("head"),
        "seconds": seconds,
        "margin": _MARGIN,
        "column": _COLUMN,
        "scenes": [_scene(scene) for scene in scenes],
    }


def _scene(scene: Scene) -> dict[str, Any]:
    centre, radius, low, high = _turntable(scene)
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "centre": centre,
        "radius": radius,
        "low": low,
        "high": high,
        "camera": {"azimuth": scene.camera.azimuth, "elevation": scene.camera.elevation},
        "labels": label_places(scene),
        "tiles": [_rounded(tile) for tile in scene.tiles()],
        "frames": [
            [
                _rounded(scene.stage[body, frame]) if scene.present[body, frame] else None
                for body in range(scene.persons)
            ]
            for frame in range(scene.frames)
        ],
    }


def _turntable(scene: Scene) -> tuple[list[float], float, float, float]:
    """Middle and radius of all that moves, the floor and the highest joint: however it is turned."""
    low, high = scene.limits
    points = np.clip(scene.stage[scene.present].reshape(-1, 3), low, high)[:, :2]
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    radius = float(np.sqrt(((points - centre) ** 2).sum(axis=1)).max())
    return centre.tolist(), radius, scene.floor, float(high[2])


def _still(scene: Scene) -> str:
    """The middle frame, for paper and for browsers without scripts; player.js draws it anew."""
    centre, radius, low, high = _turntable(scene)
    tilt = np.radians(scene.camera.elevation)
    tall = (high - low) * np.cos(tilt) + 2 * radius * np.sin(tilt)
    scale = min((_WIDTH - 2 * _MARGIN) / (2 * radius), (_HEIGHT - 2 * _MARGIN) / tall)
    across, height, _ = scene.camera.project(np.array([*centre, (low + high) / 2]))
    left, top = across - _WIDTH / 2 / scale, height + _HEIGHT / 2 / scale
    return drawn(scene, scene.frames // 2, scale, left, top, bone=4.0)


def _rounded(points: Floats) -> list[list[float]]:
    rounded: list[list[float]] = points.round(_DECIMALS).tolist()
    return rounded


def _resource(name: str) -> str:
    return resources.files("skeldata.view").joinpath(name).read_text("utf-8")
