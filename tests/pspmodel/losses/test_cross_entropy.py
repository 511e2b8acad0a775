"""Cross-entropy from its definition; the shares of several processes are in tests/ddp."""

from __future__ import annotations

import math

import pytest
import torch

from pspmodel.config import ClassificationConfig
from pspmodel.losses.cross_entropy import cross_entropy, stream_cross_entropy


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


def test_smoothing_and_weights_equal_plain_loops() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 3, 1, 1, 2, 0])
    weights = torch.tensor([1.0, 0.0, 0.5, 1.0, 0.0, 2.0], dtype=torch.float64)
    total = 0.0
    for row, label, weight in zip(logits, labels, weights, strict=True):
        logs = [float(torch.log(score.exp() / sum(other.exp() for other in row))) for score in row]
        target = [0.2 / 4 + (0.8 if k == label else 0.0) for k in range(4)]
        total -= float(weight) * sum(t * log for t, log in zip(target, logs, strict=True))
    loss = cross_entropy(logits, labels, smoothing=0.2, weights=weights)
    assert loss.item() == pytest.approx(
        total / 6, rel=1e-12
    )  # over all clips, also those of weight 0


def streams(seed: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {s: torch.randn(5, 4, generator=generator) for s in ("joint", "bone", "motion")}


def test_streams_are_added_or_averaged_and_may_count_alone() -> None:
    logits, labels = streams(), torch.tensor([0, 3, 1, 1, 2])
    total = logits["joint"] + logits["bone"] + logits["motion"]
    plain = stream_cross_entropy(logits, labels, ClassificationConfig())
    assert set(plain) == {"classification"}
    torch.testing.assert_close(plain["classification"], cross_entropy(total, labels))
    config = ClassificationConfig(fusion="mean", auxiliary=0.5, smoothing=0.1)
    weights = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0])
    both = stream_cross_entropy(logits, labels, config, weights)
    expected = cross_entropy(total / 3, labels, smoothing=0.1, weights=weights)
    torch.testing.assert_close(both["classification"], expected)
    alone = sum(
        cross_entropy(each, labels, smoothing=0.1, weights=weights) for each in logits.values()
    )
    torch.testing.assert_close(both["auxiliary"], 0.5 * alone)


@pytest.mark.parametrize("fusion", ["sum", "mean"])
def test_streams_in_half_precision_are_not_fused_in_it(fusion: str) -> None:
    logits = {name: (20 * part).bfloat16() for name, part in streams().items()}
    labels, config = torch.tensor([0, 3, 1, 1, 2]), ClassificationConfig(fusion=fusion)
    exact = stream_cross_entropy({s: part.double() for s, part in logits.items()}, labels, config)
    with torch.autocast("cpu", torch.bfloat16):
        found = stream_cross_entropy(logits, labels, config)
    assert found["classification"].item() == pytest.approx(exact["classification"].item(), rel=1e-6)
