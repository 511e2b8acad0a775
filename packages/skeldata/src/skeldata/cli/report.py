"""``skeldata report``."""

from __future__ import annotations

from pathlib import Path

import click

from skeldata.commandline import PATH, Command


@click.command(cls=Command)
@click.argument("store", type=PATH)
@click.option(
    "-o", "--out", type=PATH, help="The page to write.  [default: STORE's name with .html, here]"
)
def report(store: Path, out: Path | None) -> None:
    """Write one page about a store: counts, splits, lengths, pictures, what was left out.

    The page is a single HTML file that needs no network and may be sent or printed; it holds
    pictures of a few clips, so the terms of the recordings apply to it.

    \b
    Example:
      skeldata report ucla.zarr -o ucla.html
    """
    from skeldata.progress import Progress
    from skeldata.report.store_page import write_report
    from skeldata.store import open_store

    opened = open_store(store)
    target = out if out is not None else Path(opened.path.absolute().stem + ".html")
    with Progress(None, "drawing", "clips") as progress:
        write_report(opened, target, began=progress.begin, advanced=progress.advance)
    click.echo(str(target))
