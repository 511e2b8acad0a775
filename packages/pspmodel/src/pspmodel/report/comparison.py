"""Runs beside each other and beside published numbers: content, and files in three forms."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pspmodel.errors import UsageError
from pspmodel.published import GROUPS, paper, published
from pspmodel.report.cells import Cell, Spread, cells, rules_of, share_of, warnings
from pspmodel.report.comparison_page import comparison_page
from pspmodel.report.page import replace
from pspmodel.report.records import RunRecord, is_run
from pspmodel.report.rules import WORDS

CSV_COLUMNS = (
    "dataset", "protocol", "share", "ratio", "kind", "name", "rule", "mean", "sd", "draws", "runs",
    "source",
)  # fmt: skip


def write_comparison(records: Sequence[RunRecord], out: Path) -> dict[str, Any]:
    """Write a page, and beside it the same as JSON and CSV; return the JSON content.

    Args:
        records: the runs, at least one.
        out: the page; the other files have its name with ``.json`` and ``.csv``.

    Raises:
        UsageError: the JSON file would replace a run's own report.json.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"-o {out}: the report is a page; end its name in .html")
    if is_run(out.parent):
        raise UsageError(f"-o {out} lies in a run's folder, whose own report it could replace")
    content = comparison(records)
    out.parent.mkdir(parents=True, exist_ok=True)
    replace(out.with_suffix(".json"), json.dumps(content, indent=2) + "\n")
    replace(out.with_suffix(".csv"), as_csv(content))
    replace(out, comparison_page(records, content))
    return content


def comparison(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Everything the page says, as JSON can hold it; our accuracies and published ones in per cent.

    Published numbers are listed for every dataset and protocol that has runs on the official set, with
    their source and how their weights were chosen; beside runs on a part of it, on labels drawn by
    another rule, or with a teacher that knows the cameras, they would mislead.
    """
    gathered = cells(records)
    tables = dict.fromkeys((cell.dataset, cell.protocol) for cell in gathered if cell.comparable)
    return {
        "rules": {rule: WORDS[rule] for rule in rules_of(gathered)},
        "spread": "mean and sample standard deviation over label draws (split seeds), n of them; "
        "training seeds of one draw are averaged first",
        "warnings": warnings(records),
        "cells": [_cell(cell) for cell in gathered],
        "published": [entry for table in tables for entry in published_entries(*table)],
        "runs": [record.row() | {"share": share_of(record)} for record in records],
    }


def as_csv(content: dict[str, Any]) -> str:
    """One line for each number, ours and published; accuracies in per cent."""
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for cell in content["cells"]:
        for rule, found in cell["accuracy"].items():
            if found is not None:
                shared = {key: cell[key] for key in ("dataset", "protocol", "share", "ratio")}
                writer.writerow(
                    {**shared, "kind": "ours", "name": cell["series"], "rule": rule, **found}
                )
    for entry in content["published"]:
        writer.writerow(
            {key: entry[key] for key in CSV_COLUMNS if key in entry}
            | {"kind": entry["group"], "mean": entry["accuracy"]}
        )
    return file.getvalue()


def _cell(cell: Cell) -> dict[str, Any]:
    theirs = None
    if cell.ratio is not None and cell.comparable:
        theirs = paper().ratios(cell.dataset, cell.protocol).get(cell.ratio)
    return {
        "dataset": cell.dataset,
        "protocol": cell.protocol,
        "share": cell.share,
        "ratio": None if cell.ratio is None else str(cell.ratio),
        "split_rule": cell.split_rule,
        "series": cell.series,
        "split_seeds": list(cell.draws),
        "accuracy": {rule: _percents(cell.spread(rule)) for rule in cell.rules},
        "official_set": cell.whole,
        "comparable": cell.comparable,
        "psp_paper": theirs,
        "runs": [record.folder.name for record in cell.records],
    }


def _percents(found: Spread | None) -> dict[str, Any] | None:
    if found is None:
        return None
    sd = None if found.sd is None else round(100 * found.sd, 4)
    return {"mean": round(100 * found.mean, 4), "sd": sd, "draws": found.draws, "runs": found.runs}


def published_entries(dataset: str, protocol: str) -> list[dict[str, Any]]:
    """Every published number for a dataset and protocol, in per cent."""
    return [
        {
            "dataset": dataset,
            "protocol": protocol,
            "share": f"{float(100 * ratio):g} %",
            "ratio": str(ratio),
            "name": method.name,
            "venue": method.venue,
            "group": method.group,
            "accuracy": value,
            "rule": "test_oracle" if group in ("paper", "ablation") else "not stated",
            "source": method.source.title,
            "selection": method.source.selection,
        }
        for group in GROUPS
        for method in published()
        if method.group == group
        for ratio, value in sorted(method.ratios(dataset, protocol).items(), key=_first)
    ]


def _first(pair: tuple[Decimal, float]) -> Decimal:
    return pair[0]
