"""What a sweep has found so far: sweep.json, sweep.csv, and a table for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pspmodel.errors import PspmodelError
from pspmodel.report.cells import Cell, Spread, cells, rules_of, warnings
from pspmodel.report.page import replace
from pspmodel.report.records import RunRecord, is_run, read_run
from pspmodel.report.rules import SHORT, WORDS
from pspmodel.sweep.plan import Planned, Sweep

COLUMNS = (
    "run", "status", "error", "recipe", "method", "dataset", "protocol", "ratio", "labelled",
    "split_seed", "seed", "last", "held_out_best", "test_oracle", "last_without_copies",
    "held_out_accuracy", "top5", "finished", "steps", "seconds", "device", "precision",
    "split_digest", "store_digest",
)  # fmt: skip


def write_tables(sweep: Sweep, failures: Mapping[str, str]) -> None:
    """Write one row a run, the sweep's and any other run in its folder, and means over draws.

    A row's ``status`` is ``finished``, ``failed`` (with ``error``), ``unfinished`` (resumable) or
    ``waiting``; accuracies are fractions.

    Args:
        sweep: its folder exists.
        failures: reason by run name.
    """
    rows = [_row(sweep, planned, failures.get(planned.name)) for planned in sweep.runs]
    records = runs_in(sweep.out)
    planned_names = {planned.name for planned in sweep.runs}
    for record in records:
        if record.folder.name not in planned_names:
            status = "finished" if record.finished else "unfinished"
            rows.append({**dict.fromkeys(COLUMNS), **record.row(), "status": status})
    gathered = cells(records)
    content = {
        "store": str(sweep.store),
        "overrides": list(sweep.overrides),
        "rules": {rule: WORDS[rule] for rule in rules_of(gathered)},
        "runs": rows,
        "means": [_mean(cell) for cell in gathered],
        "warnings": warnings(records),
    }
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    replace(sweep.out / "sweep.json", json.dumps(content, indent=2) + "\n")
    replace(sweep.out / "sweep.csv", file.getvalue())


def table_text(folder: Path) -> str:
    """Mean ± sample standard deviation over label draws of each setting and ratio, per cent."""
    gathered = cells(runs_in(folder))
    rules = rules_of(gathered)
    lines: list[tuple[str, ...]] = [("setting", "labels", "runs", *(SHORT[rule] for rule in rules))]
    for cell in gathered:
        shown = (cell.spread(rule) for rule in rules)
        texts = ("-" if found is None else found.text() for found in shown)
        lines.append((cell.series, cell.share, str(len(cell.records)), *texts))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def runs_in(folder: Path) -> list[RunRecord]:
    """All readable runs directly in a folder, by name."""
    found = []
    for path in sorted(folder.iterdir()):
        if is_run(path):
            try:
                found.append(read_run(path))
            except PspmodelError:  # running it again says what is wrong with it
                continue
    return found


def _row(sweep: Sweep, planned: Planned, failure: str | None) -> dict[str, Any]:
    known: dict[str, Any] = {
        "run": planned.name, "recipe": planned.recipe, "ratio": planned.ratio,
        "split_seed": planned.split_seed, "seed": planned.seed, "protocol": sweep.protocol,
        "finished": False,
    }  # fmt: skip
    status = "waiting"
    if is_run(sweep.folder(planned)):
        try:
            known = read_run(sweep.folder(planned)).row()
            status = "finished" if sweep.is_done(planned) else "unfinished"
        except PspmodelError as error:
            failure = failure or str(error)
    if failure:
        status = "failed"
    return {**dict.fromkeys(COLUMNS), **known, "status": status, "error": failure}


def _mean(cell: Cell) -> dict[str, Any]:
    spreads: dict[str, Spread | None] = {rule: cell.spread(rule) for rule in cell.rules}
    return {
        "setting": cell.series,
        "dataset": cell.dataset,
        "protocol": cell.protocol,
        "ratio": None if cell.ratio is None else str(cell.ratio),
        "split_rule": cell.split_rule,
        "split_seeds": list(cell.draws),
        **{rule: None if found is None else found._asdict() for rule, found in spreads.items()},
    }
