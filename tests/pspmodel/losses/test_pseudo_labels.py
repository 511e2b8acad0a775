"""Pseudo-labels from their definition; those of several processes are in tests/ddp."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError

from pspmodel.config import PseudoLabelConfig
from pspmodel.losses.pseudo_labels import PseudoLabels


def softmax(row: list[float]) -> list[float]:
    total = sum(math.exp(score) for score in row)
    return [math.exp(score) / total for score in row]


def naive(
    batches: list[list[list[list[float]]]], config: PseudoLabelConfig
) -> tuple[list[int], list[float]]:
    """Labels and weights of the last of some batches [stream][clip][class], in plain Python."""
    classes = len(batches[0][0][0])
    running = [1 / classes] * classes
    labels: list[int] = []
    weights: list[float] = []
    for batch in batches:
        clips = list(zip(*batch, strict=True))
        mean = [
            [sum(softmax(list(s))[k] for s in clip) / len(clip) for k in range(classes)]
            for clip in clips
        ]
        if config.alignment:
            seen = [sum(row[k] for row in mean) / len(mean) for k in range(classes)]
            running = [
                config.alignment * old + (1 - config.alignment) * new
                for old, new in zip(running, seen, strict=True)
            ]
            mean = [[p / r for p, r in zip(row, running, strict=True)] for row in mean]
            mean = [[p / sum(row) for p in row] for row in mean]
        labels = [max(range(classes), key=row.__getitem__) for row in mean]
        weights = [float(max(row) >= config.threshold) for row in mean]
    return labels, weights


@pytest.mark.parametrize("alignment", [0.0, 0.6])
def test_labels_and_weights_equal_plain_python(alignment: float) -> None:
    config = PseudoLabelConfig(weight=1.0, threshold=0.5, alignment=alignment)
    rule = PseudoLabels(4, config).double()
    logits = 3 * torch.randn(
        5, 2, 30, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    logits[..., 1] += 1.5  # a teacher that likes one class
    for batch in logits:
        labels, weights = rule({"joint": batch[0], "motion": batch[1]})
    expected = naive(logits.tolist(), config)
    assert labels.tolist() == expected[0]
    assert weights.tolist() == expected[1]
    assert 0 < weights.sum() < 30


def test_alignment_takes_from_the_class_that_the_teacher_always_gives() -> None:
    rule = PseudoLabels(3, PseudoLabelConfig(weight=1.0, threshold=0.0, alignment=0.9))
    logits = torch.tensor([[2.0, 1.8, 0.0], [2.0, 0.0, 1.8], [2.0, 1.0, 1.0]])
    first, _ = rule({"joint": logits})
    for _ in range(100):
        last, _ = rule({"joint": logits})
    assert first.tolist() == [0, 0, 0]
    assert last.tolist() == [1, 2, 0]


def test_the_class_mean_is_part_of_the_state_and_nothing_has_a_gradient() -> None:
    rule = PseudoLabels(3, PseudoLabelConfig(weight=1.0))
    assert list(rule.state_dict()) == ["class_mean"]
    logits = torch.randn(4, 3, requires_grad=True)
    _, weights = rule({"joint": logits})
    assert not weights.requires_grad


def test_the_weight_grows_along_a_ramp() -> None:
    rule = PseudoLabels(3, PseudoLabelConfig(weight=2.0, start=0.25, full=0.75))
    assert [rule.weight(p) for p in (0.0, 0.2, 0.25, 0.5, 0.75, 1.0)] == [
        0.0,
        0.0,
        0.0,
        1.0,
        2.0,
        2.0,
    ]
    at_once = PseudoLabels(3, PseudoLabelConfig(weight=2.0, start=0.5, full=0.5))
    assert [at_once.weight(p) for p in (0.49, 0.5)] == [0.0, 2.0]
    with pytest.raises(ValidationError, match=r"full 0\.2 lies before start 0\.5"):
        PseudoLabelConfig(start=0.5, full=0.2)
