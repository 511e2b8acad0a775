"""Cross-entropy of the clips of all processes, for one prediction or for those of several streams."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from pspmodel.collectives import counts
from pspmodel.config import ClassificationConfig


def cross_entropy(
    logits: Tensor, labels: Tensor, *, smoothing: float = 0.0, weights: Tensor | None = None
) -> Tensor:
    """Mean over the clips of ``-weight * sum_k target[k] * log softmax(logits)[k]``.

    The target is 1 - smoothing + smoothing / K at the label and smoothing / K elsewhere.

    With several processes each returns its share: the sum over its own clips, divided by the
    number of clips of all of them.

    Args:
        logits: (n, K).
        labels: (n,) int64, 0-based.
        smoothing: share of the target that is spread over all classes.
        weights: (n,); None counts every clip fully. The mean is over all clips, also those of
            weight 0.

    Returns:
        Scalar; float64 for float64 logits, else float32, also under autocast.
    """
    logits = _full(logits)
    each = F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
    if weights is not None:
        each = each * weights
    return each.sum() / sum(counts(len(labels)))


def fused(logits: Mapping[str, Tensor], config: ClassificationConfig) -> Tensor:
    """One prediction of the streams' logits (n, K): their sum, or their mean, in float32 at least."""
    total = torch.stack([_full(each) for each in logits.values()]).sum(dim=0)
    return total / len(logits) if config.fusion == "mean" else total


def _full(logits: Tensor) -> Tensor:
    """Logits in float32 at least: losses are computed so, also under autocast."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def stream_cross_entropy(
    logits: Mapping[str, Tensor],
    labels: Tensor,
    config: ClassificationConfig,
    weights: Tensor | None = None,
) -> dict[str, Tensor]:
    """Cross-entropy of the streams together and, if the recipe weighs it, of each alone.

    Args:
        logits: (n, K) by stream.
        labels: (n,) int64.
        config: fusion, weight of the single streams' losses, smoothing.
        weights: see `cross_entropy`.

    Returns:
        ``classification``, and ``auxiliary``: the weighted sum over the streams.
    """

    def loss(of: Tensor) -> Tensor:
        return cross_entropy(of, labels, smoothing=config.smoothing, weights=weights)

    terms = {"classification": loss(fused(logits, config))}
    if config.auxiliary > 0:
        alone = torch.stack([loss(of) for of in logits.values()])
        terms["auxiliary"] = config.auxiliary * alone.sum()
    return terms
