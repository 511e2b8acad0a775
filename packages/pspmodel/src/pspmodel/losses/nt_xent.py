"""NT-Xent between two modalities of the same clips, and its sum over the levels of the pyramid."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pspmodel.collectives import gather
from pspmodel.errors import UsageError

Key = TypeVar("Key")


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.07) -> Tensor:
    """Normalised temperature-scaled cross-entropy over 2M anchors.

    Mean over the rows i of U = [first; second] of
    ``-log( exp(s_ip / tau) / sum_{k != i} exp(s_ik / tau) )``, with s the cosine and p the other
    modality of clip i; the other 2M - 2 rows are negatives. One clip has none, so M = 1 gives 0.

    With several processes every process's clips are negatives of every other's, and what each
    returns is its share: the mean's part that its own anchors make up.

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
    with torch.autocast(first.device.type, enabled=False):
        own = torch.stack((first, second))
        own = F.normalize(own.to(torch.promote_types(own.dtype, torch.float32)), dim=2)
        pairs, start = gather(own.transpose(0, 1))
        clips = len(pairs)
        logits = own.flatten(0, 1) @ pairs.transpose(0, 1).flatten(0, 1).T / temperature
        # Row i of U is column i; exp(-inf) takes it out of its own denominator and the gradient.
        clip = torch.arange(start, start + len(first), device=first.device)
        places = torch.cat((clip, clip + clips))
        logits = logits.scatter(1, places.unsqueeze(1), -torch.inf)
        partners = torch.cat((clip + clips, clip))
        return F.cross_entropy(logits, partners, reduction="sum") / (2 * clips)


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


def between_streams(
    embedded: Mapping[str, Mapping[Key, Tensor]], temperature: float = 0.07
) -> dict[Key, Tensor]:
    """`coarse_to_fine` between every two streams, the mean over the pairs.

    Args:
        embedded: stream -> level -> (M, C).
        temperature: tau, positive.

    Returns:
        level -> scalar; with two streams `coarse_to_fine` of them.

    Raises:
        UsageError: there is only one stream; and see `coarse_to_fine`.
    """
    pairs = list(combinations(embedded.values(), 2))
    if not pairs:
        raise UsageError(f"a contrast needs two streams, not {list(embedded)}; set data.streams")
    found = [coarse_to_fine(first, second, temperature) for first, second in pairs]
    return {level: torch.stack([terms[level] for terms in found]).mean() for level in found[0]}
