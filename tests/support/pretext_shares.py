"""What a process of a group does in the tests of SDS-CL's and PSTL's losses; importable by name."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from pspmodel.collectives import rank
from pspmodel.losses.barlow_twins import barlow_twins
from pspmodel.losses.decoupled import Embeddings, decoupled_contrast, token_contrast
from pspmodel.nn.projection import WideProjection
from pspmodel.train.distributed import complete, own_part
from support.pretext_methods import batch, pretext_step, rows_of, small

Gradients = tuple[Tensor, ...]


def own(*parts: Sequence[Tensor]) -> list[Tensor]:
    return [part[rank()].clone().requires_grad_() for part in parts]


def share_of_token_contrast(
    first: Sequence[Tensor], second: Sequence[Tensor], temperature: float
) -> tuple[Tensor, Gradients]:
    pair = own(first, second)
    loss = token_contrast(*pair, temperature)
    return loss.detach(), torch.autograd.grad(loss, pair)


def share_of_decoupled_contrast(
    *views: Sequence[Tensor],
) -> tuple[dict[str, Tensor], Gradients]:
    """``views``: five of one stream, then five of the other, each in parts."""
    tensors = own(*views)
    terms = decoupled_contrast(Embeddings(*tensors[:5]), Embeddings(*tensors[5:]))
    gradients = torch.autograd.grad(torch.stack(list(terms.values())).sum(), tensors)
    return {name: term.detach() for name, term in terms.items()}, gradients


def share_of_barlow_twins(
    first: Sequence[Tensor], second: Sequence[Tensor], redundancy: float
) -> tuple[Tensor, Gradients]:
    pair = own(first, second)
    loss = barlow_twins(*pair, redundancy)
    return loss.detach(), torch.autograd.grad(loss, pair)


def share_of_projected_twins(
    projector: WideProjection, first: Sequence[Tensor], second: Sequence[Tensor]
) -> tuple[Tensor, Gradients, Gradients]:
    """Loss of features through the projector; gradients of the features and of its weights."""
    projector = copy.deepcopy(projector)  # what was sent lies in memory that the processes share
    pair = own(first, second)
    loss = barlow_twins(projector(pair[0]), projector(pair[1]), 0.01)
    weights = list(projector.parameters())
    gradients = torch.autograd.grad(loss, [*pair, *weights])
    return loss.detach(), gradients[:2], gradients[2:]


# ---- a step of SDS-CL and PSTL -------------------------------------------------------------
def pretext_of(
    name: str, overrides: Sequence[str], persons: Sequence[int]
) -> tuple[dict[str, Tensor], dict[str, Tensor | None], dict[str, Tensor]]:
    """Terms, gradients and buffers after one step of pre-training on the process's part of clips."""
    method = small(name, *overrides)
    method.enter("pretrain")
    part = range(len(persons))[own_part()]
    views = [
        rows_of(batch(method, persons, seed=seed), part)
        for seed in range(len(method.views("pretrain")))
    ]
    terms = method.losses(pretext_step(*views))
    torch.stack(list(terms.values())).sum().backward()
    terms = complete(method.parameters(), terms)
    return (
        {name: term.detach() for name, term in terms.items()},
        {name: p.grad for name, p in method.named_parameters()},
        dict(method.named_buffers()),
    )
