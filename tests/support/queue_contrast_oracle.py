"""SkeAttnCLR's loss in plain loops, number by number, from its equations."""

from __future__ import annotations

import torch
from torch import Tensor


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """Of two vectors."""
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = [torch.sqrt(sum(a * a for a in vector)) for vector in (one, other)]
    return dot / (lengths[0] * lengths[1])


def queue_contrast_loops(
    query: Tensor, key: Tensor, queue: Tensor, temperature: float, other: Tensor | None = None
) -> Tensor:
    """Cross-entropy over [q.k ; q.Q ; q.stopgrad(other)] / tau with the first as the right one."""
    total = torch.zeros((), dtype=query.dtype)
    for clip in range(len(query)):
        positive = torch.exp(cosine(query[clip], key[clip].detach()) / temperature)
        everything = positive
        for negative in queue:
            everything = everything + torch.exp(cosine(query[clip], negative) / temperature)
        if other is not None:
            similarity = cosine(query[clip], other[clip].detach())
            everything = everything + torch.exp(similarity / temperature)
        total = total - torch.log(positive / everything)
    return total / len(query)


def part_aware_loops(
    query: tuple[Tensor, Tensor, Tensor],
    key: tuple[Tensor, Tensor, Tensor],
    queue: Tensor,
    mu: float,
    temperature: float,
) -> Tensor:
    """L = L_z + mu * L_s + (1 - mu) * L_ns, each part the other's negative without gradient."""
    whole = queue_contrast_loops(query[0], key[0], queue, temperature)
    salient = queue_contrast_loops(query[1], key[1], queue, temperature, query[2])
    rest = queue_contrast_loops(query[2], key[2], queue, temperature, query[1])
    return whole + mu * salient + (1 - mu) * rest
