"""``pspmodel evaluate``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from pspmodel.cli.options import batch_option, checkpoint_option, device_option, precision_option
from skeldata.commandline import PATH, Command


@click.command(cls=Command)
@click.argument("run", type=PATH)
@click.option("--store", type=PATH, help="The run's store, if it was moved.")
@checkpoint_option
@click.option("--per-class", is_flag=True, help="Print each class and the most frequent errors.")
@click.option("--probe", is_flag=True, help="Fit a linear probe on frozen features too.")
@click.option(
    "--knn", type=click.IntRange(min=1), metavar="K", help="Ask the K nearest frozen features too."
)
@click.option(
    "--labels",
    type=click.Choice(["split", "all"]),
    default="split",
    show_default=True,
    help="Labels that probe and neighbours use: the run's own, or all training clips'.",
)
@batch_option
@precision_option
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, confusion matrix included.")
def evaluate(
    run: Path,
    store: Path | None,
    device: str,
    per_class: bool,
    as_json: bool,
    knn: int | None,
    **options: Any,
) -> None:
    """Evaluate the weights of a run on the test set.

    \b
    Examples:
      pspmodel evaluate runs/nw-ucla-xview-tiny-0.05-split0-seed0 --per-class
      pspmodel evaluate runs/nw-ucla-xview-tiny-0.05-split0-seed0 --probe --knn 5 --labels all

    Joint and motion alone are the two halves of the same prediction. A probe is another protocol than
    training: it classifies frozen features, with the run's labels (split) or with those of all training
    clips (all), and is never to be set beside accuracies after fine-tuning.
    """
    from pspmodel.evaluate.copies import told
    from pspmodel.evaluate.summary import evaluate_run
    from pspmodel.train.setup import load_run

    loaded = load_run(run, store=store, device=device)
    result = evaluate_run(loaded, neighbours=knn, **options)
    if as_json:
        # Rows of the confusion matrix on one line each.
        text = json.dumps(result, indent=2)
        click.echo(re.sub(r"\[[\d,\s]+\]", lambda row: " ".join(row[0].split()), text))
        return
    click.echo(
        f"{result['checkpoint']} (step {result['step']:,}): top-1 {result['top1']:.1%}, "
        f"top-5 {result['top5']:.1%} of {result['clips']:,} test clips"
    )
    if copies := told(result["without_copies"], "top-1"):
        click.echo(copies)
    alone = {name: each for name, each in result["streams"].items() if name != "both"}
    if len(alone) > 1:
        shares = ", ".join(f"{name} {each['top1']:.1%}" for name, each in alone.items())
        click.echo(f"one stream alone, top-1: {shares}")
    if per_class:
        _print_classes(result)
    if "frozen_features" in result:
        _print_frozen(result["frozen_features"])


def _print_classes(result: dict[str, Any]) -> None:
    from pspmodel.evaluate.summary import confusions

    click.echo("\ntop-1 of each class")
    width = max(map(len, result["per_class"]))
    for name, share in sorted(result["per_class"].items(), key=lambda item: item[1]):
        click.echo(f"  {name:<{width}} {share:>6.1%}")
    errors = confusions(result, 10)
    if errors:
        click.echo("most frequent errors")
    for true, predicted, count, total in errors:
        click.echo(f"  {true} taken for {predicted}: {count} of {total}")


def _print_frozen(frozen: dict[str, Any]) -> None:
    whose = "the run's labelled" if frozen["labels"] == "split" else "all training"
    click.echo(
        f"\nfrozen features ({frozen['features']} numbers a clip), labels of {whose} clips "
        f"({frozen['labelled_clips']:,}); another protocol than above"
    )
    if "linear_probe" in frozen:
        probe = frozen["linear_probe"]
        click.echo(f"  linear probe: top-1 {probe['top1']:.1%}, top-5 {probe['top5']:.1%}")
    if "nearest_neighbours" in frozen:
        voted = frozen["nearest_neighbours"]
        click.echo(f"  {voted['k']} nearest neighbours, cosine: top-1 {voted['top1']:.1%}")
