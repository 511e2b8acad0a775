"""What a process of a group does in the tests of momentum contrast; importable by its name."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pspmodel.collectives import rank
from pspmodel.losses.queue_contrast import PartEmbeddings, part_aware_contrast
from pspmodel.nn.momentum import KeyQueue


def share_of_part_aware(
    query: Sequence[Sequence[Tensor]],
    key: Sequence[Sequence[Tensor]],
    queue: Tensor,
    salient_share: float,
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Terms, and gradients of their sum, from this process's clips of the three kinds."""
    mine, keys = (PartEmbeddings(*(part[rank()] for part in side)) for side in (query, key))
    mine = PartEmbeddings(*(part.clone().requires_grad_() for part in mine))
    terms = part_aware_contrast(mine, keys, queue, salient_share)
    gradients = torch.autograd.grad(torch.stack(list(terms.values())).sum(), mine)
    return {name: term.detach() for name, term in terms.items()}, list(gradients)


def queue_after(length: int, steps: Sequence[Sequence[Tensor]]) -> tuple[Tensor, int]:
    """The queue after some steps, of each of which this process has its part of the keys."""
    torch.manual_seed(0)
    queue = KeyQueue(length, steps[0][0].shape[1]).double()
    for parts in steps:
        queue.push(parts[rank()])
    return queue.keys, int(queue.place)
