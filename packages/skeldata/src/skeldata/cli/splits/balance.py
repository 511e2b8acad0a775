"""``skeldata splits balance``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skeldata.cli.splits.common import (
    JSON,
    PROTOCOL,
    RATIO,
    RULE,
    SEED,
    dataset_of,
    given,
    options,
    protocol_of,
    stored,
    summary,
)
from skeldata.commandline import PATH, Command, note
from skeldata.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from skeldata.splits import Balance, Cell, Split

_COLUMNS = ("labelled", "training", "share")


@click.command(cls=Command)
@click.argument("path", required=False, metavar="[SPLIT]", type=PATH)
@click.option("--dataset", help="Of a draw or a bare list: ntu60, ntu120 or nw-ucla.")
@options(PROTOCOL, RATIO, SEED, RULE)
@click.option("--store", type=PATH, help="Count against this store's names, not the official ones.")
@JSON
def balance(
    path: Path | None,
    dataset: str | None,
    protocol: str | None,
    ratio: str | None,
    seed: int,
    rule: Any,
    store: Path | None,
    as_json: bool,
) -> None:
    """Count a split's labelled clips by class, subject, camera, setup and replication.

    SPLIT is a manifest, a list or a published list by name; without it, the draw of the options.
    Warns of what has no labelled clip at all.

    \b
    Examples:
      skeldata splits balance splits/ntu60-xsub-assl-ratio0.05-seed0.json
      skeldata splits balance --dataset ntu60 --protocol xsub --ratio 5% --seed 2
      skeldata splits balance x-car --json
    """
    from skeldata import splits

    of_store, names = (None, None) if store is None else stored(store)
    if store is not None and of_store is not None:
        dataset = dataset_of(store, of_store, dataset)
    if path is not None:
        if terms := given("ratio", "seed", "rule"):
            raise UsageError(f"{path} is a split already; drop {', '.join(terms)}")
        split = _read(path, dataset, protocol)
    else:
        split = _draw(dataset, protocol, ratio, seed, rule, names)
    found = splits.balance(split, names)
    if as_json:
        click.echo(json.dumps(_content(found), indent=2))
    elif sys.stdout.isatty():
        from rich.console import Console

        print_tables(found, Console())
    else:
        for line in plain_lines(found):
            click.echo(line)
    for warning in (*split.warnings, *found.warnings):
        note(f"warning: {warning}")


def _read(path: Path, dataset: str | None, protocol: str | None) -> Split:
    from skeldata.datasets import get_dataset
    from skeldata.splits import is_bare, read_manifest

    if dataset is not None and protocol is None and is_bare(path):
        protocol = protocol_of(get_dataset(dataset), None)
    return read_manifest(path, dataset=dataset, protocol=protocol)


def _draw(
    dataset: str | None,
    protocol: str | None,
    ratio: str | None,
    seed: int,
    rule: Any,
    names: tuple[str, ...] | None,
) -> Split:
    from skeldata.datasets import get_dataset
    from skeldata.splits import draw, training_names

    if dataset is None or ratio is None:
        raise UsageError("give a split, or --dataset (or --store) and --ratio for a draw")
    name = protocol_of(get_dataset(dataset), protocol)
    own = None if names is None else training_names(dataset, name, names)
    return draw(dataset, name, ratio, seed, rule, own)


def plain_lines(found: Balance) -> Iterator[str]:
    """The tables as text, one line a row, the columns the same in all of them."""
    yield from _head(found)
    tables = {factor: list(_rows(found, factor)) for factor in found.factors}
    width = max(len(row[0]) for rows in tables.values() for row in rows)
    for factor, rows in tables.items():
        yield ""
        for row in ((factor, *_COLUMNS), *rows):
            yield f"{row[0]:<{width}}{row[1]:>10}{row[2]:>10}{row[3]:>9}"


def print_tables(found: Balance, console: Console) -> None:
    """The tables for a terminal; what has no labelled clip stands out."""
    from rich.table import Table

    for line in _head(found):
        console.print(line, highlight=False, markup=False)
    for factor, cells in found.factors.items():
        table = Table(show_edge=False, pad_edge=False)
        table.add_column(factor)
        for column in _COLUMNS:
            table.add_column(column, justify="right")
        for row, cell in zip(_rows(found, factor), cells, strict=True):
            table.add_row(*row, style=None if cell.labelled else "bold red")
        console.print()
        console.print(table)


def _head(found: Balance) -> tuple[str, str]:
    title = f"{found.split.title}: {found.labelled:,} of {found.training:,} training clips"
    return f"{title}, {_percent(found.share)}", found.split.digest


def _rows(found: Balance, factor: str) -> Iterator[tuple[str, str, str, str]]:
    for cell in found.factors[factor]:
        title = found.title_of(factor, cell)
        yield title, f"{cell.labelled:,}", f"{cell.training:,}", _percent(cell.share)


def _percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def _content(found: Balance) -> dict[str, Any]:
    def row(factor: str, cell: Cell) -> dict[str, Any]:
        counts = {"labelled": cell.labelled, "training": cell.training, "share": cell.share}
        return {"value": cell.value, "title": found.title_of(factor, cell), **counts}

    return {
        "split": summary(found.split),
        "labelled": found.labelled,
        "training": found.training,
        "share": found.share,
        "factors": {
            factor: [row(factor, cell) for cell in cells] for factor, cells in found.factors.items()
        },
        "warnings": found.warnings,
    }
