"""Class scores of many clips, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pspmodel.data.clips import Clips
from pspmodel.data.resident import ResidentData
from pspmodel.methods.base import Method

Precision = Literal["fp32", "bf16"]

BOTH = "both"
"""Name of the streams' common prediction among those of single streams."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Predictions on some rows.

    Attributes:
        logits: (n, K) float32.
        labels: (n,) int64.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]

    def top(self, k: int) -> float:
        """Share of clips whose label is among the k best scores; 0 to 1.

        >>> logits = np.array([[3, 2, 1], [3, 2, 1]], dtype=np.float32)
        >>> scores = Scores(logits, np.array([0, 1]))
        >>> scores.top(1), scores.top(2)
        (0.5, 1.0)
        """
        best = np.argsort(-self.logits, axis=1, kind="stable")[:, :k]
        return float((best == self.labels[:, None]).any(axis=1).mean())

    def confusion(self) -> NDArray[np.int64]:
        """(K, K) counts: row = true label, column = predicted label."""
        classes = self.logits.shape[1]
        counts = np.zeros((classes, classes), dtype=np.int64)
        np.add.at(counts, (self.labels, self.logits.argmax(axis=1)), 1)
        return counts

    def per_class(self) -> dict[int, float]:
        """Share of each label's clips that are predicted right, for the labels that occur.

        >>> logits = np.array([[3, 2, 1], [3, 2, 1], [1, 5, 2]], dtype=np.float32)
        >>> Scores(logits, np.array([0, 1, 1])).per_class()
        {0: 1.0, 1: 0.5}
        """
        counts = self.confusion()
        totals = counts.sum(axis=1)
        return {
            label: float(counts[label, label] / totals[label])
            for label in np.flatnonzero(totals).tolist()
        }


def score(
    method: Method,
    data: ResidentData,
    rows: NDArray[np.int64],
    *,
    batch: int | None = None,
    precision: Precision = "fp32",
) -> Scores:
    """Scores of the given store rows: what predicts, in eval mode, and nothing that only trains.

    The method's mode is restored afterwards, its weights and statistics are not touched.

    Args:
        method: networks on the data's device.
        data: the rows, without augmentation.
        rows: (n,) store rows.
        batch: clips at a time, see `default_batch`; changes memory and time, not results beyond
            rounding.
        precision: ``bf16`` predicts under autocast; scores are float32 either way.
    """
    parts = over_batches(
        method, data, rows, lambda clips: {BOTH: method.predict(clips)}, batch, precision
    )
    return _scores(parts[BOTH], data, rows)


def score_streams(
    method: Method,
    data: ResidentData,
    rows: NDArray[np.int64],
    *,
    batch: int | None = None,
    precision: Precision = "fp32",
) -> dict[str, Scores]:
    """Scores of each stream alone and, under ``both``, those of `score`, from one pass."""
    # A method may predict otherwise than by the sum; then its own word counts.
    by_sum = type(method).predict is Method.predict

    def predict(clips: Clips) -> Mapping[str, Tensor]:
        streams = dict(method.predict_streams(clips))
        total = torch.stack(list(streams.values())).sum(dim=0) if by_sum else method.predict(clips)
        return {BOTH: total, **streams}

    parts = over_batches(method, data, rows, predict, batch, precision)
    return {name: _scores(logits, data, rows) for name, logits in parts.items()}


def default_batch(device: torch.device) -> int:
    """Clips that are evaluated at a time.

    Few on a CPU: tensors beyond 32 MB are given back to the system as soon as they are freed, and
    their pages cleared anew for the next batch, which takes as long as all the rest.
    """
    return 256 if device.type == "cuda" else 16


@torch.inference_mode()
def over_batches(
    method: Method,
    data: ResidentData,
    rows: NDArray[np.int64],
    compute: Callable[[Clips], Mapping[str, Tensor]],
    batch: int | None,
    precision: Precision,
) -> dict[str, Tensor]:
    """Compute something of many rows in eval mode: for each name (n, ...) float32."""
    batch = batch or default_batch(data.device)
    was_training = method.training
    method.eval()
    parts: dict[str, list[Tensor]] = {}
    try:
        with torch.autocast(data.device.type, torch.bfloat16, enabled=precision == "bf16"):
            for start in range(0, len(rows), batch):
                for name, values in compute(data.clips(rows[start : start + batch])).items():
                    parts.setdefault(name, []).append(values.float())
    finally:
        method.train(was_training)
    return {name: torch.cat(values) for name, values in parts.items()}


def _scores(logits: Tensor, data: ResidentData, rows: NDArray[np.int64]) -> Scores:
    return Scores(logits.cpu().numpy(), data.labels_of(rows).cpu().numpy())


def save_scores(path: Path, names: list[str], scores: Scores) -> None:
    """Write scores keyed by sample name (npz: name, logits, label), without a half-written file."""
    temporary = path.with_name(f".{path.name}.writing")
    with open(temporary, "wb") as file:
        np.savez(file, name=np.array(names), logits=scores.logits, label=scores.labels)
    temporary.replace(path)


def load_scores(path: Path) -> tuple[list[str], Scores]:
    """Names and scores as `save_scores` wrote them; nothing in the file is executed."""
    with np.load(path, allow_pickle=False) as saved:
        return saved["name"].tolist(), Scores(saved["logits"], saved["label"])
