"""Contrast with a queue of keys (MoCo), and SkeAttnCLR's three terms of it."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pspmodel.collectives import counts
from pspmodel.errors import UsageError


class PartEmbeddings(NamedTuple):
    """What one view of n clips says, as a whole and in two parts; each (n, C).

    Attributes:
        whole: of all features.
        salient: of what the attention mask weighs.
        rest: of what it leaves.
    """

    whole: Tensor
    salient: Tensor
    rest: Tensor


def queue_contrast(
    query: Tensor,
    key: Tensor,
    queue: Tensor,
    temperature: float = 0.2,
    other: Tensor | None = None,
) -> Tensor:
    """Mean over the clips of all processes of ``-log softmax([q.k ; q.Q ; q.o] / tau)[0]``.

    The key of the same clip is the positive; the queue and, if given, one vector of the same clip
    are negatives. Only the query has a gradient. Each process returns its share: its own clips' part
    of the mean.

    Source: MoCo's equation 1; with ``other``, L_s and L_ns of SkeAttnCLR (released code).

    Args:
        query: (n, C), normalised here.
        key: (n, C), same clips in the same order, normalised here.
        queue: (K, C) of unit length, the same on all processes.
        temperature: tau, positive.
        other: (n, C), a further negative of each clip, normalised here.

    Returns:
        Scalar; float64 for float64 queries, else float32, also under autocast.

    Raises:
        UsageError: the shapes do not fit, or tau is not positive.
    """
    shapes = {query.shape, key.shape, query.shape if other is None else other.shape}
    if query.ndim != 2 or len(shapes) > 1 or queue.shape[1:] != query.shape[1:]:
        raise UsageError(
            f"queries {tuple(query.shape)}, keys {tuple(key.shape)} and queue "
            f"{tuple(queue.shape)} do not fit; give (n, C), (n, C) and (K, C)"
        )
    if not temperature > 0:
        raise UsageError(f"temperature {temperature} is not positive; SkeAttnCLR uses 0.2")
    with torch.autocast(query.device.type, enabled=False):
        precise = torch.promote_types(query.dtype, torch.float32)
        unit = F.normalize(query.to(precise), dim=1)

        def alike(rows: Tensor) -> Tensor:
            return (unit * F.normalize(rows.detach().to(precise), dim=1)).sum(1, keepdim=True)

        columns = [alike(key), unit @ queue.detach().to(precise).T]
        if other is not None:
            columns.append(alike(other))
        logits = torch.cat(columns, dim=1) / temperature
        first = torch.zeros(len(logits), dtype=torch.int64, device=logits.device)
        return F.cross_entropy(logits, first, reduction="sum") / sum(counts(len(logits)))


def part_aware_contrast(
    query: PartEmbeddings,
    key: PartEmbeddings,
    queue: Tensor,
    salient_share: float = 1.0,
    temperature: float = 0.2,
) -> dict[str, Tensor]:
    """SkeAttnCLR's loss ``L_z + mu * L_s + (1 - mu) * L_ns``, its weighted terms by name.

    Each is a `queue_contrast` against the queue of *whole* keys. In L_s the rest of the same clip is
    one more negative, in L_ns its salient part; neither of the two has a gradient there.

    Args:
        query: embeddings of the query's views.
        key: embeddings of the keys, same clips in the same order.
        queue: (K, C) of unit length.
        salient_share: mu; published: 1 for joints, which leaves L_ns out, 0.5 for bone and motion.
        temperature: tau.

    Returns:
        ``whole``, ``salient`` and ``rest``; a term of weight 0 is not computed.

    Raises:
        UsageError: mu is not in 0..1; and see `queue_contrast`.
    """
    if not 0 <= salient_share <= 1:
        raise UsageError(f"salient_share {salient_share} is not in 0..1; SkeAttnCLR uses 0.5 or 1")
    terms = {"whole": queue_contrast(query.whole, key.whole, queue, temperature)}
    if salient_share > 0:
        salient = queue_contrast(query.salient, key.salient, queue, temperature, query.rest)
        terms["salient"] = salient_share * salient
    if salient_share < 1:
        rest = queue_contrast(query.rest, key.rest, queue, temperature, query.salient)
        terms["rest"] = (1 - salient_share) * rest
    return terms
