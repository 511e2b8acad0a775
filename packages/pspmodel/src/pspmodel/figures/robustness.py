"""Accuracy over the number of lost joints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pspmodel.figures.style import COLOURS, figure_legend, new_figure, plain

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.5)))


def lost_joint_curves(content: Mapping[str, Any], labels: Sequence[str], title: str) -> Figure:
    """Top-1 over lost joints, one line a run; bands are standard deviations over draws.

    Args:
        content: from `pspmodel.evaluate.robustness.robustness`.
        labels: what the legend calls each run.
        title: above the picture.
    """
    figure = new_figure(7.2, 4.0 + 0.2 * len(labels))
    axes = figure.subplots()
    for place, (run, label) in enumerate(zip(content["runs"], labels, strict=True)):
        seen = sorted(run["accuracy"], key=lambda each: each["lost"])
        at = np.array([each["lost"] for each in seen])
        mean = np.array([100 * each["top1"]["mean"] for each in seen])
        sd = np.array([100 * (each["top1"]["sd"] or 0.0) for each in seen])
        colour = COLOURS[place % len(COLOURS)]
        axes.fill_between(at, mean - sd, mean + sd, color=colour, alpha=0.18, lw=0)
        axes.plot(
            at, mean, color=colour, marker=_MARKERS[place % len(_MARKERS)], ms=5, lw=1.4,
            ls=_DASHES[place // len(COLOURS) % len(_DASHES)], label=label,
        )  # fmt: skip
    axes.set(xlabel=f"lost joints of {content['joints']}", ylabel="top-1 (%)", ylim=(0, 100))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(title, fontsize=10)
    axes.grid(axis="y", color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    plain(axes)
    figure_legend(figure, *axes.get_legend_handles_labels())
    return figure
