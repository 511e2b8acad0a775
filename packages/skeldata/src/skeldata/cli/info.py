"""``skeldata info``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skeldata.commandline import PATH, Command


@click.command(cls=Command)
@click.argument("store", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print all attributes as JSON.")
def info(store: Path, as_json: bool) -> None:
    """Say what a store holds.

    \b
    Example:
      skeldata info ucla.zarr
    """
    from skeldata.store import open_store

    opened = open_store(store)
    if as_json:
        click.echo(json.dumps(opened.attributes, indent=2))
        return
    facts, counts = opened.attributes, opened.attributes["counts"]
    recipe = facts["recipe"]
    rows = {
        "dataset": f"{opened.dataset.title} ({opened.dataset.id})",
        "rows": f"{len(opened):,} of {opened.persons} x {opened.frames} frames x "
        f"{opened.layout.joint_count} joints x 3",
        "streams": ", ".join(opened.streams),
        "recipe": f"{recipe['name']} version {recipe['version']}",
        **{
            f"protocol {name}": f"{train:,} train, {len(opened) - train:,} test"
            for name, train in counts["train"].items()
        },
        "official names": f"{_coverage(set(opened.names), opened.dataset.official_names())}",
        "left out": f"{counts['missing']:,} officially missing, {counts['rejected']:,} rejected, "
        f"{counts['ignored']:,} other files ignored",
        "content digest": opened.content_digest,
        "source digest": opened.source_digest,
        "written by": ", ".join(f"{tool} {version}" for tool, version in facts["tools"].items()),
    }
    width = max(map(len, rows))
    for key, value in rows.items():
        click.echo(f"{key:<{width}}  {value}")
    for rejection in facts["rejected"]:
        line = f", line {rejection['line']}" if rejection["line"] else ""
        click.echo(f"rejected: {rejection['name']}{line}: {rejection['reason']}")


def _coverage(held: set[str], official: tuple[str, ...]) -> str:
    inside = len(held.intersection(official))
    return f"{inside:,} of {len(official):,} held, {len(held) - inside:,} rows beyond the list"
