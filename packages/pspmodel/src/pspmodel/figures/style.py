"""What all pictures share: colours that colour-blind readers tell apart, lines, and files."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pspmodel.errors import UsageError

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#6b4c9a")
"""Okabe and Ito's, without the yellow that vanishes on white; the last one is ours."""

_LETTERS_A_LINE = 90

INK, FAINT = "#222222", "#8a8a8a"

SUFFIXES = (".png", ".svg", ".pdf")


class Stroke(NamedTuple):
    """How a line is drawn."""

    colour: str
    width: float
    dashes: Any


LAYERS = (
    Stroke("#f0b84a", 5.0, "solid"),
    Stroke("#00664d", 2.2, (0, (2.6, 3.4))),
    Stroke("#8e1c9c", 2.2, (2.2, (1.0, 5.0))),
    Stroke("#1b5fa8", 0.7, "solid"),
)
"""A band, dashes, dots in the gaps of the dashes, a hair: lines lying on each other all show."""

# The same figure gives the same bytes: no dates, ids from content instead of chance.
_FILES: Any = {"svg.hashsalt": "pspmodel", "svg.fonttype": "path"}
_NO_DATE: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches; nothing laid out in it overlaps."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def plain(*axes: Axes) -> None:
    """Take the upper and right frame away."""
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)


def legend_below(axes: Axes, columns: int = 2) -> None:
    """A legend under the axes, where it can hide nothing."""
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.2),
            ncols=columns,
            frameon=False,
            handlelength=3.2,
            labelspacing=0.7,
            fontsize=8,
        )


def figure_legend(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """A legend under everything, in as many columns as its texts leave room for."""
    wrapped = [textwrap.fill(label, _LETTERS_A_LINE) for label in labels]
    longest = max((len(label) for label in labels), default=0)
    columns = 1 if longest > _LETTERS_A_LINE // 2 - 8 else 2
    figure.legend(
        handles, wrapped, loc="outside lower center", ncols=columns, frameon=False, fontsize=8
    )


def png(figure: Figure, dpi: int = 144) -> bytes:
    """A figure as PNG bytes, the same for the same figure."""
    buffer = io.BytesIO()
    with mpl.rc_context(_FILES):
        figure.savefig(buffer, format="png", dpi=dpi, metadata=_NO_DATE["png"])
    return buffer.getvalue()


def save(figure: Figure, path: Path, dpi: int = 160) -> None:
    """Write a figure; the suffix of ``path`` chooses the format, its folder is made.

    Raises:
        UsageError: the suffix is none of png, svg and pdf.
    """
    check_suffix(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.writing{path.suffix}")
    with mpl.rc_context(_FILES):
        figure.savefig(temporary, dpi=dpi, metadata=_NO_DATE[path.suffix[1:].lower()])
    temporary.replace(path)


def check_suffix(path: Path) -> None:
    """Refuse a picture's path before work is spent on it."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot draw {path}: end its name in one of {', '.join(SUFFIXES)}")
