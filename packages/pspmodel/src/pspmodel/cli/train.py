"""``pspmodel train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pspmodel.cli.options import device_option
from skeldata.commandline import PATH, Command, note


@click.command(cls=Command)
@click.option("--store", type=PATH, required=True, help="A store made by `skeldata prepare`.")
@click.option("--ratio", help="Share of labels, an exact decimal such as 0.05 or 5%.")
@click.option(
    "--labels",
    type=PATH,
    metavar="LIST",
    help="Labelled names instead of --ratio: a manifest, any list that `skeldata splits import` reads "
    "(.txt, .csv, .json, .pkl), or a published one by name (x-car).",
)
@click.option("--protocol", help="xsub, xview or xset; default: the dataset's first.")
@click.option("--method", help="Training method; default: the recipe's.")
@click.option(
    "--recipe",
    help="Recipe name or .toml file, +NAME for an ablation of it; default: ours for the dataset, or "
    "the method's.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting, e.g. optim.lr=0.05; repeat for several.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Training seed; default: the recipe's.")
@click.option(
    "--split-seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the label draw.",
)
@device_option
@click.option("--steps", type=click.IntRange(min=1), help="Stop after this many steps, resumably.")
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="The run's folder; default: runs/ and what it is, not which store.",
)
@click.option("--resume", is_flag=True, help="Continue the run in its folder.")
@click.option("--tensorboard", is_flag=True, help="Also write TensorBoard events into the folder.")
def train(steps: int | None, resume: bool, tensorboard: bool, **options: Any) -> None:
    """Train on a store with a share of its labels.

    \b
    Examples:
      pspmodel train --store ucla.zarr --ratio 0.05
      pspmodel train --store ntu.zarr --protocol xview --ratio 0.1 --recipe psp-code --seed 1
      pspmodel train --store ucla.zarr --labels our-labels.csv --set optim.lr=0.02
      pspmodel train --store ntu.zarr --ratio 0.05 --recipe psp-code+b3

    \b
    Ablations of any recipe of PSP, row by row as in the paper's tables:
      +a1 supervised only     +a2 without pyramid attention     +a3 all of it
      levels contrasted: +b1 none, +b2 joint, +b3 part, +b4 body, +b5 joint and part,
      +b6 joint and body, +b7 part and body, +b8 all three

    \b
    On several GPUs, with the same mathematics (batch sizes are those of all together):
      torchrun --nproc-per-node 4 -m pspmodel train --store ntu.zarr --ratio 0.1
    """
    from contextlib import ExitStack, closing

    from pspmodel.collectives import rank
    from pspmodel.report import write_report
    from pspmodel.train.distributed import processes
    from pspmodel.train.loop import train as run_training
    from pspmodel.train.setup import new_run
    from pspmodel.train.tensorboard import Board
    from skeldata.progress import Progress

    with processes():
        run = new_run(resume=resume, **options)
        page = str(Path(run.folder) / "report.html")
        if resume and run.is_finished():
            if rank() == 0:
                note(f"{run.folder} is finished already, all {run.total_steps:,} steps")
                click.echo(page)
            return
        if rank() > 0:
            run_training(run, resume=resume, stop_at=steps)
            return
        note(_opening(run))
        if resume and not run.steps_done():
            note(f"note: {run.folder} holds no checkpoint to go on from; starting with step 0")
        for warning in run.selection.warnings:
            note(f"note: {warning}")
        with ExitStack() as stack:
            recorded = None
            if tensorboard:
                recorded = stack.enter_context(
                    closing(Board(run.folder / "events", run.steps_done()))
                ).add
            progress = stack.enter_context(Progress(None, "training", "steps"))
            outcome = run_training(
                run, resume=resume, stop_at=steps,
                started=progress.begin, advanced=progress.update, recorded=recorded,
            )  # fmt: skip
        report = write_report(run, outcome)
        note(_closing(report, run.total_steps))
        click.echo(page)


def _opening(run: Any) -> str:
    from pspmodel.collectives import world_size

    chosen, settings = run.selection, run.config
    parameters = sum(p.numel() for p in run.method.parameters())
    where = str(run.device)
    if world_size() > 1:
        where = f"{world_size()} processes with {run.device.type}"
    return (
        f"{settings.method} ({settings.recipe}, {parameters:,} parameters) on {where}: "
        f"{run.store.dataset.id} {chosen.protocol}, {len(chosen.labelled):,} labelled, "
        f"{len(chosen.unlabelled):,} unlabelled, {len(chosen.held_out):,} held-out, "
        f"{len(chosen.test):,} test clips\n"
        f"split {chosen.split.digest}{_lacking(run)}\nstore {run.store.content_digest}"
    )


def _lacking(run: Any) -> str:
    split = run.facts["split"]
    if split["labelled_digest"] == split["digest"]:
        return ""
    return (
        f"\ntrained on {split['labelled_digest']}, {split['count']:,} of its "
        f"{len(run.selection.split.names):,} names"
    )


def _closing(report: dict[str, Any], total: int) -> str:
    from pspmodel.evaluate.copies import told

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.1f} %"

    accuracy = report["accuracy"]
    steps = f"{report['steps']:,} of {total:,} steps" + (
        "" if report["finished"] else "; --resume continues"
    )
    steps += f", {report['seconds']:.0f} s\n"
    if accuracy["last"] is None:
        return f"{steps}no accuracy yet: the classifier is trained in a later stage"
    copies = told(report["without_copies"], "last")
    return (
        f"{steps}top-1 on test: last {percent(accuracy['last'])}, "
        f"best on held-out {percent(accuracy['held_out_best'])}, "
        f"oracle {percent(accuracy['test_oracle'])}" + (f"\n{copies}" if copies else "")
    )
