"""Cross-entropy from its definition; the shares of several processes are in tests/ddp."""

from __future__ import annotations

import math

import pytest
import torch

from pspmodel.losses.cross_entropy import cross_entropy


def test_value_and_gradient_equal_plain_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 4, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.tensor([0, 3, 1, 1, 2])
    total = torch.zeros((), dtype=torch.float64)
    for row, label in zip(logits, labels, strict=True):
        total = total - torch.log(row[label].exp() / sum(other.exp() for other in row))
    expected = total / 5
    loss = cross_entropy(logits, labels)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    gradients = (torch.autograd.grad(value, logits)[0] for value in (loss, expected))
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 10, 60])
def test_equal_scores_cost_the_logarithm_of_the_classes(classes: int) -> None:
    loss = cross_entropy(torch.zeros(3, classes), torch.tensor([0, 1, 1]))
    assert loss.item() == pytest.approx(math.log(classes), rel=1e-6)


def test_half_precision_is_not_summed_in_half_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(64, 10, generator=generator).bfloat16()
    labels = torch.arange(64) % 10
    exact = cross_entropy(logits.double(), labels)
    with torch.autocast("cpu", torch.bfloat16):
        loss = cross_entropy(logits, labels)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=1e-6)
