"""Late fusion: one prediction from the saved test scores of several runs, such as one a stream."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pspmodel.errors import CheckpointError, DataMismatchError, UsageError
from pspmodel.evaluate.scores import Scores, load_scores
from pspmodel.report.records import RunRecord, read_run
from skeldata import get_dataset

Kind = Literal["logits", "probabilities"]


@dataclass(frozen=True, eq=False)
class Member:
    """A run that takes part.

    Attributes:
        record: the run.
        scores: of its last step, one row a test clip.
        weight: of its scores in the sum.
    """

    record: RunRecord
    scores: Scores = field(repr=False)
    weight: float


def fuse_runs(
    folders: Sequence[Path], weights: Sequence[float] | None = None, kind: Kind = "logits"
) -> dict[str, Any]:
    """Accuracies of each run and of the weighted sum of their scores, all of the last step.

    Weights are given, not searched for: searched on the test set, they would be part of the result.

    Args:
        folders: two or more runs on one store, split and test set.
        weights: one a run; default: all equal.
        kind: what is added up, raw ``logits`` as in the literature, or softmax ``probabilities``.

    Returns:
        What ``--json`` prints; accuracies are fractions.

    Raises:
        UsageError: fewer than two runs, or weights that do not fit.
        CheckpointError: a folder is no run, or has no scores.
        DataMismatchError: runs differ in store, split or test clips.
    """
    members = read_members(folders, weights)
    fused = fuse(members, kind)
    data = members[0].record.data
    classes = get_dataset(data["dataset"]).classes
    return {
        "top1": fused.top(1),
        "top5": fused.top(5),
        "clips": len(fused.labels),
        "per_class": {classes[label]: share for label, share in fused.per_class().items()},
        "sum_of": kind,
        "weights_of": "the last step",
        "runs": [_row(member) for member in members],
        "dataset": data["dataset"],
        "protocol": data["protocol"],
        "split_digest": data["split"]["digest"],
        "store_digest": data["store_digest"],
    }


def read_members(
    folders: Sequence[Path], weights: Sequence[float] | None = None
) -> tuple[Member, ...]:
    """Read runs and check that their scores are about the same clips; see `fuse_runs`."""
    if len(folders) < 2:
        raise UsageError(f"fusion needs two runs or more, not {len(folders)}")
    shares = [1.0] * len(folders) if weights is None else list(weights)
    if len(shares) != len(folders):
        raise UsageError(f"{len(shares)} weights for {len(folders)} runs; give one a run")
    if not all(math.isfinite(w) and w >= 0 for w in shares) or not any(shares):
        told = ", ".join(f"{w:g}" for w in shares)
        raise UsageError(f"weights {told} cannot be used; give numbers from 0 up, not all 0")
    records = [read_run(folder) for folder in folders]
    for record in records[1:]:
        _check_alike(records[0], record)
    names, first = _scores_of(records[0])
    members = [Member(records[0], first, shares[0])]
    for record, weight in zip(records[1:], shares[1:], strict=True):
        scores = _in_order(record, *_scores_of(record), names, first.labels)
        members.append(Member(record, scores, weight))
    return tuple(members)


def fuse(members: Sequence[Member], kind: Kind = "logits") -> Scores:
    """The weighted sum of the members' scores, as scores."""
    total = np.zeros(members[0].scores.logits.shape, dtype=np.float64)
    for member in members:
        total += member.weight * _as(kind, member.scores.logits.astype(np.float64))
    return Scores(total.astype(np.float32), members[0].scores.labels)


def _as(kind: Kind, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    if kind == "logits":
        return logits
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _check_alike(first: RunRecord, other: RunRecord) -> None:
    where, advice = (
        str(other.folder),
        f"fuse runs that share it; expected is that of {first.folder}",
    )
    for key in ("dataset", "store_digest", "protocol"):
        if first.data[key] != other.data[key]:
            what = key.replace("_", " ")
            raise DataMismatchError(what, first.data[key], other.data[key], where, advice)
    one, another = (record.data["split"]["digest"] for record in (first, other))
    if one != another:
        raise DataMismatchError("split digest", one, another, where, advice)


def _scores_of(record: RunRecord) -> tuple[list[str], Scores]:
    path = record.folder / "scores.npz"
    try:
        return load_scores(path)
    except FileNotFoundError:
        raise CheckpointError(
            f"{record.folder} has no scores.npz yet; end its training with "
            "`pspmodel train ... --resume`"
        ) from None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None


def _in_order(
    record: RunRecord,
    names: list[str],
    scores: Scores,
    wanted: list[str],
    labels: NDArray[np.int64],
) -> Scores:
    """Scores of the wanted clips in their order."""
    where = str(record.folder / "scores.npz")
    place = {name: row for row, name in enumerate(names)}
    odd = sorted(place.keys() ^ set(wanted))
    if odd:
        raise DataMismatchError(
            "test set", f"{len(wanted)} clips",
            f"{len(names)} clips, of which {odd[0]} is in one of both alone", where,
            "fuse runs with the same test clips",
        )  # fmt: skip
    rows = np.array([place[name] for name in wanted])
    ordered = Scores(scores.logits[rows], scores.labels[rows])
    wrong = np.flatnonzero(ordered.labels != labels)
    if len(wrong):
        row = wrong[0]
        raise DataMismatchError(
            f"label of {wanted[row]}", labels[row], ordered.labels[row], where,
            "the file was changed after training",
        )  # fmt: skip
    return ordered


def _row(member: Member) -> dict[str, Any]:
    config = member.record.config
    return {
        "run": member.record.folder.name,
        "recipe": config["recipe"],
        "method": config["method"],
        "streams": config.get("data", {}).get("streams"),
        "seed": config["seed"],
        "weight": member.weight,
        "top1": member.scores.top(1),
        "top5": member.scores.top(5),
        "finished": member.record.finished,
    }
