"""Everything `pspmodel evaluate` says of a run's weights, as plain numbers."""

from __future__ import annotations

from typing import Any

from pspmodel.evaluate.copies import without_copies
from pspmodel.evaluate.features import (
    Labels,
    features_of,
    linear_probe,
    nearest_neighbours,
    probe_rows,
)
from pspmodel.evaluate.scores import BOTH, Precision, score_streams
from pspmodel.train import checkpoint as checkpoints
from pspmodel.train.setup import Run


def evaluate_run(
    run: Run,
    checkpoint: str,
    *,
    probe: bool = False,
    neighbours: int | None = None,
    labels: Labels = "split",
    batch: int | None = None,
    precision: Precision = "fp32",
) -> dict[str, Any]:
    """Load the weights of a checkpoint into a run and measure them on its test rows.

    Args:
        run: from `load_run`; its method takes the weights.
        checkpoint: ``last`` or ``held_out_best``.
        probe: fit a linear probe too.
        neighbours: ask this many nearest neighbours too.
        labels: which labels the probe and the neighbours may use.
        batch: clips at a time, see `default_batch`.
        precision: ``fp32`` or ``bf16``.

    Returns:
        What ``--json`` prints; accuracies are fractions.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
        UsageError: more neighbours than clips with labels.
    """
    folder = run.folder / "checkpoints" / checkpoint
    facts = checkpoints.load_facts(folder)
    checkpoints.load_predicting(folder, run.method)
    test, classes = run.selection.test, run.store.dataset.classes
    streams = score_streams(run.method, run.data, test, batch=batch, precision=precision)
    scores = streams[BOTH]
    result: dict[str, Any] = {
        "checkpoint": checkpoint,
        "step": facts["step"],
        "clips": len(scores.labels),
        "top1": scores.top(1),
        "top5": scores.top(5),
        "streams": {
            name: {"top1": alone.top(1), "top5": alone.top(5)} for name, alone in streams.items()
        },
        "without_copies": without_copies(run.store, run.selection.protocol, run.test_names, scores),
        "per_class": {classes[label]: share for label, share in scores.per_class().items()},
        "classes": list(classes),
        "confusion": scores.confusion().tolist(),
        "precision": precision,
        "split_digest": run.selection.split.digest,
        "store_digest": run.store.content_digest,
    }
    if probe or neighbours is not None:
        rows = probe_rows(run.store, run.selection, labels)
        fit, asked = (
            features_of(run.method, run.data, part, batch=batch, precision=precision)
            for part in (rows, test)
        )
        known = run.store.labels[rows]
        frozen: dict[str, Any] = {
            "labels": labels, "labelled_clips": len(rows), "features": fit.shape[1],
        }  # fmt: skip
        arguments = (fit, known, asked, scores.labels, len(classes))
        if probe:
            probed = linear_probe(*arguments, device=run.device)
            frozen["linear_probe"] = {"top1": probed.top(1), "top5": probed.top(5)}
        if neighbours is not None:
            voted = nearest_neighbours(*arguments, neighbours, device=run.device)
            frozen["nearest_neighbours"] = {"k": neighbours, "top1": voted.top(1)}
        result["frozen_features"] = frozen
    return result


def confusions(result: dict[str, Any], limit: int) -> list[tuple[str, str, int, int]]:
    """The most frequent errors: (true class, predicted class, clips, clips of the true class)."""
    classes, counts = result["classes"], result["confusion"]
    wrong = [
        (classes[true], classes[predicted], count, sum(row))
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    return sorted(wrong, key=lambda error: -error[2])[:limit]
