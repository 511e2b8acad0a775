"""``skeldata splits import``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skeldata.cli.splits.common import EXIT_MISMATCH, JSON, summary
from skeldata.commandline import PATH, Command, counted, note, shortened

_FAULTS_SHOWN = 20


@click.command("import", cls=Command)
@click.argument("listing", metavar="LIST", type=PATH)
@click.option("-o", "--out", type=PATH, required=True, help="Folder to write into.")
@click.option("--dataset", help="ntu60, ntu120 or nw-ucla; else found from the names.")
@click.option("--protocol", help="xsub, xview or xset; else found from the names.")
@click.option("--source", required=True, help="Where the list was found, for the manifest.")
@click.option("--credit", help="Whose work it is, for the manifest.")
@click.option("--name", help="Of the files to write; default: dataset, protocol and digest.")
@JSON
def import_(
    listing: Path,
    out: Path,
    dataset: str | None,
    protocol: str | None,
    source: str,
    credit: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Make a manifest of any list of labelled names.

    LIST is a text file with one sample a line (folders, suffixes and other columns do not matter;
    "#" begins a comment line), a CSV, a JSON list, or a label pickle "(names, labels)", which is
    read without running anything in it.

    Every name must be a sample name of the dataset, stand there once, have a skeleton, and belong to
    the training part of the protocol; else nothing is written, each fault is named with its line,
    and the exit code is 4.

    \b
    Examples:
      skeldata splits import labelled.txt -o splits --source "our lab, 2021"
      skeldata splits import train_label.pkl -o splits --source "code of the paper" \\
          --credit "A. Author, Conference 2020" --name author2020 --protocol xview
    """
    from skeldata.splits import examine_list, write_split

    found = examine_list(listing, source=source, dataset=dataset, protocol=protocol, credit=credit)
    for line in found.notes:
        note(line)
    if found.split is None:
        for line in shortened([str(finding) for finding in found.findings], _FAULTS_SHOWN):
            note(line)
        note(f"{counted(len(found.findings), 'fault')} in {listing}; nothing was written")
        raise SystemExit(EXIT_MISMATCH)
    split = found.split
    path = write_split(split, out, name)
    for warning in split.warnings:
        note(f"warning: {warning}")
    note(f"{split.title}, {_per_class(split.per_class)}")
    if as_json:
        click.echo(json.dumps(summary(split) | {"file": str(path)}, indent=2))
    else:
        click.echo(f"{path}  {counted(split.count, 'name')}  {split.digest}")


def _per_class(counts: tuple[int, ...]) -> str:
    low, high = min(counts), max(counts)
    return f"{low} per class" if low == high else f"{low} to {high} per class"
