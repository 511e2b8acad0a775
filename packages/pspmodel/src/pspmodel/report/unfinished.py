"""A run that was interrupted: what it has measured so far, and how to go on with it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pspmodel import figures
from pspmodel.report.cells import drawn_otherwise
from pspmodel.report.curves import spans
from pspmodel.report.page import Picture, Row, code, commands, notes, page, picture, table
from pspmodel.report.records import RunRecord
from pspmodel.report.repeat import resuming
from pspmodel.report.rules import percent

Line = Mapping[str, Any]

_REPEAT = "repeat its training command with --resume"


def unfinished(record: RunRecord) -> list[str]:
    """That a run is not finished, in one line; nothing for one that is."""
    if record.finished:
        return []
    told = f"unfinished: {record.progress}; {_REPEAT} to go on"
    reported = (record.report or {}).get("steps")
    if reported is not None and reported != record.steps_done:
        told += f". Its report is still of step {reported:,}"
    return [told]


def how_to_go_on(record: RunRecord) -> str:
    """The command for the person who has the run's folder and store where they were."""
    found = resuming(record, record.data["store"], str(record.folder))
    return found or f"{_REPEAT}, --out {record.folder}"


def unfinished_page(record: RunRecord) -> str:
    """The page of a run that has not reported yet: measurements, curves, and the way on."""
    data = record.data
    title = f"{record.config['method']} on {data['dataset']} {data['protocol']}, not finished"
    metrics = record.metrics()
    sections = {
        "Accuracy so far": _accuracies(metrics),
        "Learning curves": _curves(record, metrics),
        "The run": table(Row(head, (cell,)) for head, cell in _facts(record)),
        "Going on": _going_on(record),
    }
    return page(
        title,
        notes(unfinished(record)),
        *(f"<section><h2>{head}</h2>{text}</section>\n" for head, text in sections.items()),
    )


def _accuracies(metrics: Sequence[Line]) -> str:
    measured = [line for line in metrics if line["kind"] == "evaluation"]
    if not measured:
        return '<p class="faint">Nothing was evaluated yet.</p>'
    held_out = [line for line in measured if line["held_out"] is not None]
    # The first of equals, as training chooses it.
    chosen = {
        "latest evaluation": measured[-1],
        "best on held-out so far": max(held_out, key=lambda line: line["held_out"], default=None),
        "best on test so far (oracle)": max(measured, key=lambda line: line["test"]),
    }
    rows = [
        Row(html.escape(head), (percent(line["test"]), f"{line['step']:,}"))
        for head, line in chosen.items()
        if line is not None
    ]
    told = "<p>These are steps on the way: they stand for no result, and go into no mean.</p>"
    return table(rows, ("", "top-1 on test", "step"), (0, 1)) + told


def _curves(record: RunRecord, metrics: Sequence[Line]) -> str:
    if sum(line["kind"] == "train" for line in metrics) < 2:
        return '<p class="faint">Too few measurements for a curve yet.</p>'
    caption = "Training loss with its terms, and accuracy on test and held-out clips, so far."
    return picture(Picture(caption, figures.png(figures.loss_curve(metrics, spans(record)))))


def _facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    split = record.data["split"]
    drawn = "a list of names"
    if split["ratio"] is not None:
        rule = f", {split['rule']}" if drawn_otherwise(split["rule"]) else ""
        drawn = f"ratio {split['ratio']}{rule}, split seed {split['seed']}"
    yield "Recipe", html.escape(f"{record.config['recipe']}: {record.config['summary']}")
    yield "Labels", html.escape(f"{split['count']:,} labelled clips, {drawn}")
    yield "Training seed", str(record.config["seed"])
    yield "Done", html.escape(record.progress)
    yield "Split", code(split["digest"])
    yield "Store", code(record.data["store_digest"])


def _going_on(record: RunRecord) -> str:
    # A page may be passed on: it names store and folder, not where they lie.
    store = str(record.data["store"]).replace("\\", "/").rpartition("/")[2]
    line = resuming(record, store, record.folder.name)
    if line is None:
        return f"<p>{html.escape(_REPEAT.capitalize())}.</p>"
    return "<p>From the last checkpoint on:</p>" + (commands([line]))
