"""Counted operations against those that PyTorch sees."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pspmodel.bench.flops import Shapes, flops
from pspmodel.losses import coarse_to_fine
from pspmodel.nn import Block, PSPNetwork, scaled_blocks
from skeldata import KINECT20, KINECT25
from support.methods import dsta

BLOCKS = (Block(4, 4, 2, 1), Block(4, 8, 3, 2), Block(8, 12, 2, 2))


def step(network, labelled, unlabelled, frames):
    """Joint and motion of some clips of one person each through everything that trains."""
    joints = network.encoder.joints
    clips = labelled + unlabelled
    features = network.encoder(torch.randn(2 * clips, 3, frames, joints))
    joint, motion = features.chunk(2)
    known, free = torch.arange(labelled), torch.arange(unlabelled)
    named = {"joint": joint, "motion": motion}.items()
    logits = sum(network.classify(x[:labelled], known, labelled, stream=s) for s, x in named)
    embeddings = [network.embed(x[labelled:], free, unlabelled, stream=s) for s, x in named]
    return logits.sum() + sum(coarse_to_fine(*embeddings).values())


def shapes(labelled, unlabelled, frames, levels):
    return Shapes(
        frames,
        encoded=2 * (labelled + unlabelled),
        classified=2 * labelled,
        attended=2 * unlabelled,
        projected=levels * 2 * unlabelled,
        contrasted=unlabelled,
    )


@pytest.mark.parametrize(
    ("layout", "blocks", "frames", "options"),
    [
        (KINECT25, BLOCKS, 9, {}),
        (KINECT20, BLOCKS, 8, {"body_from": "joints"}),
        (KINECT25, BLOCKS, 9, {"levels": ("joint",)}),
        (KINECT25, BLOCKS, 9, {"levels": ("part",), "part_from_body": 0.0}),
        (KINECT25, scaled_blocks(1 / 16), 50, {}),
        (KINECT25, BLOCKS, 9, {"temporal": "attention"}),
        (KINECT20, BLOCKS, 8, {"attention_weights": "full"}),
        (KINECT25, BLOCKS, 9, {"attention_weights": "full", "levels": ("joint",)}),
        (KINECT25, BLOCKS, 9, {"attention": False}),
        (KINECT25, BLOCKS, 9, {"classifier": "per-stream", "projections": "per-level-and-stream"}),
        (KINECT25, scaled_blocks(1 / 16), 50,
         {"temporal": "attention", "attention_weights": "full"}),
    ],
)  # fmt: skip
def test_a_step_counts_what_pytorch_counts(layout, blocks, frames, options):
    config = {key: options[key] for key in ("temporal", "classifier") if key in options}
    others = {key: value for key, value in options.items() if key not in config}
    network = PSPNetwork(layout, 7, network=dsta(blocks, **config), frames=frames, **others)
    counted = shapes(2, 3, frames, len(network.levels))
    with FlopCounterMode(display=False) as forward:
        loss = step(network, 2, 3, frames)
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    assert flops(network, counted, backward=False) == forward.get_total_flops()
    assert flops(network, counted) == forward.get_total_flops() + backward.get_total_flops()


def test_prediction_counts_what_pytorch_counts():
    network = PSPNetwork(KINECT25, 7, network=dsta(BLOCKS)).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.randn(4, 3, 50, 25), torch.tensor([0, 0, 1, 2]), 3)
    counted = flops(network, Shapes(50, encoded=4, classified=3), backward=False)
    assert counted == counter.get_total_flops()


def test_the_released_step_takes_what_was_counted_beforehand():
    """9 + 90 clips of two bodies, absent ones included: 4.64 TFLOP, 11.7 GFLOP a clip and body."""
    network = PSPNetwork(KINECT25, 60)
    bodies = 2 * 2 * (9 + 90)
    total = flops(
        network,
        Shapes(50, encoded=bodies, classified=18, attended=360, projected=3 * 180, contrasted=90),
    )
    assert total / 1e12 == pytest.approx(4.64, abs=0.01)
    assert total / bodies / 1e9 == pytest.approx(11.7, abs=0.05)
