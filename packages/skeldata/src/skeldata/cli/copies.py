"""``skeldata copies``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skeldata.commandline import PATH, Command, counted, note


@click.command(cls=Command)
@click.argument("store", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print groups and counts as JSON.")
def copies(store: Path, as_json: bool) -> None:
    """List recordings that a store holds under several names.

    One line a group of names whose clips are the same bit for bit, and at the end, for each protocol,
    how many test clips are training clips under another name: a network may know them by heart.

    \b
    Examples:
      skeldata copies ucla.zarr
      skeldata copies ucla.zarr --json | jq .test.xview
    """
    from skeldata.progress import Progress
    from skeldata.store import open_store
    from skeldata.store.copies import copied_from_training, find_copies

    opened = open_store(store)
    with Progress(len(opened), "comparing", "rows") as progress:
        groups = find_copies(opened, advanced=lambda done, _: progress.update(done))
    test = {p: copied_from_training(opened, p, groups) for p in opened.dataset.protocols}
    if as_json:
        click.echo(json.dumps({"store": str(store), "copies": groups, "test": test}, indent=2))
        return
    for names in groups:
        click.echo(" ".join(names))
    note(f"{store}: {counted(len(groups), 'recording')} under several names")
    for protocol, copied in test.items():
        tested = int((~opened.train_mask(protocol)).sum())
        note(f"  {protocol}: {len(copied):,} of {tested:,} test clips are training clips as well")
