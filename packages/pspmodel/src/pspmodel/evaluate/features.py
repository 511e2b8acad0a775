"""What frozen features know: a linear probe and nearest neighbours, apart from fine accuracies.

Both are other protocols than training's: the encoder stays as it is, and only the small classifier on
top of it sees labels, either those of the run's split or those of all training clips.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pspmodel.data.resident import ResidentData
from pspmodel.data.selection import Selection
from pspmodel.errors import UsageError
from pspmodel.evaluate.scores import Precision, Scores, over_batches
from pspmodel.methods.base import Method
from skeldata import Store

Labels = Literal["split", "all"]

_NEIGHBOUR_ROWS = 512


def features_of(
    method: Method,
    data: ResidentData,
    rows: NDArray[np.int64],
    *,
    batch: int | None = None,
    precision: Precision = "fp32",
) -> NDArray[np.float32]:
    """Pooled encoder features of the given store rows in eval mode: (n, C) float32."""
    parts = over_batches(
        method, data, rows, lambda clips: {"features": method.embed(clips)}, batch, precision
    )
    return parts["features"].cpu().numpy()


def probe_rows(store: Store, selection: Selection, labels: Labels) -> NDArray[np.int64]:
    """Rows whose labels a probe may use: the run's labelled clips, or all training clips."""
    if labels == "split":
        return selection.labelled
    return np.flatnonzero(store.train_mask(selection.protocol))


def linear_probe(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    test_features: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    classes: int,
    *,
    penalty: float = 1.0,
    device: torch.device | str = "cpu",
) -> Scores:
    """Multinomial logistic regression on standardised features, solved to its one optimum.

    Minimises over W (K, C) and b (K,), with z the features less their training mean, over their
    training deviation::

        sum_i -log softmax(W z_i + b)[y_i]  +  penalty / 2 * ||W||^2

    The problem is strictly convex in W and is solved in float64 from zero over all clips at once, so
    there is no seed, no learning rate and no epoch to choose, and nothing is tuned on the test set.

    Args:
        features, labels: (n, C) and (n,) to fit on.
        test_features, test_labels: (m, C) and (m,) to score.
        classes: K.
        penalty: of the weights' squares; 1 is scikit-learn's default C.
        device: where to compute.
    """
    x = torch.from_numpy(features).to(device, torch.float64)
    y = torch.from_numpy(labels).to(device)
    deviation, mean = torch.std_mean(x, dim=0, correction=0)
    deviation = torch.where(deviation > 0, deviation, 1.0)  # a constant feature says nothing
    z = (x - mean) / deviation
    weight = torch.zeros((classes, x.shape[1]), dtype=x.dtype, device=device, requires_grad=True)
    bias = torch.zeros(classes, dtype=x.dtype, device=device, requires_grad=True)
    solver = torch.optim.LBFGS(
        (weight, bias),
        max_iter=1000,
        history_size=20,
        tolerance_grad=1e-7,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def objective() -> Tensor:
        solver.zero_grad()
        fit = F.cross_entropy(z @ weight.T + bias, y, reduction="sum")
        # Per clip, so that the tolerance means the same for fifty clips and for forty thousand.
        loss: Tensor = (fit + penalty / 2 * weight.square().sum()) / len(y)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(objective)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        test = (torch.from_numpy(test_features).to(device, torch.float64) - mean) / deviation
        logits = test @ weight.T + bias
    return Scores(logits.float().cpu().numpy(), test_labels)


def nearest_neighbours(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    test_features: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    classes: int,
    k: int,
    *,
    device: torch.device | str = "cpu",
) -> Scores:
    """Vote of the k training clips of largest cosine similarity, one vote each.

    Classes with equally many votes are ordered by their voters' mean similarity. The scores are the
    votes, with a fraction below 1/2 for that order.

    Args:
        features, labels: (n, C) and (n,) that vote.
        test_features, test_labels: (m, C) and (m,) to score.
        classes: K.
        k: voters, at most n.
        device: where to compute.

    Raises:
        UsageError: k is not between 1 and n.
    """
    if not 1 <= k <= len(labels):
        raise UsageError(
            f"--knn {k}: {len(labels):,} clips have labels to vote with; use at most that"
        )
    known = F.normalize(torch.from_numpy(features).to(device, torch.float64), dim=1)
    asked = F.normalize(torch.from_numpy(test_features).to(device, torch.float64), dim=1)
    owner = torch.from_numpy(labels).to(device)
    parts = []
    for start in range(0, len(asked), _NEIGHBOUR_ROWS):
        chunk = asked[start : start + _NEIGHBOUR_ROWS]
        similarity, index = (chunk @ known.T).topk(k, dim=1)
        votes = torch.zeros((len(chunk), classes), dtype=torch.float64, device=device)
        closeness = torch.zeros_like(votes)
        votes.scatter_add_(1, owner[index], torch.ones_like(similarity))
        closeness.scatter_add_(1, owner[index], similarity)
        # Mean similarity is in -1..1: a quarter of it plus one keeps whole votes apart.
        parts.append(votes + (closeness / votes.clamp(min=1) + 1) / 4.01 * (votes > 0))
    return Scores(torch.cat(parts).float().cpu().numpy(), test_labels)
