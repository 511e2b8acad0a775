"""Class scores of many clips, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pspmodel.data.resident import ResidentData
from pspmodel.methods.base import Method


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


@torch.inference_mode()
def score(
    method: Method, data: ResidentData, rows: NDArray[np.int64], *, batch: int = 256
) -> Scores:
    """Scores of the given store rows in eval mode; the method's mode is restored afterwards."""
    was_training = method.training
    method.eval()
    try:
        parts = [
            method.predict(data.clips(rows[start : start + batch])).float()
            for start in range(0, len(rows), batch)
        ]
    finally:
        method.train(was_training)
    return Scores(torch.cat(parts).cpu().numpy(), data.labels_of(rows).cpu().numpy())


def save_scores(path: Path, names: list[str], scores: Scores) -> None:
    """Write scores keyed by sample name (npz: name, logits, label), without a half-written file."""
    temporary = path.with_name(f".{path.name}.writing")
    with open(temporary, "wb") as file:
        np.savez(file, name=np.array(names), logits=scores.logits, label=scores.labels)
    temporary.replace(path)
