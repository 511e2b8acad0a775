"""Cross-entropy of the labelled clips of all processes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pspmodel.collectives import counts


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the labelled clips of ``-log softmax(logits)[label]``.

    With several processes each returns its share: the sum over its own clips, divided by the
    number of clips of all of them.

    Args:
        logits: (n, K).
        labels: (n,) int64, 0-based.

    Returns:
        Scalar; float64 for float64 logits, else float32, also under autocast.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits, labels, reduction="sum") / sum(counts(len(labels)))
