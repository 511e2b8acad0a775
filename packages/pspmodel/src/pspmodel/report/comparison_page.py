"""The page that lays our numbers beside published ones."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pspmodel import figures
from pspmodel.published import GROUPS
from pspmodel.report.cells import drawn_otherwise, series_labels, share_of
from pspmodel.report.curves import spans
from pspmodel.report.page import Picture, Row, code, commands, folded, notes, page, picture, table
from pspmodel.report.records import RunRecord
from pspmodel.report.repeat import commands as commands_of
from pspmodel.report.rules import RULES, SHORT, percent
from skeldata import get_dataset
from skeldata.commandline import counted

Content = Mapping[str, Any]

_RIVALS_DRAWN = 2
_SHOWN_COMMANDS = 12


def comparison_page(records: Sequence[RunRecord], content: Content) -> str:
    """The page, from runs and the content of `pspmodel.report.comparison.comparison`."""
    tables = list(dict.fromkeys((cell["dataset"], cell["protocol"]) for cell in content["cells"]))
    finished = sum(record.finished for record in records)
    parts = [
        _opening(finished, bool(content["published"]), content["rules"]),
        notes(content["warnings"]),
    ]
    for dataset, protocol in tables:
        mine = [c for c in content["cells"] if (c["dataset"], c["protocol"]) == (dataset, protocol)]
        theirs = [
            p for p in content["published"] if (p["dataset"], p["protocol"]) == (dataset, protocol)
        ]
        title = f"{get_dataset(dataset).title}, {protocol}"
        parts += [
            f"<h2>{html.escape(title)}</h2>",
            _table(mine, theirs),
            _picture(title, mine, theirs),
            _sources(theirs, any(cell["comparable"] for cell in mine)),
        ]
    parts += ["<h2>Learning curves</h2>", *_curves(records), "<h2>All runs</h2>", _runs(records)]
    parts += ["<h2>Repeat them</h2>", _repeated(records)]
    beside = " beside the published numbers" if content["published"] else ""
    return page(f"{counted(len(records), 'run')}{beside}", *parts)


def _opening(finished: int, beside: bool, rules: Content) -> str:
    listed = "".join(
        f"<li><b>{html.escape(SHORT[rule])}</b>: {html.escape(words)}</li>"
        for rule, words in rules.items()
    )
    published = (
        "<p>The published numbers of PSP are of one run each, on the authors' own label draw, and the best "
        "epoch on the test set: lay them beside our <b>oracle</b> rows. Our other rows are stricter.</p>"
    )
    return (
        f"<p>Top-1 accuracy on the test set in per cent, of {finished} finished "
        f"run{'' if finished == 1 else 's'}. Ours are means ± sample standard deviations over n label "
        "draws (split seeds); training seeds of one draw are averaged first. Every one of our numbers "
        f"says which weights it is of:</p><ul>{listed}</ul>"
    ) + (published if beside else "")


def _table(mine: Sequence[Content], theirs: Sequence[Content]) -> str:
    beside = [entry for entry in theirs if entry["group"] != "other"]
    columns = _columns([*mine, *beside])
    rows = [Row("Ours, mean ± standard deviation over label draws", kind="band")]
    for series in dict.fromkeys(cell["series"] for cell in mine):
        by_share = {cell["share"]: cell for cell in mine if cell["series"] == series}
        for rule in dict.fromkeys(rule for cell in by_share.values() for rule in cell["accuracy"]):
            shown = [_ours(by_share.get(share), rule) for share in columns]
            rows.append(Row(html.escape(series), (SHORT[rule], *shown), "ours"))
    rows += _published_rows(beside, columns)
    header = ("method", "which weights", *columns)
    text = table(rows, header, range(1, len(header)))
    others = [entry for entry in theirs if entry["group"] == "other"]
    if others:
        columns = _columns(others)
        header = ("method", "which weights", *columns)
        text += "<h3>Other label draws</h3>" + table(
            _published_rows(others, columns), header, range(1, len(header))
        )
    return text


def _columns(entries: Iterable[Content]) -> list[str]:
    """Shares of labels, small ones first, lists of names last."""
    found = {entry["share"]: entry["ratio"] for entry in entries}
    return sorted(
        found, key=lambda share: (found[share] is None, Decimal(found[share] or 0), share)
    )


def _ours(cell: Content | None, rule: str) -> str:
    found = cell["accuracy"].get(rule) if cell else None
    if cell is None or found is None:
        return "–"
    sd = "" if found["sd"] is None else f" ± {found['sd']:.1f}"
    text = f"{found['mean']:.1f}{sd} <small>n = {found['draws']}</small>"
    if rule == "test_oracle" and cell["psp_paper"] is not None:
        difference = f"{found['mean'] - cell['psp_paper']:+.1f}".replace("-", "−")
        text += f"<br><small>{difference} to the paper</small>"
    return text


def _published_rows(entries: Sequence[Content], columns: Sequence[str]) -> list[Row]:
    rows = []
    for group, title in GROUPS.items():
        members = [entry for entry in entries if entry["group"] == group]
        if members:
            rows.append(Row(html.escape(title), kind="band"))
        for name in dict.fromkeys(entry["name"] for entry in members):
            of_method = [entry for entry in members if entry["name"] == name]
            values = {entry["share"]: f"{entry['accuracy']:.1f}" for entry in of_method}
            venue = f" <small>{html.escape(of_method[0]['venue'])}</small>"
            stated = SHORT.get(of_method[0]["rule"], of_method[0]["rule"])
            rows.append(
                Row(html.escape(name) + venue, (stated, *(values.get(c, "–") for c in columns)))
            )
    return rows


def _sources(theirs: Sequence[Content], comparable: bool) -> str:
    told = dict.fromkeys((entry["source"], entry["selection"]) for entry in theirs)
    if not told:
        why = (
            "Nothing published for this dataset and protocol is known to us."
            if comparable
            else "No published numbers: they are of the whole dataset, with labels drawn by rule assl; these "
            "runs are of a part of it, their labels were drawn otherwise, or they were told which "
            "recordings are of one performance."
        )
        return f'<p class="faint">{why}</p>'
    items = "".join(
        f"<li>{html.escape(source)}. Weights: {html.escape(selection)}.</li>"
        for source, selection in told
    )
    return f'<p class="faint">Sources of the published numbers:</p><ul class="faint">{items}</ul>'


def _picture(title: str, mine: Sequence[Content], theirs: Sequence[Content]) -> str:
    lines = []
    for series, split_rule in dict.fromkeys((cell["series"], cell["split_rule"]) for cell in mine):
        name = f"{series}, {split_rule}" if drawn_otherwise(split_rule) else series
        for rule in ("last", "test_oracle"):
            points = {
                Decimal(cell["ratio"]): (
                    cell["accuracy"][rule]["mean"],
                    cell["accuracy"][rule]["sd"],
                )
                for cell in mine
                if (cell["series"], cell["split_rule"]) == (series, split_rule)
                and cell["ratio"]
                and cell["accuracy"][rule]
            }
            if points:
                lines.append(figures.Series(f"{name}: {SHORT[rule]}", points))
    if not lines:
        return ""
    for name in _drawn(theirs):
        points = {Decimal(e["ratio"]): (e["accuracy"], None) for e in theirs if e["name"] == name}
        source = "paper, best on test" if name == "PSP" else "as quoted"
        lines.append(figures.Series(f"{name} ({source})", points, ours=False))
    figure = figures.accuracy_by_ratio(lines, title)
    caption = (
        f"{title}: accuracy over the share of labels; bars are standard deviations over draws."
    )
    return picture(Picture(caption, figures.png(figure)))


def _drawn(theirs: Sequence[Content]) -> list[str]:
    """PSP and its nearest rivals with numbers at two shares of labels at least."""
    best: dict[str, list[float]] = {}
    for entry in theirs:
        if entry["group"] == "quoted":
            best.setdefault(entry["name"], []).append(entry["accuracy"])
    full = max(map(len, best.values()), default=0)
    rivals = sorted((n for n in best if len(best[n]) == full > 1), key=lambda n: -sum(best[n]))
    own = [entry["name"] for entry in theirs if entry["group"] == "paper"]
    return [*dict.fromkeys(own), *rivals[:_RIVALS_DRAWN]]


def _curves(records: Sequence[RunRecord]) -> list[str]:
    labels = series_labels(records)
    groups: dict[str, list[figures.RunCurve]] = {}
    for record in sorted(records, key=lambda r: (labels[r.folder], r.ratio or 2, r.draw)):
        title = f"{record.data['dataset']} {record.data['protocol']}, {share_of(record)}"
        curve = figures.RunCurve(labels[record.folder], record.metrics(), spans(record))
        if curve.metrics:
            groups.setdefault(title, []).append(curve)
    return [
        f"<h3>{html.escape(title)}</h3>"
        + picture(
            Picture(
                f"Test accuracy and training loss of {counted(len(curves), 'run')}.",
                figures.png(figures.learning_curves(curves)),
            )
        )
        for title, curves in groups.items()
    ]


def _runs(records: Sequence[RunRecord]) -> str:
    labels = series_labels(records)
    rows = []
    for record in records:
        row = record.row()
        steps = "–" if row["steps"] is None else f"{row['steps']:,}"
        cells = (
            html.escape(share_of(record)),
            "–" if row["split_seed"] is None else str(row["split_seed"]),
            str(row["seed"]),
            *(percent(row[rule]) for rule in RULES),
            steps if record.finished else f"{record.progress} (unfinished)",
            _computed_on(record.report or {}),
            f"<code>{row['split_digest'][:8]}</code>",
            f"<code>{row['store_digest'][:8]}</code>",
            f"<code>{html.escape(record.folder.name)}</code>",
        )
        rows.append(Row(html.escape(labels[record.folder]), cells))
    header = (
        "setting", "labels", "split seed", "seed", "last", "held-out", "oracle", "steps",
        "on", "split", "store", "run",
    )  # fmt: skip
    return table(rows, header, (1, 2, 3, 4, 5, 6), dense=True)


def _computed_on(report: Content) -> str:
    processes = int(report.get("processes", 1))
    where = str(report.get("device", "–"))
    return html.escape(where + (f" × {processes}" if processes > 1 else ""))


def _repeated(records: Sequence[RunRecord]) -> str:
    """Every command once, in the order of the runs; and the digests that must come out."""
    lines: dict[str, None] = {}
    notes_: dict[str, None] = {}
    recipes: dict[str, str] = {}
    for record in records:
        if record.report is None:
            continue
        found = commands_of(record, record.report.get("preparation"))
        lines |= dict.fromkeys(found.lines)
        notes_ |= dict.fromkeys(found.notes)
        if found.recipe_file:
            recipes[found.recipe_file] = found.recipe
    kinds = ("skeldata prepare", "skeldata verify", "skeldata")
    ordered = sorted(
        lines,
        key=lambda line: next((n for n, kind in enumerate(kinds) if line.startswith(kind)), 9),
    )
    splits = {(share_of(r), r.draw, r.data["split"]["digest"]): None for r in records}
    stores = dict.fromkeys((Path(r.data["store"]).name, r.data["store_digest"]) for r in records)
    digests = [Row(f"store {code(name)}", (code(digest),)) for name, digest in stores]
    digests += [
        Row(html.escape(f"labels, {share}, draw {draw}"), (code(digest),))
        for share, draw, digest in splits
    ]
    remarks = "".join(f"<p>{html.escape(text)}</p>" for text in notes_)
    files = "".join(folded(name, commands(text.splitlines())) for name, text in recipes.items())
    typed = commands(ordered)
    if len(ordered) > _SHOWN_COMMANDS:
        typed = folded(counted(len(ordered), "command"), typed)
    return remarks + typed + table(digests) + files
