"""Small SDS-CL and PSTL methods and batches for them, made without a store."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pspmodel.data.clips import Clips
from pspmodel.methods import DataFacts, Method, Step, build
from pspmodel.recipe import load_config
from skeldata import KINECT25, Layout

SMALL = {
    # Strides 2 and 2 like the whole encoder's: 50 frames become 13.
    "sds-cl": (
        "network.dsta.blocks=[[8, 8, 4, 2], [8, 8, 4, 2]]",
        "network.dsta.heads=2",
        "options.heads=2",
    ),
    "pstl": ("network.stgcn.channels=[8, 8, 8, 8, 8, 8, 8, 12]", "options.width=24"),
}
DETERMINISTIC = (
    "network.stgcn.dropout=0.0",
    "options.more=0",
    "options.joint_draws=0",
    *(f"options.views.{name}=0" for name in ("padding", "shear", "turn", "wobble", "flip")),
)
"""PSTL without chance: nothing is changed, no joints go, only the fastest frames do."""


def small(
    name: str,
    *overrides: str,
    layout: Layout = KINECT25,
    persons: int = 2,
    classes: int = 4,
    frames: int = 50,
    dtype: torch.dtype = torch.float64,
) -> Method:
    """The method of recipe ``name``, a few channels wide."""
    dataset = "ntu60" if layout is KINECT25 else "nw-ucla"
    config = load_config(name, dataset=dataset, overrides=(*SMALL[name], *overrides))
    facts = DataFacts(dataset, layout, classes, persons, frames, config.data.streams)
    torch.manual_seed(0)
    return build(config, facts).to(dtype)


def batch(
    method: Method, counts: Sequence[int], seed: int = 0, dtype: torch.dtype = torch.float64
) -> Clips:
    """Clips with ``counts[i]`` persons each, of random numbers."""
    generator = torch.Generator().manual_seed(seed)
    facts = method.facts
    shape = (sum(counts), 3, facts.frames, facts.layout.joint_count)
    streams = {name: torch.randn(shape, generator=generator, dtype=dtype) for name in facts.streams}
    index = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return Clips(streams, index, len(counts))


def rows_of(clips: Clips, chosen: Sequence[int]) -> Clips:
    """Some clips of a batch, in the given order."""
    rows = [(clips.clip_index == clip).nonzero()[:, 0] for clip in chosen]
    index = torch.cat([torch.full_like(part, number) for number, part in enumerate(rows)])
    picked = torch.cat(rows)
    streams = {name: stream[picked] for name, stream in clips.streams.items()}
    return Clips(streams, index, len(chosen))


def with_absent(clips: Clips, persons: int, *, shared: bool) -> Clips:
    """Every clip with ``persons`` persons, the absent ones zeros: each a row, or one for all."""
    rows, absent = [], []
    for clip in range(clips.count):
        own = (clips.clip_index == clip).nonzero()[:, 0].tolist()
        rows += [*own, *[-1] * (persons - len(own))]
    absent = [row == -1 for row in rows]
    index = torch.arange(clips.count).repeat_interleave(persons)
    if not shared:
        gone = torch.tensor(absent)[:, None, None, None]
        streams = {name: x[rows].masked_fill(gone, 0.0) for name, x in clips.streams.items()}
        return Clips(streams, index, clips.count)
    last = clips.rows
    person_index = torch.tensor([last if row == -1 else row for row in rows])
    weights = torch.ones(last + 1)
    weights[last] = sum(absent)
    streams = {name: torch.cat((x, torch.zeros_like(x[:1]))) for name, x in clips.streams.items()}
    return Clips(streams, index, clips.count, person_index, weights)


def pretext_step(*views: Clips) -> Step:
    return Step("pretrain", None, None, views)


def gradients(method: Method, step: Step) -> tuple[dict[str, Tensor], dict[str, Tensor | None]]:
    """Terms, and gradients of their sum by parameter."""
    method.zero_grad()
    terms = method.losses(step)
    torch.stack(list(terms.values())).sum().backward()
    return (
        {name: term.detach() for name, term in terms.items()},
        {name: p.grad for name, p in method.named_parameters()},
    )
