"""``pspmodel recipes``."""

from __future__ import annotations

import click

from skeldata.commandline import Command


@click.command(cls=Command)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print names and summaries as JSON.")
def recipes(name: str | None, as_json: bool) -> None:
    """List the recipes of training, or print one with its header.

    \b
    Examples:
      pspmodel recipes
      pspmodel recipes nw-ucla > mine.toml
    """
    import json

    from pspmodel.recipe import recipe_names, recipe_text, summary_of

    if name is not None:
        click.echo(recipe_text(name), nl=False)
        return
    summaries = {known: summary_of(known) for known in recipe_names()}
    if as_json:
        click.echo(json.dumps(summaries, indent=2))
        return
    width = max(map(len, summaries))
    for known, summary in summaries.items():
        click.echo(f"{known:{width}}  {summary}")
