"""Features of many clips as points in a plane, coloured by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pspmodel.figures.style import COLOURS, new_figure

_COLOURS = (*COLOURS, "#222222", "#8f8f8f", "#8a6a1f")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_ROWS_OF_LEGEND = 20
_SIDE = 6.2
_INCHES_A_LETTER = 0.068


def embedding_map(
    points: NDArray[np.floating],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    title: str,
) -> Figure:
    """Points by class; neighbours in the list of classes differ in colour and in marker.

    Args:
        points: (n, 2).
        labels: (n,) 0-based; those that occur are listed.
        classes: names of all labels.
        title: above the map.
    """
    used = np.unique(labels).tolist()
    names = [classes[label] for label in used]
    blocks = [
        names[start : start + _ROWS_OF_LEGEND] for start in range(0, len(names), _ROWS_OF_LEGEND)
    ]
    legend = sum(_INCHES_A_LETTER * max(map(len, block)) + 0.5 for block in blocks)
    figure = new_figure(_SIDE + legend + 0.2, _SIDE + 0.4)
    axes = figure.subplots()
    area = float(np.clip(9000 / len(points), 8, 36))
    for place, label in enumerate(used):
        of_class = points[labels == label]
        # Nine markers and ten colours have no common factor: 90 different pairs.
        axes.scatter(
            of_class[:, 0], of_class[:, 1], s=area, color=_COLOURS[place % len(_COLOURS)],
            marker=_MARKERS[place % len(_MARKERS)], alpha=0.8, linewidths=0.3,
            edgecolors="white", label=classes[label],
        )  # fmt: skip
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    reach = 0.53 * float(np.ptp(points, axis=0).max()) or 1.0
    axes.set(
        xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach)
    )
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.set_title(title, fontsize=10)
    figure.legend(
        loc="outside right center",
        frameon=False,
        ncols=len(blocks),
        markerscale=1.6 if area < 20 else 1.2,
        fontsize=8,
    )
    return figure
