"""Clips as GIF and PNG, drawn by matplotlib (extra ``[view]``). Sizes are inches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skeldata.errors import MissingExtraError
from skeldata.export.files import atomic_output
from skeldata.view.scene import Scene
from skeldata.view.style import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

_DPI = {"gif": 100, "png": 150}
_GIF_COLOURS = 128
_SHORTEST = 20  # milliseconds; browsers slow shorter frames down to 100
_HEAD, _FOOT, _CAPTION, _SIDE = 0.66, 0.40, 0.26, 0.20
_NAME = 1.05  # width of a column of joint names
_LEAST_WIDTH = 5.4  # so that the heading fits
_WIDEST = 16.0


def require_matplotlib() -> None:
    """Raise `MissingExtraError` if matplotlib or pillow cannot be imported."""
    try:
        import matplotlib  # noqa: F401
        import PIL  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            'GIF and PNG need matplotlib and pillow: pip install "skeldata[view]"; '
            "NAME -o clip.html needs neither"
        ) from None


def write_gif(
    path: Path,
    scenes: Sequence[Scene],
    title: str,
    facts: str,
    *,
    seconds: float,
    names: bool = False,
    advanced: Callable[[], None] | None = None,
) -> None:
    """Write a clip moving, its scenes side by side.

    Args:
        path: of the GIF.
        scenes: of equal frame counts.
        title: the first line above.
        facts: the second.
        seconds: how long one round takes; more where frames would be shorter than 20 ms.
        names: write joint names beside the main body.
        advanced: called after every frame.
    """
    from PIL import Image

    from skeldata.view.drawing import Panel

    height = 4.2
    beside = _NAME if names else 0.0
    widths = [_width(scene, height, 2.4, 5.5) + 2 * beside for scene in scenes]
    figure = _figure(sum(widths) + _SIDE * (len(scenes) + 1), height + _CAPTION, "gif")
    _heading(figure, title, facts, scenes)
    left = (figure.get_figwidth() - sum(widths) - _SIDE * (len(scenes) - 1)) / 2
    panels = []
    for scene, width in zip(scenes, widths, strict=True):
        axes = _axes(figure, left + beside, _FOOT, width - 2 * beside, height)
        panels.append(Panel(axes, scene, names=names))
        _write(figure, left + width / 2, _FOOT + height + 0.05, _caption(scene), 9, FAINT, "center")
        left += width + _SIDE
    count = scenes[0].frames
    clock = _write(figure, figure.get_figwidth() - _SIDE, 0.14, "", 8, FAINT, "right")
    pictures = []
    for frame in range(count):
        for panel in panels:
            panel.show(frame)
        clock.set_text(f"frame {frame + 1} of {count}")
        pictures.append(_rendered(figure))
        if advanced:
            advanced()
    # One palette for all: with one each, colours would flicker.
    palette = pictures[count // 2].quantize(_GIF_COLOURS, Image.Quantize.FASTOCTREE)
    frames = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    with atomic_output(path, overwrite=True) as temporary:
        frames[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=durations(count, seconds),
            loop=0,
            disposal=1,
        )


def write_strip(
    path: Path,
    scenes: Sequence[Scene],
    title: str,
    facts: str,
    *,
    frames: int,
    names: bool = False,
) -> None:
    """Write evenly spaced frames of a clip as a PNG, one line a scene.

    With ``names`` the first picture of each line names its joints.
    """
    from skeldata.view.drawing import Panel

    shown = evenly_spaced(scenes[0].frames, frames)
    height, beside = (3.4 if names else 2.6), (_NAME if names else 0.0)
    wide = max(_width(scene, height, 1.0, 4.0) for scene in scenes)
    wide = min(wide, (_WIDEST - 2 * beside) / len(shown))
    high = max(
        min(height, wide * (top - bottom) / (right - left))
        for left, right, bottom, top in (scene.box() for scene in scenes)
    )
    high = max(high, height if names else 1.2)
    line_height = high + _CAPTION + 0.2
    figure = _figure(wide * len(shown) + 2 * beside + 2 * _SIDE, line_height * len(scenes), "png")
    _heading(figure, title, facts, scenes)
    start = (figure.get_figwidth() - wide * len(shown) - 2 * beside) / 2
    for line, scene in enumerate(scenes):
        bottom = _FOOT + line_height * (len(scenes) - 1 - line) + 0.2
        _write(figure, _SIDE, bottom + high + 0.05, _caption(scene), 9, FAINT, "left")
        for place, frame in enumerate(shown):
            named = names and place == 0
            left = start + beside + wide * place + (beside if place else 0.0)
            axes = _axes(figure, left, bottom, wide, high)
            Panel(axes, scene, names=named, bone=2.2).show(frame)
            text = f"frame {frame + 1}"
            _write(figure, left + wide / 2, bottom - 0.16, text, 7.5, FAINT, "center")
    _save_png(figure, path)


def write_sheet(
    path: Path,
    clips: Sequence[tuple[str, Scene]],
    title: str,
    facts: str,
    *,
    frames: int,
    advanced: Callable[[], None] | None = None,
) -> None:
    """Write a contact sheet as a PNG: some frames of each of several clips, in two columns.

    Args:
        path: of the PNG.
        clips: what to write above each, and the clip.
        title: the first line above all.
        facts: the second.
        frames: of each clip.
        advanced: called after every clip.
    """
    from skeldata.view.drawing import Panel

    columns = min(2, len(clips))
    lines = -(-len(clips) // columns)
    wide, high, gap = 6.0, 1.25, 0.42
    figure = _figure(columns * (wide + _SIDE) + _SIDE, lines * (high + gap), "png")
    scenes = [scene.followed() for _, scene in clips]
    _heading(figure, title, f"{facts}; the camera follows the body", scenes)
    for place, ((text, _), scene) in enumerate(zip(clips, scenes, strict=True)):
        line, column = divmod(place, columns)
        left = _SIDE + column * (wide + _SIDE)
        bottom = _FOOT + (lines - 1 - line) * (high + gap) + 0.06
        _write(figure, left, bottom + high + 0.07, text, 8.5, INK, "left")
        shown = evenly_spaced(scene.frames, frames)
        for step, frame in enumerate(shown):
            each = wide / len(shown)
            axes = _axes(figure, left + each * step, bottom, each, high)
            Panel(axes, scene, bone=1.4, tight=True).show(frame)
        if advanced:
            advanced()
    _save_png(figure, path)


def evenly_spaced(count: int, wanted: int) -> list[int]:
    """At most ``wanted`` frame numbers from first to last; the middle one if one is wanted.

    >>> evenly_spaced(50, 3), evenly_spaced(50, 1), evenly_spaced(2, 8)
    ([0, 24, 49], [25], [0, 1])
    """
    if wanted == 1:
        return [count // 2]
    return [int(place) for place in np.linspace(0, count - 1, min(wanted, count)).round()]


def durations(count: int, seconds: float) -> list[int]:
    """Milliseconds of each frame, whole hundredths of a second as GIF has them, sum unrounded.

    >>> durations(4, 0.5), durations(3, 0.01)
    ([120, 130, 130, 120], [20, 20, 20])
    """
    total = max(1000 * seconds, count * _SHORTEST)
    ends = [10 * round(total * place / count / 10) for place in range(count + 1)]
    return [end - start for start, end in pairwise(ends)]


def _width(scene: Scene, height: float, least: float, most: float) -> float:
    left, right, bottom, top = scene.box()
    return min(max(height * (right - left) / (top - bottom), least), most)


def _figure(width: float, body: float, kind: str) -> Figure:
    """An empty figure with room for ``body`` inches of pictures between heading and foot."""
    from matplotlib.figure import Figure

    size = (max(width, _LEAST_WIDTH), body + _HEAD + _FOOT)
    return Figure(figsize=size, dpi=_DPI[kind], facecolor="white")


def _heading(figure: Figure, title: str, facts: str, scenes: Sequence[Scene]) -> None:
    from skeldata.view.drawing import add_key

    width, height = figure.get_size_inches()
    _write(figure, _SIDE, height - 0.32, title, 11.5, INK, "left")
    _write(figure, _SIDE, height - 0.54, facts, 8, FAINT, "left")
    notes = dict.fromkeys(note for scene in scenes for note in scene.notes)
    add_key(figure, max(scene.persons for scene in scenes), _SIDE / width, 0.13 / height)
    if notes:
        _write(figure, width - _SIDE, height - 0.32, "; ".join(notes), 7.5, FAINT, "right")


def _caption(scene: Scene) -> str:
    """What a scene is, and where the floor is seen from above, how large its squares are."""
    return f"{scene.caption}, {scene.squares}" if scene.camera.elevation else scene.caption


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    whole_width, whole_height = figure.get_size_inches()
    return figure.add_axes(
        (left / whole_width, bottom / whole_height, width / whole_width, height / whole_height)
    )


def _write(figure: Figure, x: float, y: float, text: str, size: float, colour: str, align: str):  # type: ignore[no-untyped-def]
    width, height = figure.get_size_inches()
    return figure.text(x / width, y / height, text, fontsize=size, color=colour, ha=align)


def _rendered(figure: Figure) -> Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _save_png(figure: Figure, path: Path) -> None:
    with atomic_output(path, overwrite=True) as temporary:
        # No version in the file: the same clip gives the same bytes.
        figure.savefig(temporary, format="png", metadata={"Software": None})
