"""``pspmodel robustness``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pspmodel.cli.options import batch_option, checkpoint_option, device_option, precision_option
from skeldata.commandline import PATH, Command, counted


@click.command(cls=Command)
@click.argument("runs", type=PATH, nargs=-1, required=True)
@click.option("--store", type=PATH, help="The runs' store, if it was moved.")
@checkpoint_option
@click.option(
    "--lost", metavar="LIST", default="0-4,6,8,10,12", show_default=True,
    help="Numbers of joints that each clip loses.",
)  # fmt: skip
@click.option(
    "--draws", type=click.IntRange(min=1), default=5, show_default=True,
    help="How often the joints are drawn.",
)  # fmt: skip
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the draws of joints.",
)
@batch_option
@precision_option
@device_option
@click.option(
    "-o", "--out", type=PATH, multiple=True,
    help="Write a picture (.png, .svg, .pdf) or the JSON (.json) there; may be given twice.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def robustness(
    runs: tuple[Path, ...], lost: str, out: tuple[Path, ...], as_json: bool, **options: Any
) -> None:
    """Measure the accuracy of runs when joints of the test clips are missing.

    \b
    Examples:
      pspmodel robustness runs/nw-ucla-xview-tiny-0.05-split0-seed0
      pspmodel robustness runs/psp runs/pstl --lost 0-10 --draws 10 -o lost.svg -o lost.json

    Of every clip, joints drawn at random are hidden in all frames (zeros, in training's coordinates);
    all runs lose the same ones. Nothing is trained again: this is what a network trained on whole
    skeletons does without warning. Several runs must share store and protocol.
    """
    from pspmodel.evaluate.robustness import robustness as measure
    from pspmodel.figures.style import check_suffix
    from pspmodel.report.page import replace
    from skeldata.progress import Progress

    for path in out:
        if path.suffix.lower() != ".json":
            check_suffix(path)
    numbers = _numbers(lost)
    passes = len(runs) * sum(options["draws"] if number else 1 for number in numbers)
    with Progress(passes, "losing joints", "passes") as progress:
        content = measure(runs, numbers, advanced=progress.update, **options)
    text = json.dumps(content, indent=2)
    labels = _labels(runs)
    for path in out:
        if path.suffix.lower() == ".json":
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, text + "\n")
        else:
            _draw(content, labels, path)
    if as_json:
        click.echo(text)
        return
    drawn = "" if options["draws"] == 1 else ", mean ± sample standard deviation"
    click.echo(
        f"top-1 on {counted(content['clips'], 'test clip')} without some of {content['joints']} joints; "
        f"{counted(content['draws'], 'draw')} of which{drawn}"
    )
    click.echo(_table(content, labels))


def _numbers(text: str) -> list[int]:
    """``0-3,6`` -> [0, 1, 2, 3, 6], sorted and once each."""
    from pspmodel.errors import UsageError

    found: set[int] = set()
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            numbers = range(int(first), int(last or first) + 1)
            if not numbers:
                raise ValueError(part)
            found.update(numbers)
    except ValueError:
        raise UsageError(f"--lost {text!r} is not a list of numbers such as 0-4,6,8") from None
    return sorted(found)


def _labels(runs: tuple[Path, ...]) -> list[str]:
    """Names of the runs' folders; of equal names, with the folder they are in."""
    names = [run.resolve().name for run in runs]
    return [
        name if names.count(name) == 1 else f"{run.resolve().parent.name}/{name}"
        for run, name in zip(runs, names, strict=True)
    ]


def _table(content: dict[str, Any], labels: list[str]) -> str:
    heads = [str(each["lost"]) for each in content["runs"][0]["accuracy"]]
    rows = [[_percent(each["top1"]) for each in run["accuracy"]] for run in content["runs"]]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    first = max(len("lost joints"), *map(len, labels))
    lines = []
    for label, cells in zip(["lost joints", *labels], [heads, *rows], strict=True):
        told = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        lines.append("  ".join((f"{label:<{first}}", *told)))
    return "\n".join(lines)


def _percent(found: dict[str, Any]) -> str:
    sd = "" if found["sd"] is None else f" ± {100 * found['sd']:.1f}"
    return f"{100 * found['mean']:.1f}{sd}"


def _draw(content: dict[str, Any], labels: list[str], path: Path) -> None:
    from pspmodel.figures.robustness import lost_joint_curves
    from pspmodel.figures.style import save
    from skeldata import get_dataset

    title = f"{get_dataset(content['dataset']).title}, {content['protocol']}"
    save(lost_joint_curves(content, labels, title), path)
