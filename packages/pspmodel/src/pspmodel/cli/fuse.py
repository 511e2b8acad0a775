"""``pspmodel fuse``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from skeldata.commandline import PATH, Command, counted, note


@click.command(cls=Command)
@click.argument("runs", type=PATH, nargs=-1, required=True)
@click.option("--weights", metavar="LIST", help="One a run, by commas; default: all equal.")
@click.option(
    "--sum-of",
    "kind",
    type=click.Choice(["logits", "probabilities"]),
    default="logits",
    show_default=True,
    help="What is added up.",
)
@click.option("-o", "--out", type=PATH, help="Write the JSON there too, e.g. fused.json.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fuse(
    runs: tuple[Path, ...], weights: str | None, kind: Any, out: Path | None, as_json: bool
) -> None:
    """Add up the test scores of several runs, such as those of joint, motion and bone.

    \b
    Examples:
      pspmodel fuse runs/joint runs/motion runs/bone
      pspmodel fuse runs/joint runs/motion --weights 1,0.6 -o fused.json

    Reads the scores of the last step that each run saved, and needs neither weights nor store. The runs
    must have the same store, label split and test clips. Weights are yours to choose before you look:
    papers that choose them by the test accuracy report more than they know.
    """
    from pspmodel.evaluate.fuse import fuse_runs
    from pspmodel.report.page import replace

    content = fuse_runs(runs, _numbers(weights), kind)
    for run in content["runs"]:
        if not run["finished"]:
            note(f"note: {run['run']} is not finished; these are its scores so far")
    text = json.dumps(content, indent=2)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        replace(out, text + "\n")
    if as_json:
        click.echo(text)
        return
    rows = [(run["run"], f"{run['weight']:g}", run["top1"], run["top5"]) for run in content["runs"]]
    rows.append((f"fused ({kind})", "", content["top1"], content["top5"]))
    width = max(len(row[0]) for row in rows)
    click.echo(f"{counted(content['clips'], 'test clip')}, weights of {content['weights_of']}")
    click.echo(f"{'':<{width}}  weight   top-1   top-5")
    for name, weight, top1, top5 in rows:
        click.echo(f"{name:<{width}}  {weight:>6}  {top1:>6.1%}  {top5:>6.1%}")


def _numbers(text: str | None) -> list[float] | None:
    from pspmodel.errors import UsageError

    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--weights {text!r} is not a list of numbers such as 1,1,0.5") from None
