"""Batch statistics over the persons of all processes, against torch on the whole batch."""

import copy

import pytest
import torch
from torch import nn

from pspmodel.nn.norm import BatchNorm2d
from support import shares

EXACT = {"rtol": 1e-10, "atol": 1e-12}


def whole_and_parts(sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    whole = torch.randn(sum(sizes), 3, 4, 5, generator=generator, dtype=torch.float64)
    return whole, list(whole.split(sizes))


def pair():
    """The same layer twice, torch's and ours, off its starting values."""
    theirs = nn.BatchNorm2d(3).double()
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for value in (*theirs.parameters(), theirs.running_mean, theirs.running_var):
            value.add_(torch.rand(value.shape, generator=generator, dtype=torch.float64))
    ours = BatchNorm2d(3).double()
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def expected_of(norm, whole, gradient):
    norm(whole * 2 + 1)
    x = whole.clone().requires_grad_()
    y = norm(x)
    y.backward(gradient)
    return {
        "y": y.detach(), "x": x.grad, "weight": norm.weight.grad, "bias": norm.bias.grad,
        **dict(norm.named_buffers()),
    }  # fmt: skip


def assert_equal(answers, expected):
    for key in ("y", "x"):
        torch.testing.assert_close(torch.cat([a[key] for a in answers]), expected[key], **EXACT)
    for key in ("weight", "bias"):  # shares, added up after the backward pass
        torch.testing.assert_close(sum(a[key] for a in answers), expected[key], **EXACT)
    for answer in answers:
        for key in ("running_mean", "running_var", "num_batches_tracked"):
            torch.testing.assert_close(answer[key], expected[key], **EXACT)


@pytest.mark.parametrize("sizes", [(3, 3), (1, 4), (6, 2)])
def test_uneven_batches_are_normalised_as_one(two, sizes):
    whole, parts = whole_and_parts(sizes)
    gradient, gradients = whole_and_parts(sizes, seed=1)
    theirs, ours = pair()
    answers = two.run(shares.normalised, ours, parts, gradients, None)
    assert_equal(answers, expected_of(theirs, whole, gradient))


def test_weights_and_processes_together_are_the_expanded_batch(two):
    sizes, weights = (2, 3), torch.tensor([2, 1, 3, 0, 1])
    whole, parts = whole_and_parts(sizes)
    gradient, gradients = whole_and_parts(sizes, seed=1)
    gradient[weights == 0] = 0  # nothing looks at what only fills the batch
    theirs, ours = pair()
    answers = two.run(shares.normalised, ours, parts, gradients, weights.split(sizes))

    owner = torch.arange(5).repeat_interleave(weights)
    # Each copy has its part of what the sample that stands for it is told.
    told = gradient[owner] / weights[owner].view(-1, 1, 1, 1)
    expected = expected_of(theirs, whole[owner], told)
    kept = weights > 0
    y, x = (torch.cat([answer[key] for answer in answers]) for key in ("y", "x"))
    first = torch.stack([(owner == sample).nonzero()[0, 0] for sample in kept.nonzero()[:, 0]])
    torch.testing.assert_close(y[kept], expected["y"][first], **EXACT)
    summed = torch.zeros_like(whole).index_add(0, owner, expected["x"])
    torch.testing.assert_close(x[kept], summed[kept], **EXACT)
    for answer in answers:
        for key in ("running_mean", "running_var"):
            torch.testing.assert_close(answer[key], expected[key], **EXACT)


def test_evaluation_exchanges_nothing(two):
    whole, parts = whole_and_parts((2, 3))
    theirs, ours = pair()
    answers = two.run(
        shares.normalised, ours.eval(), parts, [torch.ones_like(p) for p in parts], None
    )
    y = torch.cat([answer["y"] for answer in answers])
    assert torch.equal(y, copy.deepcopy(theirs).eval()(whole).detach())
    assert all(torch.equal(a["running_mean"], theirs.running_mean) for a in answers)
