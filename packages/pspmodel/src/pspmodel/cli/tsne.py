"""``pspmodel tsne``."""

from __future__ import annotations

from pathlib import Path

import click

from pspmodel.cli.options import checkpoint_option, device_option
from skeldata.commandline import PATH, Command, note


@click.command(cls=Command)
@click.argument("run", type=PATH)
@click.option("--store", type=PATH, help="The run's store, if it was moved.")
@checkpoint_option
@click.option(
    "--split", type=click.Choice(["test", "train"]), default="test", show_default=True,
    help="Which clips.",
)  # fmt: skip
@click.option(
    "--classes",
    metavar="LIST",
    help="Names or action ids as in sample names (A043, a08), by commas, or all; default: all, of many "
    "ten evenly spaced.",
)
@click.option(
    "--clips",
    "limit",
    type=click.IntRange(min=3),
    default=3000,
    show_default=True,
    help="Draw at most so many, the same share of each class.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True,
    help="Of t-SNE, and of the choice of clips.",
)  # fmt: skip
@click.option(
    "--perplexity", type=click.FloatRange(min=1, min_open=True), default=30.0, show_default=True,
    help="About how many neighbours each clip has; lowered for few clips.",
)  # fmt: skip
@device_option
@click.option("-o", "--out", type=PATH, help="A .png, .svg or .pdf; default: RUN/tsne-SPLIT.png.")
def tsne(
    run: Path,
    store: Path | None,
    checkpoint: str,
    split: str,
    classes: str | None,
    limit: int,
    seed: int,
    perplexity: float,
    device: str,
    out: Path | None,
) -> None:
    """Draw frozen features as a t-SNE map coloured by class (figures 6 and 8 of the paper).

    \b
    Examples:
      pspmodel tsne runs/nw-ucla-xview-tiny-0.05-split0-seed0
      pspmodel tsne runs/ntu --split train --classes "drink water,falling,A050" -o map.svg

    Needs scikit-learn: pip install 'pspmodel[analysis]'. Distances between far groups of a t-SNE map
    mean nothing; it shows neighbourhoods.
    """
    import numpy as np

    from pspmodel import figures
    from pspmodel.errors import UsageError
    from pspmodel.evaluate import embedding
    from pspmodel.evaluate.features import features_of, probe_rows
    from pspmodel.figures.style import check_suffix
    from pspmodel.train import checkpoint as checkpoints
    from pspmodel.train.setup import load_run

    embedding.require_scikit_learn("pspmodel tsne")
    target = out if out is not None else run / f"tsne-{split}.png"
    check_suffix(target)
    loaded = load_run(run, store=store, device=device)
    titles = embedding.class_titles(loaded.store.dataset)
    part = loaded.selection.test
    if split == "train":
        part = probe_rows(loaded.store, loaded.selection, "all")
    present = np.unique(loaded.store.labels[part]).tolist()
    labels = embedding.chosen_classes(loaded.store.dataset, classes, present)
    rows = part[np.isin(loaded.store.labels[part], labels)]
    if len(rows) < 3:
        raise UsageError(f"{len(rows)} {split} clips are of these classes; t-SNE needs 3")
    checkpoints.load_predicting(run / "checkpoints" / checkpoint, loaded.method)
    rows = embedding.thinned(rows, loaded.store.labels[rows], limit, seed)
    if classes is None and len(labels) < len(present):
        note(
            f"{len(labels)} of {len(present)} classes, evenly spaced in label order; "
            "--classes chooses others, or all"
        )
    features = features_of(loaded.method, loaded.data, rows)
    points = embedding.tsne(features, seed=seed, perplexity=perplexity)
    facts = loaded.facts
    title = (
        f"{loaded.config.recipe}, {facts['dataset']} {facts['protocol']}, "
        f"{len(rows):,} {split} clips, features of the frozen encoder"
    )
    figures.save(figures.embedding_map(points, loaded.store.labels[rows], titles, title), target)
    click.echo(str(target))
