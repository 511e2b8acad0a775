"""``skeldata info``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skeldata.commandline import PATH, Command, counted

if TYPE_CHECKING:
    from skeldata.store import Store
    from skeldata.store.summary import Lengths, ProtocolSummary, StoreSummary

_QUICKLY_COMPARED = 5_000
"""Rows that are compared in about a second."""


@click.command(cls=Command)
@click.argument("store", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print all attributes and counts as JSON.")
def info(store: Path, as_json: bool) -> None:
    """Say what a store holds: facts, protocols, labelled counts, classes, rejected files.

    Labelled counts are those of the rule "assl" at the ratios that papers report. With --json the
    root attributes are printed, and under "summary" what is counted here.

    \b
    Examples:
      skeldata info ucla.zarr
      skeldata info ucla.zarr --json | jq .summary.protocols
    """
    from skeldata.store import open_store
    from skeldata.store.summary import summarise

    opened = open_store(store)
    summary = summarise(opened)
    if as_json:
        click.echo(json.dumps(opened.attributes | {"summary": asdict(summary)}, indent=2))
        return
    for key, value in _facts(opened, summary):
        click.echo(f"{key:<14}  {value}")
    click.echo("")
    ratios = list(dict.fromkeys(r for p in summary.protocols for r in p.labelled))
    _print_table(
        ["protocol", "train", "test", *[f"labelled at {float(r):.0%}" for r in ratios]],
        [
            [p.name, f"{p.train:,}", f"{p.test:,}", *[_labelled(p, r) for r in ratios]]
            for p in summary.protocols
        ],
    )
    click.echo("")
    protocols = [p.name for p in summary.protocols]
    headings = [
        "class",
        "name",
        "rows",
        "frames",
        *[f"{m} bodies" for m in range(2, opened.persons + 1)],
    ]
    for name in protocols:
        headings += [f"{name} train", "test"]
    _print_table(
        headings,
        [
            [
                str(c.label),
                c.name,
                f"{c.rows:,}",
                _frames(c.lengths),
                *[f"{count:,}" for count in c.bodies[1:]],
                *[
                    cell
                    for p in protocols
                    for cell in (f"{c.train[p]:,}", f"{c.rows - c.train[p]:,}")
                ],
            ]
            for c in summary.classes
            if c.rows
        ],
        text=(1,),
    )
    for rejection in opened.attributes["rejected"]:
        line = f", line {rejection['line']}" if rejection["line"] else ""
        click.echo(f"rejected: {rejection['name']}{line}: {rejection['reason']}")


def _facts(store: Store, summary: StoreSummary) -> list[tuple[str, str]]:
    attributes, recipe, counts = store.attributes, store.recipe, store.attributes["counts"]
    held, official = summary.official
    bodies = [
        f"{count:,} of {number} {'body' if number == 1 else 'bodies'}"
        for number, count in enumerate(summary.bodies, start=1)
    ]
    return [
        ("dataset", f"{store.dataset.title} ({store.dataset.id})"),
        (
            "rows",
            f"{len(store):,} of {store.persons} x {store.frames} frames x "
            f"{store.layout.joint_count} joints x 3",
        ),
        ("streams", ", ".join(store.streams)),
        ("recipe", f"{recipe['name']} version {recipe['version']}"),
        ("clips", ", ".join(bodies)),
        ("source frames", f"{_frames(summary.lengths)} (least, median, most)"),
        (
            "official names",
            f"{held:,} of {official:,} held, {len(store) - held:,} rows beyond the list",
        ),
        (
            "left out",
            f"{counts['missing']:,} officially missing, {counts['rejected']:,} rejected, "
            f"{counts['ignored']:,} other files ignored",
        ),
        ("copies", _copies(store, summary)),
        *((f"draws of {p.name}", _draws(p)) for p in summary.protocols if p.train),
        ("content digest", store.content_digest),
        ("source digest", store.source_digest),
        ("written by", ", ".join(f"{tool} {v}" for tool, v in attributes["tools"].items())),
    ]


def _copies(store: Store, summary: StoreSummary) -> str:
    """Recordings under several names, where looking for them takes no time."""
    if len(store) > _QUICKLY_COMPARED:
        return f"not looked for among so many rows: `skeldata copies {store.path}`"
    from skeldata.errors import StoreError
    from skeldata.store.copies import copied_from_training, find_copies

    try:
        found = find_copies(store)
    except StoreError:
        return (
            f"not to be looked for, a block is damaged: `skeldata verify {store.path}` says which"
        )
    if not found:
        return "none: no two rows hold the same clip"
    tests = [
        f"{len(copied_from_training(store, p.name, found)):,} of the {p.test:,} test clips of {p.name} "
        "are training clips as well"
        for p in summary.protocols
    ]
    return f"{counted(len(found), 'recording')} under several names; {', '.join(tests)}"


def _draws(protocol: ProtocolSummary) -> str:
    """Which names labels are drawn from, and why."""
    held, official = protocol.official
    of_them = f"{held:,} of the {official:,} official training names are here"
    if protocol.base == "official":
        return f"labels from the official list, as in any lab: {of_them}, 99 % or more"
    return (
        f"labels from the store's own {protocol.train:,} training names: {of_them}, less than 99 %"
    )


def _labelled(protocol: ProtocolSummary, ratio: str) -> str:
    """E.g. ``1,980 (33 a class)``; a range where small classes give all they have."""
    counts = protocol.labelled.get(ratio)
    if not counts:
        return "-"
    least, most = min(counts.values()), max(counts.values())
    each = f"{most}" if least == most else f"{least}-{most}"
    return f"{sum(counts.values()):,} ({each} a class)"


def _frames(lengths: Lengths | None) -> str:
    return "-" if lengths is None else f"{lengths.least} {lengths.median:g} {lengths.most}"


def _print_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], text: Sequence[int] = ()
) -> None:
    """A rich table on a terminal; elsewhere the same columns, aligned by spaces alone."""
    left = {0, *text}
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table()
        for index, heading in enumerate(headings):
            table.add_column(heading, justify="left" if index in left else "right")
        for row in rows:
            table.add_row(*map(Text, row))
        Console().print(table)
        return
    lines = [headings, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headings))]
    for line in lines:
        cells = [
            f"{cell:<{width}}" if index in left else f"{cell:>{width}}"
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())
