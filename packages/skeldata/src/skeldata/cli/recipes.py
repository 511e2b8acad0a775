"""``skeldata recipes``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from skeldata.commandline import Command

if TYPE_CHECKING:
    from skeldata.recipe import Recipe

_DIGEST_SHOWN = 12


@click.command(cls=Command)
@click.argument("recipe", required=False, metavar="[NAME|FILE]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def recipes(recipe: str | None, as_json: bool) -> None:
    """List the preparation recipes, or print one whole.

    A recipe says which bodies are kept and how clips are moved, scaled, turned and resampled. What
    is printed is TOML that "prepare --recipe" takes back: change name and numbers, and it is yours.
    A .toml file given instead of a name is checked, all faults at once.

    \b
    Examples:
      skeldata recipes
      skeldata recipes psp > own.toml
      skeldata recipes own.toml --json
    """
    from skeldata.recipe import load_recipe, recipe_names

    if recipe is not None:
        loaded = load_recipe(recipe)
        if as_json:
            content = {"digest": loaded.digest, "recipe": loaded.model_dump(mode="json")}
            click.echo(json.dumps(content, indent=2))
        else:
            click.echo(as_toml(loaded), nl=False)
        return
    shipped = [load_recipe(name) for name in recipe_names()]
    if as_json:
        rows = [
            {"name": r.name, "version": r.version, "summary": r.summary, "digest": r.digest}
            for r in shipped
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(r.name) for r in shipped)
    for r in shipped:
        click.echo(
            f"{r.name:<{width}}  version {r.version}  {r.digest[:_DIGEST_SHOWN]}  {r.summary}"
        )


def as_toml(recipe: Recipe) -> str:
    """A recipe as a TOML file; loading it again gives a recipe of the same digest."""
    content = recipe.model_dump(mode="json")
    selector, normalise = content.pop("selector"), content.pop("normalise")
    lines = [f"# printed from recipe {recipe.name}, digest {recipe.digest}", *_assignments(content)]
    lines += ["", "[selector]", *_assignments(selector)]
    for layout, table in normalise.items():
        up = recipe.normalise[layout].up
        lines += ["", f"[normalise.{layout}]  # {up} is up", *_assignments(table)]
    return "\n".join(lines) + "\n"


def _assignments(table: dict[str, object]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: object) -> str:
    if isinstance(value, str):  # TOML's strings are JSON's, save that DEL has to be escaped
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        return f"{{ {', '.join(_assignments(value))} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)
