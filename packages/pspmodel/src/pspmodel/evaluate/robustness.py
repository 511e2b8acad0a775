"""Accuracy when joints are missing: of each test clip some joints, drawn at random, are hidden."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pspmodel.data.clips import Clips, stream_without
from pspmodel.data.resident import ResidentData
from pspmodel.data.streams import mixed
from pspmodel.data.transfer import to_device
from pspmodel.errors import DataMismatchError, UsageError
from pspmodel.evaluate.scores import Precision, Scores, over_batches
from pspmodel.methods.base import Method
from pspmodel.train import checkpoint as checkpoints
from pspmodel.train.setup import Run, load_run
from skeldata import Layout

LOST = (0, 1, 2, 3, 4, 6, 8, 10, 12)


@dataclass(frozen=True)
class Accuracy:
    """Accuracies of some draws of lost joints; fractions.

    Attributes:
        lost: how many joints every clip lacks.
        top1, top5: one a draw; a single one where nothing is lost.
    """

    lost: int
    top1: tuple[float, ...]
    top5: tuple[float, ...]

    def row(self) -> dict[str, Any]:
        """Mean and sample standard deviation (n - 1) over the draws, as JSON has them."""
        found: dict[str, Any] = {"lost": self.lost, "draws": len(self.top1)}
        for name in ("top1", "top5"):
            values = getattr(self, name)
            sd = statistics.stdev(values) if len(values) > 1 else None
            found[name] = {"mean": statistics.fmean(values), "sd": sd, "of_draws": list(values)}
        return found


def losing_order(clips: int, joints: int, seed: int, draw: int) -> NDArray[np.int64]:
    """The order in which each clip loses its joints, uniform and by itself: (clips, V) int64.

    With one joint more, a clip lacks those it lacked before and another one. The order depends on
    nothing but the arguments, so all methods lose the same joints of the same clips.
    """
    generator = np.random.Generator(np.random.Philox(mixed(seed, "lost joints", draw)))
    return generator.permuted(np.tile(np.arange(joints), (clips, 1)), axis=1)


def without_joints(clips: Clips, hidden: Tensor, layout: Layout) -> Clips:
    """Clips as if some of their joints had never been found.

    A hidden joint is zero in all frames of all persons of its clip, and so are its motion and every
    bone that it is an end of. The clips were prepared before, so their place and size were still known
    from all joints.

    Args:
        clips: any batch.
        hidden: (clips, V) bool.
        layout: which bones there are.
    """
    # A row that several clips share is that of absent bodies: zeros anyway.
    of_rows = hidden[clips.clip_of_rows]
    parents = to_device(layout.parents, hidden.device)
    return dataclasses.replace(
        clips,
        streams={
            name: stream_without(name, stream, of_rows, parents)
            for name, stream in clips.streams.items()
        },
    )


def accuracy_without(
    method: Method,
    data: ResidentData,
    rows: NDArray[np.int64],
    layout: Layout,
    lost: Sequence[int] = LOST,
    *,
    draws: int = 5,
    seed: int = 0,
    batch: int | None = None,
    precision: Precision = "fp32",
    advanced: Callable[[int], None] | None = None,
) -> list[Accuracy]:
    """Accuracy at each number of lost joints, over several draws of which.

    Args:
        method: networks on the data's device; whatever it is.
        data: the rows, without augmentation.
        rows: (n,) store rows to score.
        layout: of the rows.
        lost: numbers of joints, each 0..V-1.
        draws: how often joints are drawn for each number but 0.
        seed: of the draws.
        batch: clips at a time, see `default_batch`.
        precision: ``fp32`` or ``bf16``.
        advanced: called with the passes over the rows done, after each.

    Raises:
        UsageError: a number of joints or draws that cannot be.
    """
    check_lost(lost, draws, layout)
    labels = data.labels_of(rows).cpu().numpy()
    orders = [losing_order(len(rows), layout.joint_count, seed, draw) for draw in range(draws)]
    found, done = [], 0
    for number in lost:
        scores = []
        for order in orders if number else orders[:1]:
            hidden = np.zeros(order.shape, dtype=np.bool_)
            np.put_along_axis(hidden, order[:, :number], True, axis=1)
            scores.append(_score(method, data, rows, hidden, layout, labels, batch, precision))
            done += 1
            if advanced:
                advanced(done)
        top = [tuple(each.top(k) for each in scores) for k in (1, 5)]
        found.append(Accuracy(number, *top))
    return found


def robustness(
    folders: Sequence[Path],
    lost: Sequence[int] = LOST,
    *,
    store: Path | None = None,
    checkpoint: str = "last",
    draws: int = 5,
    seed: int = 0,
    batch: int | None = None,
    device: str = "auto",
    precision: Precision = "fp32",
    advanced: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """`accuracy_without` of several runs on the same test clips, which lose the same joints.

    Args:
        folders: of the runs, at least one.
        lost, draws, seed, batch, precision: see `accuracy_without`.
        store: the runs' store, if it was moved.
        checkpoint: ``last`` or ``held_out_best``.
        device: ``auto``, ``cpu`` or ``cuda``.
        advanced: called with the passes over the test clips done, after each.

    Returns:
        What ``--json`` prints; accuracies are fractions.

    Raises:
        CheckpointError: there is no such run or checkpoint.
        DataMismatchError: the runs have different test clips.
    """
    first: Run | None = None
    rows: list[dict[str, Any]] = []
    done = 0
    for folder in folders:
        run = load_run(folder, store=store, device=device)
        first = first if first is not None else run
        _check_alike(first, run)
        check_lost(lost, draws, run.store.layout)
        path = folder / "checkpoints" / checkpoint
        step = checkpoints.load_facts(path)["step"]
        checkpoints.load_predicting(path, run.method)
        before = done

        def count(passes: int, before: int = before) -> None:
            nonlocal done
            done = before + passes
            if advanced:
                advanced(done)

        accuracies = accuracy_without(
            run.method, run.data, run.selection.test, run.store.layout, lost,
            draws=draws, seed=seed, batch=batch, precision=precision, advanced=count,
        )  # fmt: skip
        rows.append(
            {
                "run": folder.name,
                "recipe": run.config.recipe,
                "method": run.config.method,
                "streams": list(run.config.data.streams),
                "split_digest": run.selection.split.digest,
                "labelled": len(run.selection.labelled),
                "step": step,
                "accuracy": [accuracy.row() for accuracy in accuracies],
            }
        )
    if first is None:
        raise UsageError("give the runs to look at")
    return {
        "checkpoint": checkpoint,
        "dataset": first.store.dataset.id,
        "protocol": first.selection.protocol,
        "clips": len(first.selection.test),
        "joints": first.store.layout.joint_count,
        "draws": draws,
        "seed": seed,
        "precision": precision,
        "store_digest": first.store.content_digest,
        "runs": rows,
    }


def check_lost(lost: Sequence[int], draws: int, layout: Layout) -> None:
    """Refuse numbers of joints and draws that cannot be."""
    if draws < 1:
        raise UsageError(f"{draws} draws of lost joints measure nothing; use at least 1")
    wrong = [number for number in lost if not 0 <= number < layout.joint_count]
    if wrong or not lost:
        raise UsageError(
            f"cannot lose {wrong[0] if wrong else 'no number'} of {layout.joint_count} joints; "
            f"give numbers from 0 to {layout.joint_count - 1}"
        )


def _score(
    method: Method,
    data: ResidentData,
    rows: NDArray[np.int64],
    hidden: NDArray[np.bool_],
    layout: Layout,
    labels: NDArray[np.int64],
    batch: int | None,
    precision: Precision,
) -> Scores:
    without = torch.from_numpy(hidden).to(data.device)
    start = 0

    def predict(clips: Clips) -> dict[str, Tensor]:
        nonlocal start
        part = without[start : start + clips.count]
        start += clips.count
        return {"logits": method.predict(without_joints(clips, part, layout))}

    parts = over_batches(method, data, rows, predict, batch, precision)
    return Scores(parts["logits"].cpu().numpy(), labels)


def _check_alike(first: Run, other: Run) -> None:
    for what, one, another in (
        ("store digest", first.store.content_digest, other.store.content_digest),
        ("protocol", first.selection.protocol, other.selection.protocol),
    ):
        if one != another:
            raise DataMismatchError(
                what, one, another, str(other.folder),
                f"lay only runs with the test clips of {first.folder} beside it",
            )  # fmt: skip
