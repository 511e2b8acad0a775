"""Our accuracies and published ones over the share of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from matplotlib.figure import Figure

from pspmodel.figures.style import COLOURS, FAINT, INK, figure_legend, new_figure, plain

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class Series:
    """One line of the picture.

    Attributes:
        label: in the legend.
        points: ratio -> (mean in per cent, standard deviation or None).
        ours: False for published numbers.
    """

    label: str
    points: Mapping[Decimal, tuple[float, float | None]] = field(repr=False)
    ours: bool = True


def accuracy_by_ratio(series: Sequence[Series], title: str) -> Figure:
    """Top-1 over the share of labels; bars are standard deviations over label draws.

    Args:
        series: ours and published ones.
        title: above the picture.
    """
    ratios = sorted({ratio for each in series for ratio in each.points})
    figure = new_figure(7.2, 4.0 + 0.2 * len(series))
    axes = figure.subplots()
    mine = [each for each in series if each.ours]
    others = [each for each in series if not each.ours]
    for place, each in enumerate(others):
        at = [float(ratios.index(ratio)) for ratio in sorted(each.points)]
        values = [each.points[ratio][0] for ratio in sorted(each.points)]
        axes.plot(
            at, values, color=INK if place == 0 else FAINT, lw=1.4 if place == 0 else 1.0,
            ls=((0, (5, 2)), (0, (1, 1.5)), (0, (4, 1.5, 1, 1.5)))[place % 3],
            marker="xd+*"[place % 4], ms=6, mfc="none", label=each.label,
        )  # fmt: skip
    for place, each in enumerate(mine):
        # Side by side, so that bars of equal ratios do not hide each other.
        shift = (place - (len(mine) - 1) / 2) * min(0.09, 0.5 / max(len(mine), 1))
        at = [ratios.index(ratio) + shift for ratio in sorted(each.points)]
        values = [each.points[ratio][0] for ratio in sorted(each.points)]
        spread = [each.points[ratio][1] or np.nan for ratio in sorted(each.points)]
        axes.errorbar(
            at, values, yerr=spread, color=COLOURS[place % len(COLOURS)],
            marker=_MARKERS[place % len(_MARKERS)], ms=6, lw=1.3, capsize=3, label=each.label,
        )  # fmt: skip
    axes.set_xticks(range(len(ratios)), [f"{float(100 * ratio):g} %" for ratio in ratios])
    axes.set_xlim(-0.5, len(ratios) - 0.5)
    axes.set(xlabel="training clips with labels", ylabel="top-1 (%)")
    axes.set_title(title, fontsize=10)
    axes.grid(axis="y", color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    plain(axes)
    handles, labels = axes.get_legend_handles_labels()
    figure_legend(figure, handles, labels)
    return figure
