"""A small SkeAttnCLR without a store, and what a process of a group does with it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pspmodel.methods import DataFacts
from pspmodel.methods.skeattnclr import SkeAttnCLR
from pspmodel.recipe import load_config
from pspmodel.train.distributed import complete, own_part
from skeldata import KINECT25, Layout
from support.pretext_methods import batch, pretext_step, rows_of

SMALL = (
    # Eight units with the whole encoder's two strides: a feature frame is four of the clip.
    "network.stgcn.channels=[8, 8, 8, 8, 8, 8, 8, 8]",
    "data.frames=16",
    "options.queue=32",
    "options.embedding=6",
    "options.heads=2",
)
DETERMINISTIC = ("network.stgcn.dropout=0.0", "options.mixing=false")


def tiny(
    *overrides: str,
    layout: Layout = KINECT25,
    persons: int = 2,
    dtype: torch.dtype = torch.float64,
) -> SkeAttnCLR:
    """SkeAttnCLR a few channels wide, entered into pre-training."""
    dataset = "ntu60" if layout is KINECT25 else "nw-ucla"
    config = load_config("skeattnclr", dataset=dataset, overrides=(*SMALL, *overrides))
    facts = DataFacts(dataset, layout, 4, persons, config.data.frames, config.data.streams)
    torch.manual_seed(0)
    method = SkeAttnCLR(facts, SkeAttnCLR.Options(**config.options), config).to(dtype)
    method.enter("pretrain")
    return method


def share_of_steps(
    overrides: Sequence[str], persons: Sequence[int], steps: int
) -> tuple[dict[str, Tensor], dict[str, Tensor | None], dict[str, Tensor]]:
    """Terms and gradients of the last of some steps on the process's part of the clips; buffers."""
    method = tiny(*overrides)
    optimizer = torch.optim.SGD([p for p in method.parameters() if p.requires_grad], lr=0.05)
    part = range(len(persons))[own_part()]
    for step in range(steps):
        views = [rows_of(batch(method, persons, seed=10 * step + n), part) for n in range(2)]
        torch.manual_seed(step)
        optimizer.zero_grad()
        shares = method.losses(pretext_step(*views))
        torch.stack(list(shares.values())).sum().backward()
        terms = complete(method.parameters(), shares)
        optimizer.step()
    return (
        {name: term.detach() for name, term in terms.items()},
        {name: p.grad for name, p in method.named_parameters()},
        dict(method.named_buffers()),
    )
