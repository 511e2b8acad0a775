"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pspmodel.figures.style import new_figure

_COUNTED_CLASSES = 20
"""Up to so many classes the counts are written into the matrix."""

_INCHES_A_LETTER = 0.06


def confusion_matrix(counts: NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """Row-normalised confusion matrix of the classes that occur.

    Args:
        counts: (K, K), row = true label, column = predicted label.
        classes: K names.
    """
    used = np.flatnonzero(counts.sum(axis=1) + counts.sum(axis=0))
    counts = counts[np.ix_(used, used)]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    few = len(used) <= _COUNTED_CLASSES
    names = [classes[label] for label in used.tolist()]
    side = (0.36 if few else 0.19) * max(len(used), 6)
    margin = 0.6 + _INCHES_A_LETTER * max(map(len, names), default=0)
    figure = new_figure(side + margin + 0.9, side + margin)
    axes = figure.subplots()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(used)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(used)), names, fontsize=7)
    axes.set_xlabel("predicted", fontsize=9)
    axes.set_ylabel("true", fontsize=9)
    if few:
        for row, column in np.argwhere(counts > 0):
            dark = share[row, column] > 0.5
            axes.text(
                column, row, str(counts[row, column]), ha="center", va="center", fontsize=7,
                color="white" if dark else "black",
            )  # fmt: skip
    bar = figure.colorbar(image, ax=axes, shrink=0.6, fraction=0.7 / (side + margin), aspect=25)
    bar.set_label("share of the true class", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure
