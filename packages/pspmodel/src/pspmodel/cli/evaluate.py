"""``pspmodel evaluate``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skeldata.commandline import PATH, Command


@click.command(cls=Command)
@click.argument("run", type=PATH)
@click.option("--store", type=PATH, help="The run's store, if it was moved.")
@click.option(
    "--checkpoint",
    type=click.Choice(["last", "held_out_best"]),
    default="last",
    show_default=True,
    help="Which weights.",
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(run: Path, store: Path | None, checkpoint: str, device: str, as_json: bool) -> None:
    """Evaluate the weights of a run on the test set.

    \b
    Example:
      pspmodel evaluate runs/nw-ucla-xview-tiny-0.05-split0-seed0
    """
    from pspmodel.evaluate.scores import score
    from pspmodel.train import checkpoint as checkpoints
    from pspmodel.train.setup import load_run

    loaded = load_run(run, store=store, device=device)
    folder = run / "checkpoints" / checkpoint
    facts = checkpoints.load_facts(folder)
    checkpoints.load_tensors(folder, loaded.method)
    scores = score(loaded.method, loaded.data, loaded.selection.test)
    result = {
        "checkpoint": checkpoint,
        "step": facts["step"],
        "clips": len(scores.labels),
        "top1": scores.top(1),
        "top5": scores.top(5),
        "split_digest": loaded.selection.split.digest,
        "store_digest": loaded.store.content_digest,
    }
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    click.echo(
        f"{checkpoint} (step {facts['step']:,}): top-1 {result['top1']:.1%}, "
        f"top-5 {result['top5']:.1%} of {result['clips']:,} test clips"
    )
