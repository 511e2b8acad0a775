"""NT-Xent between two modalities of the same clips, and its sum over the levels of the pyramid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pspmodel.errors import UsageError

Key = TypeVar("Key")


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.07) -> Tensor:
    """Normalised temperature-scaled cross-entropy over 2M anchors.

    Mean over the rows i of U = [first; second] of
    ``-log( exp(s_ip / tau) / sum_{k != i} exp(s_ik / tau) )``, with s the cosine and p the other
    modality of clip i; the other 2M - 2 rows are negatives. One clip has none, so M = 1 gives 0.

    Source: PSP, the contrastive loss of one level (SimCLR's NT-Xent, its equation 1).

    Args:
        first: (M, C) embeddings of one modality.
        second: (M, C) embeddings of the other, same clips in the same order.
        temperature: tau, positive.

    Returns:
        Scalar; float64 for float64 embeddings, else float32, also under autocast.

    Raises:
        UsageError: the shapes differ or are not (M, C) with M > 0, or tau is not positive.
    """
    if first.shape != second.shape or first.ndim != 2 or len(first) == 0:
        raise UsageError(
            f"embeddings have shapes {tuple(first.shape)} and {tuple(second.shape)}; "
            "both must be the same (M, C) with M > 0"
        )
    if not temperature > 0:
        raise UsageError(f"temperature {temperature} is not positive; PSP uses 0.07")
    clips = len(first)
    with torch.autocast(first.device.type, enabled=False):
        rows = torch.cat((first, second))
        rows = F.normalize(rows.to(torch.promote_types(rows.dtype, torch.float32)), dim=1)
        # exp(-inf) takes each anchor out of its own denominator, and out of the gradient.
        logits = (rows @ rows.T / temperature).fill_diagonal_(-torch.inf)
        partners = torch.arange(2 * clips, device=rows.device).roll(clips)
        return F.cross_entropy(logits, partners)


def coarse_to_fine(
    first: Mapping[Key, Tensor], second: Mapping[Key, Tensor], temperature: float = 0.07
) -> dict[Key, Tensor]:
    """PSP's contrastive loss, one `nt_xent` a level; the paper adds them up with equal weights.

    Args:
        first: level -> (M, C) embeddings of one modality.
        second: the same levels of the other.
        temperature: tau, positive.

    Returns:
        level -> scalar.

    Raises:
        UsageError: the two have different levels; and see `nt_xent`.
    """
    if first.keys() != second.keys():
        raise UsageError(f"levels differ: {list(first)} and {list(second)}; give the same ones")
    return {level: nt_xent(first[level], second[level], temperature) for level in first}
