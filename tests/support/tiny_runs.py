"""Runs of the recipe tiny, made even smaller, and what their checkpoints hold."""

import torch

from pspmodel.train.setup import new_run
from support.small_run import tensors

SMALL = (
    "network.dsta.blocks=[[8, 8, 4, 2], [8, 16, 4, 2]]",
    "train.labelled_batch=6",
    "train.unlabelled_batch=6",
    "train.epochs=3",
    "train.steps_per_epoch=4",
    "train.evaluate_every=1",
    "optim.milestones=[2]",
)


def run_at(folder, store, *more, **options):
    """A run in ``folder``, ready to train; ``more`` are further settings."""
    return new_run(
        store,
        ratio="0.2",
        recipe="tiny",
        overrides=(*SMALL, *more),
        out=folder,
        device="cpu",
        **options,
    )


def assert_same(a, b):
    """Check that two runs' last checkpoints are equal bit for bit."""
    one, other = tensors(a), tensors(b)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
