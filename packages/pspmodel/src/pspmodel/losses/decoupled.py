"""SDS-CL's contrast: tokens of one clip against each other, and whole clips against whole clips."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pspmodel.collectives import counts
from pspmodel.errors import UsageError
from pspmodel.losses.nt_xent import nt_xent


class Embeddings(NamedTuple):
    """What is contrasted of one stream of N clips; squeezed and projected.

    Attributes:
        intra_joints, inter_joints: (N, V, C) one token a joint, of the temporal attentions.
        intra_frames, inter_frames: (N, T, C) one token a frame, of the spatial attentions.
        clips: (N, D) one row a clip, of all four.
    """

    intra_joints: Tensor
    inter_joints: Tensor
    intra_frames: Tensor
    inter_frames: Tensor
    clips: Tensor


def token_contrast(first: Tensor, second: Tensor, temperature: float = 0.07) -> Tensor:
    """NT-Xent among the tokens of each clip by itself; mean over anchors and clips.

    Of the 2n tokens of a clip, token i of one view has token i of the other as its positive and
    the remaining 2n - 2 as negatives; no other clip matters. With several processes each returns
    its share: the sum over its own clips, divided by the number of clips of all of them.

    Source: SDS-CL, temporal-squeezing loss (tokens are joints) and spatial-squeezing loss (frames).

    Args:
        first: (N, n, C) tokens of one view.
        second: (N, n, C) of the other, same clips and tokens in the same order.
        temperature: tau, positive.

    Returns:
        Scalar; float64 for float64 tokens, else float32, also under autocast.

    Raises:
        UsageError: the shapes differ or are not (N, n, C) with N and n > 0, or tau is not positive.
    """
    if first.shape != second.shape or first.ndim != 3 or 0 in first.shape[:2]:
        raise UsageError(
            f"tokens have shapes {tuple(first.shape)} and {tuple(second.shape)}; "
            "both must be the same (N, n, C) with N and n > 0"
        )
    if not temperature > 0:
        raise UsageError(f"temperature {temperature} is not positive; SDS-CL uses 0.07")
    clips, count = first.shape[:2]
    with torch.autocast(first.device.type, enabled=False):
        tokens = torch.cat((first, second), dim=1)
        tokens = F.normalize(tokens.to(torch.promote_types(tokens.dtype, torch.float32)), dim=2)
        logits = torch.bmm(tokens, tokens.mT) / temperature
        itself = torch.eye(2 * count, dtype=torch.bool, device=tokens.device)
        logits = logits.masked_fill(itself, -torch.inf).flatten(0, 1)
        partners = torch.arange(2 * count, device=tokens.device).roll(count).repeat(clips)
        total = F.cross_entropy(logits, partners, reduction="sum")
        return total / (2 * count * sum(counts(clips)))


def decoupled_contrast(
    first: Embeddings, second: Embeddings, temperature: float = 0.07
) -> dict[str, Tensor]:
    """The nine terms of SDS-CL, which it adds up with equal weights.

    Joint tokens (``tsl/A-B``, temporal-squeezing) and frame tokens (``stl/A-B``,
    spatial-squeezing) are contrasted for A-B in intra-intra, intra-inter, inter-intra and
    inter-inter, with A of the first stream and B of the second; ``global`` is NT-Xent of the clips.

    Args:
        first: of one stream.
        second: of the other, same clips in the same order.
        temperature: tau, positive.

    Returns:
        Name -> scalar, this process's share.

    Raises:
        UsageError: see `token_contrast` and `nt_xent`.
    """
    terms = {}
    for name, one, other in (
        (
            "tsl",
            (first.intra_joints, first.inter_joints),
            (second.intra_joints, second.inter_joints),
        ),
        (
            "stl",
            (first.intra_frames, first.inter_frames),
            (second.intra_frames, second.inter_frames),
        ),
    ):
        for a, own in zip(("intra", "inter"), one, strict=True):
            for b, their in zip(("intra", "inter"), other, strict=True):
                terms[f"{name}/{a}-{b}"] = token_contrast(own, their, temperature)
    terms["global"] = nt_xent(first.clips, second.clips, temperature)
    return terms
