"""Small PSP networks and persons to show them, for the tests of the whole network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from pspmodel.nn import Block, PSPNetwork
from skeldata import KINECT25, Layout
from support.methods import dsta
from support.psp_oracle import PUBLISHED, OraclePSP, scramble

Coefficients = Mapping[tuple[str, str], float]

# Two heads; one block that changes nothing and one that changes channels and halves the time.
BLOCKS = (Block(4, 4, 2, 1), Block(4, 6, 3, 2))
HEADS = 2
CLASSES = 5
# Five persons of three clips, out of order, one to two a clip.
CLIP_INDEX = torch.tensor([2, 0, 1, 0, 2])
CLIPS = 3
FRAMES = 7
STREAMS = ("joint", "motion")

VARIANTS: dict[str, dict[str, str]] = {
    "attention over time": {"temporal": "attention"},
    "full weights": {"attention_weights": "full"},
    "own classifiers": {"classifier": "per-stream"},
    "projections of levels": {"projections": "per-level"},
    "projections of streams": {"projections": "per-stream"},
    "projections of both": {"projections": "per-level-and-stream"},
    "psp-paper": {
        "temporal": "attention", "attention_weights": "full", "attention_scale": "sqrt",
        "body_from": "parts",
    },
}  # fmt: skip
variants = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


def build(
    layout: Layout = KINECT25,
    *,
    blocks: Sequence[Block] = BLOCKS,
    coefficients: Coefficients = PUBLISHED,
    dtype: torch.dtype = torch.float64,
    frames: int | None = FRAMES,
    temporal: str = "convolution",
    classifier: str = "shared",
    **options: Any,
) -> PSPNetwork:
    """A small network in float64 or float32, the same each time."""
    torch.manual_seed(3)
    network = PSPNetwork(
        layout,
        CLASSES,
        network=dsta(blocks, HEADS, temporal, classifier=classifier),
        heads=HEADS,
        frames=frames,
        **{f"{fine}_from_{coarse}": value for (fine, coarse), value in coefficients.items()},
        **options,
    )
    scramble(network)
    return network.double() if dtype == torch.float64 else network


def persons(layout: Layout = KINECT25, frames: int = FRAMES) -> Tensor:
    """The persons that it is shown."""
    generator = torch.Generator().manual_seed(5)
    shape = (len(CLIP_INDEX), 3, frames, layout.joint_count)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def outputs(model: PSPNetwork | OraclePSP, x: Tensor) -> dict[str, Tensor]:
    """Everything a training step uses, by name; the persons stand for every stream."""
    features = model.encoder(x)
    found = {"features": features}
    for stream in STREAMS:
        found[f"logits/{stream}"] = model.classify(features, CLIP_INDEX, CLIPS, stream=stream)
        embedded = model.embed(features, CLIP_INDEX, CLIPS, stream=stream)
        found |= {f"{level}/{stream}": value for level, value in embedded.items()}
    return found
