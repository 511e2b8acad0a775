"""Pictures of data and training, as matplotlib figures; nothing here keeps global state."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from skeldata import Layout

SIDE_COLOURS = {"left": "#2b7bba", "right": "#d1603d", "middle": "#555555"}


def loss_curve(metrics: Sequence[Mapping[str, Any]]) -> Figure:
    """Loss terms and accuracies over the steps.

    Args:
        metrics: lines of ``metrics.jsonl``.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    train = [line for line in metrics if line["kind"] == "train"]
    steps = [line["step"] for line in train]
    losses.plot(steps, [line["loss"] for line in train], color="black", label="sum")
    for term in train[0]["terms"] if train else ():
        losses.plot(steps, [line["terms"].get(term, np.nan) for line in train], label=term, lw=1)
    losses.set(xlabel="step", ylabel="loss", title="Training loss", ylim=(0, None))
    if train:
        losses.legend(fontsize=8, frameon=False)
    seen = [line for line in metrics if line["kind"] == "evaluation"]
    at = [line["step"] for line in seen]
    for key, label in (("held_out", "held-out training subjects"), ("test", "test")):
        values = [np.nan if line[key] is None else 100 * line[key] for line in seen]
        accuracies.plot(at, values, marker="o", ms=3, label=label)
    accuracies.set(xlabel="step", ylabel="top-1 (%)", title="Accuracy", ylim=(0, 100))
    accuracies.legend(fontsize=8, frameon=False)
    for axes in (losses, accuracies):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def confusion_matrix(counts: NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """Row-normalised confusion matrix of the classes that occur.

    Args:
        counts: (K, K), row = true label, column = predicted label.
        classes: K names.
    """
    used = np.flatnonzero(counts.sum(axis=1) + counts.sum(axis=0))
    counts = counts[np.ix_(used, used)]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(4.0, min(14.0, 1.8 + 0.34 * len(used)))
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    names = [classes[label] for label in used.tolist()]
    axes.set_xticks(range(len(used)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(used)), names, fontsize=7)
    axes.set(xlabel="predicted", ylabel="true")
    if len(used) <= 20:
        for row, column in np.argwhere(counts > 0):
            dark = share[row, column] > 0.5
            axes.text(
                column, row, str(counts[row, column]), ha="center", va="center", fontsize=7,
                color="white" if dark else "black",
            )  # fmt: skip
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.7)
    return figure


def skeleton_strip(
    joint: NDArray[np.float32],
    present: NDArray[np.bool_],
    layout: Layout,
    title: str,
    poses: int = 8,
) -> Figure:
    """Poses of one prepared clip, seen from the front: x across, z up; left blue, right red.

    Args:
        joint: (M, T, V, 3) from a store.
        present: (M, T) bool.
    """
    frames = np.linspace(0, joint.shape[1] - 1, poses).round().astype(int)
    figure = Figure(figsize=(1.5 * poses, 2.6), layout="constrained")
    figure.suptitle(title, fontsize=10)
    points = joint[present]
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    for axes, frame in zip(figure.subplots(1, poses, squeeze=False)[0], frames, strict=True):
        for person in np.flatnonzero(present[:, frame]):
            body = joint[person, frame]
            for child, parent in layout.bones:
                line = body[[child, parent]]
                colour = SIDE_COLOURS[layout.sides[child]]
                axes.plot(line[:, 0], line[:, 2], color=colour, lw=1.6, solid_capstyle="round")
        axes.set(
            xlim=(low[0] - 0.1, high[0] + 0.1), ylim=(low[2] - 0.1, high[2] + 0.1), aspect="equal"
        )
        axes.set_title(f"frame {frame}", fontsize=7)
        axes.axis("off")
    return figure


def png(figure: Figure, dpi: int = 110) -> bytes:
    """A figure as PNG bytes, the same for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the suffix of ``path`` chooses the format (png, svg, pdf)."""
    temporary = path.with_name(f".{path.stem}.writing{path.suffix}")
    figure.savefig(temporary)
    temporary.replace(path)
