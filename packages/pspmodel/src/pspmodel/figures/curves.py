"""Losses and accuracies over the steps, of one run and of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pspmodel.figures.style import (
    COLOURS,
    FAINT,
    INK,
    LAYERS,
    figure_legend,
    legend_below,
    new_figure,
    plain,
)

Metrics = Sequence[Mapping[str, Any]]
"""Lines of ``metrics.jsonl``."""


class StageSpan(NamedTuple):
    """A stage of a run: its name, the steps before it, and the steps at its end."""

    name: str
    first: int
    end: int


@dataclass(frozen=True)
class RunCurve:
    """One run of a comparison.

    Attributes:
        series: what it is a repetition of; runs of one series share a colour.
        metrics: lines of its ``metrics.jsonl``.
        stages: what it did, in order; marked where all runs have the same ones.
    """

    series: str
    metrics: Metrics = field(repr=False)
    stages: tuple[StageSpan, ...] = ()


def loss_curve(metrics: Metrics, stages: Sequence[StageSpan] = ()) -> Figure:
    """Loss terms and accuracies of one run over its steps.

    Terms that lie on each other stay apart by width and dashes. On the test curve the evaluations
    that the report names are marked.

    Args:
        metrics: lines of ``metrics.jsonl``.
        stages: marked and named where there are several.
    """
    figure = new_figure(9, 3.9)
    losses, accuracies = figure.subplots(1, 2)
    _draw_terms(losses, [line for line in metrics if line["kind"] == "train"])
    _draw_accuracies(accuracies, [line for line in metrics if line["kind"] == "evaluation"])
    plain(losses, accuracies)
    _whole_steps(losses, accuracies)
    _mark_stages(metrics, stages, losses, accuracies)
    return figure


def learning_curves(runs: Sequence[RunCurve], title: str = "") -> Figure:
    """Test accuracy and training loss of several runs, a colour and dashes for each series.

    Args:
        runs: of one dataset, protocol and ratio.
        title: above the panels.
    """
    series = list(dict.fromkeys(run.series for run in runs))
    figure = new_figure(9, 3.7 + 0.17 * len(series))
    if title:
        figure.suptitle(title, fontsize=10)
    accuracies, losses = figure.subplots(1, 2)
    drawn = set()
    for run in runs:
        place = series.index(run.series)
        look: dict[str, Any] = {
            "color": COLOURS[place % len(COLOURS)],
            "ls": ("solid", (0, (4, 1.5)), (0, (1, 1.2)))[place // len(COLOURS) % 3],
            "lw": 1.0,
            "alpha": 0.7,
        }
        label = None if run.series in drawn else run.series
        drawn.add(run.series)
        seen = [line for line in run.metrics if line["kind"] == "evaluation"]
        accuracies.plot(
            [line["step"] for line in seen], [100 * line["test"] for line in seen], **look
        )
        train = [line for line in run.metrics if line["kind"] == "train"]
        losses.plot(
            [line["step"] for line in train], [line["loss"] for line in train], label=label, **look
        )
    accuracies.set(xlabel="step", ylabel="top-1 (%)", ylim=(0, 100), xlim=(0, None))
    losses.set(xlabel="step", ylabel="loss", ylim=(0, None), xlim=(0, None))
    accuracies.set_title("Test accuracy", fontsize=10)
    losses.set_title("Training loss", fontsize=10)
    plain(accuracies, losses)
    _whole_steps(accuracies, losses)
    if len({run.stages for run in runs}) == 1:
        longest = max((run.metrics for run in runs), key=_last_step)
        _mark_stages(longest, runs[0].stages, accuracies, losses)
    handles, labels = losses.get_legend_handles_labels()
    figure_legend(figure, handles, labels)
    return figure


def _whole_steps(*axes: Axes) -> None:
    for each in axes:
        each.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, steps=[1, 2, 2.5, 5, 10]))


def _last_step(metrics: Metrics) -> int:
    return max((line["step"] for line in metrics), default=0)


def _mark_stages(metrics: Metrics, stages: Sequence[StageSpan], *panels: Axes) -> None:
    """Lines between stages, and their names above what was done of them."""
    last = _last_step(metrics)
    begun = [stage for stage in stages if stage.first < last]
    if len(stages) < 2:
        return
    for axes in panels:
        # Evaluations begin late: both panels show all steps.
        axes.set_xlim(0, 1.03 * last if last else None)
        axes.set_title(axes.get_title(), fontsize=10, pad=20)
        for stage in begun:
            if stage.first:
                axes.axvline(stage.first, color=FAINT, lw=0.9, ls=(0, (1, 2)))
            middle = (stage.first + min(stage.end, last)) / 2
            axes.annotate(
                stage.name, (middle, 1), xycoords=("data", "axes fraction"), xytext=(0, 4),
                textcoords="offset points", ha="center", fontsize=8, color=FAINT,
            )  # fmt: skip


def _draw_terms(axes: Axes, train: Metrics) -> None:
    steps = [line["step"] for line in train]
    terms = list(dict.fromkeys(term for line in train for term in line["terms"]))
    groups: dict[str, list[str]] = {}
    for term in terms:
        groups.setdefault(term.split("/")[0], []).append(term)
    alone = iter(COLOURS * len(terms))
    for members in groups.values():
        # Terms of one group, such as contrast/joint and contrast/part, often have one value.
        for place, term in enumerate(members):
            layer = LAYERS[place % len(LAYERS)]
            look: dict[str, Any] = {"color": layer.colour, "lw": layer.width, "ls": layer.dashes}
            if len(members) == 1:
                look = {"color": next(alone), "lw": 1.4}
            values = [line["terms"].get(term, np.nan) for line in train]
            axes.plot(steps, values, label=term, **look)
    if len(terms) > 1:
        axes.plot(steps, [line["loss"] for line in train], color=INK, lw=1.1, label="sum")
    axes.set(xlabel="step", ylabel="loss", ylim=(0, None), xlim=(0, None))
    axes.set_title("Training loss", fontsize=10)
    legend_below(axes)


def _draw_accuracies(axes: Axes, seen: Metrics) -> None:
    at = [line["step"] for line in seen]
    held_out = [np.nan if line["held_out"] is None else 100 * line["held_out"] for line in seen]
    test = [100 * line["test"] for line in seen]
    axes.plot(
        at, held_out, marker="s", ms=3.5, lw=1.2, ls=(0, (4, 2)), color=COLOURS[1],
        label="held-out training subjects",
    )  # fmt: skip
    axes.plot(at, test, marker="o", ms=3.5, lw=1.4, color=COLOURS[0], label="test")
    if seen:
        hollow: dict[str, Any] = {"ls": "none", "mfc": "none", "mew": 1.2}
        if not np.all(np.isnan(held_out)):
            best = int(np.nanargmax(held_out))
            axes.plot(
                at[best],
                test[best],
                marker="s",
                ms=8.5,
                mec=INK,
                label="best on held-out",
                **hollow,
            )
        oracle = int(np.argmax(test))
        axes.plot(at[oracle], test[oracle], marker="o", ms=12, mec=FAINT, label="oracle", **hollow)
    axes.set(xlabel="step", ylabel="top-1 (%)", ylim=(0, 100), xlim=(0, None))
    axes.set_title("Accuracy", fontsize=10)
    legend_below(axes)
