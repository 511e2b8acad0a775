"""What a report can only say with store and weights at hand: single streams, attention, features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pspmodel import figures
from pspmodel.errors import MissingExtraError, PspmodelError, UsageError
from pspmodel.evaluate import attention, embedding
from pspmodel.evaluate.features import features_of
from pspmodel.evaluate.scores import BOTH, Scores, score_streams
from pspmodel.report.page import Picture
from pspmodel.train import checkpoint as checkpoints
from pspmodel.train.setup import Run, load_run
from skeldata.errors import SkeldataError

MAPPED_CLIPS = 1000
"""Test clips of the map of features, at most."""

_CHUNK = 256

Advanced = Callable[[int, int], None]
"""Told of test clips done, and of all."""


@dataclass(frozen=True)
class Inspection:
    """What was seen.

    Attributes:
        streams: top-1 and top-5 of each stream alone and of ``both``, fractions; empty if the weights
            could not be had.
        attention, features: pictures, or why there is none.
    """

    streams: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    attention: tuple[Picture, ...] | str = ""
    features: tuple[Picture, ...] | str = ""


def not_inspected(why: str) -> Inspection:
    """Nothing but the reason."""
    return Inspection(attention=why, features=why)


def inspect(
    folder: Path, store: Path | None, device: str = "auto", advanced: Advanced | None = None
) -> Inspection:
    """Look at the last weights of a run.

    What is missing, be it the store, the checkpoint, the pyramid or scikit-learn, becomes a sentence
    in its picture's place.

    Args:
        folder: of the run.
        store: its store, if it was moved.
        device: where to compute.
        advanced: called after each chunk of test clips.
    """
    try:
        run = load_run(folder, store=store, device=device)
        checkpoints.load_predicting(folder / "checkpoints" / "last", run.method)
    except SkeldataError:
        return not_inspected("The store is not at hand; give it with --store.")
    except PspmodelError as error:
        # A page may be passed on; where its run lay is nobody's business.
        told = str(error).replace(str(folder), folder.name)
        return not_inspected(f"The weights could not be had: {told}.")
    return Inspection(_streams(run, advanced), _attention(run), _features(run))


def _streams(run: Run, advanced: Advanced | None) -> dict[str, tuple[float, float]]:
    rows, parts = run.selection.test, list[dict[str, Scores]]()
    for start in range(0, len(rows), _CHUNK):
        parts.append(score_streams(run.method, run.data, rows[start : start + _CHUNK]))
        if advanced:
            advanced(min(start + _CHUNK, len(rows)), len(rows))
    found = {}
    for name in parts[0]:
        logits, labels = (
            [getattr(part[name], each) for part in parts] for each in ("logits", "labels")
        )
        scores = Scores(np.concatenate(logits), np.concatenate(labels))
        found[name] = (scores.top(1), scores.top(5))
    return {name: found[name] for name in sorted(found, key=lambda name: name == BOTH)}


def _attention(run: Run) -> tuple[Picture, ...] | str:
    try:
        network = attention.network_of(run.method, run.config.method)
    except UsageError:
        return f"{run.config.method} has no attention pyramid; its maps are PSP's."
    store, row = run.store, int(run.selection.test[0])
    title = f"{store.names[row]}: {store.dataset.classes[int(store.labels[row])]}"
    drawn = []
    for stream in run.config.data.streams:
        persons = attention.attended_persons(run, network, row, stream)
        figure = figures.attention_picture(
            persons, store.layout, f"{title} ({stream} stream)", figures.up_axis(store), columns=2
        )
        caption = (
            f"The {stream} stream on {title}, the first test clip. Mean over heads, coarser maps added "
            "as the network adds them; the joints of the skeleton are as large as the attention they "
            "receive."
        )
        if not attention.was_trained(run):
            caption += " No loss of this run reached the pyramid: its attention was never trained."
        drawn.append(Picture(caption, figures.png(figure)))
    return tuple(drawn)


def _features(run: Run) -> tuple[Picture, ...] | str:
    try:
        embedding.require_scikit_learn("The map of features")
    except MissingExtraError as error:
        return f"{error}."
    store, test = run.store, run.selection.test
    present = np.unique(store.labels[test]).tolist()
    labels = embedding.chosen_classes(store.dataset, None, present)
    rows: NDArray[np.int64] = test[np.isin(store.labels[test], labels)]
    if len(rows) < 3:
        return f"A map of features needs 3 test clips; there are {len(rows)}."
    rows = embedding.thinned(rows, store.labels[rows], MAPPED_CLIPS, seed=0)
    points = embedding.tsne(features_of(run.method, run.data, rows))
    caption = " ".join(_about_the_map(len(rows), len(test), len(labels), len(present)))
    figure = figures.embedding_map(
        points, store.labels[rows], embedding.class_titles(store.dataset), ""
    )
    return (Picture(caption, figures.png(figure)),)


def _about_the_map(rows: int, test: int, labels: int, present: int) -> Iterator[str]:
    whole = "all" if rows == test else f"{rows:,} of {test:,}"
    yield f"t-SNE of the frozen encoder's features of {whole} test clips; last step."
    if labels < present:
        yield f"{labels} of {present} classes, evenly spaced in label order."
    yield "Near points are alike; distances between far groups mean nothing."
