"""``pspmodel attention``."""

from __future__ import annotations

from pathlib import Path

import click

from pspmodel.cli.options import checkpoint_option, device_option
from skeldata.commandline import PATH, Command, note


@click.command(cls=Command)
@click.argument("run", type=PATH)
@click.argument("more_names", nargs=-1, metavar="")
@click.option("--names", multiple=True, metavar="NAME...", help="Clips to look at.")
@click.option("--store", type=PATH, help="The run's store, if it was moved.")
@checkpoint_option
@click.option(
    "--stream", default="joint", show_default=True, metavar="NAME",
    help="Whose maps: one of the run's streams.",
)  # fmt: skip
@click.option(
    "--format", "suffix", type=click.Choice(["png", "svg", "pdf"]), default="png", show_default=True,
    help="Of the pictures, where --out is a folder.",
)  # fmt: skip
@device_option
@click.option(
    "-o", "--out", type=PATH, help="Folder, or for one clip a file name; default: RUN/attention."
)
def attention(
    run: Path,
    names: tuple[str, ...],
    more_names: tuple[str, ...],
    store: Path | None,
    checkpoint: str,
    stream: str,
    suffix: str,
    device: str,
    out: Path | None,
) -> None:
    """Draw what PSP's pyramid attends to in some clips (figure 5 of the paper).

    \b
    Examples:
      pspmodel attention runs/ucla --names a01_s01_e00_v03 a08_s02_e01_v03
      pspmodel attention runs/ucla --names a01_s01_e00_v03 --stream motion -o donning.svg

    One picture a clip: the attention maps of joints, parts and bodies (mean over heads, coarser maps
    added as the network does), and the skeleton with each joint as large as the attention it receives.
    """
    from pspmodel import figures
    from pspmodel.errors import UsageError
    from pspmodel.evaluate import attention as looking
    from pspmodel.figures.style import SUFFIXES
    from pspmodel.train import checkpoint as checkpoints
    from pspmodel.train.setup import load_run

    wanted = [part for text in (*names, *more_names) for part in text.split(",") if part]
    loaded = load_run(run, store=store, device=device)
    if not wanted:
        first = loaded.store.names[int(loaded.selection.test[0])]
        raise UsageError(f"give the clips to look at, e.g. --names {first}")
    network = looking.network_of(loaded.method, loaded.config.method)
    rows = looking.rows_named(loaded.store, wanted)
    checkpoints.load_predicting(run / "checkpoints" / checkpoint, loaded.method)
    if out is not None and out.suffix.lower() in SUFFIXES:
        if len(wanted) > 1:
            raise UsageError(f"-o {out} is one file for {len(wanted)} clips; give a folder")
        targets = [out]
    else:
        folder = out if out is not None else run / "attention"
        targets = [folder / f"{name}-{stream}.{suffix}" for name in wanted]

    if not looking.was_trained(loaded):
        note("note: this run had no contrastive loss, so its pyramid attention was never trained")
    up = figures.up_axis(loaded.store)
    for name, row, target in zip(wanted, rows, targets, strict=True):
        persons = looking.attended_persons(loaded, network, row, stream)
        label = loaded.store.dataset.classes[int(loaded.store.labels[row])]
        title = f"{name}: {label} ({stream} stream, {loaded.config.recipe})"
        picture = figures.attention_picture(persons, loaded.store.layout, title, up)
        figures.save(picture, target)
        click.echo(str(target))
