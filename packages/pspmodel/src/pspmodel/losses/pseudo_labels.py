"""Labels for unlabelled clips from a teacher's predictions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pspmodel.collectives import add_up, counts
from pspmodel.config import PseudoLabelConfig


class PseudoLabels(nn.Module):
    """Turns a teacher's logits into labels and weights; remembers how often it saw each class.

    Probabilities are averaged over the streams, not logits: a sum of logits is overconfident.
    Dividing by their running mean over clips is the distribution alignment of ReMixMatch, with equal
    classes as its target.

    Attributes:
        class_mean: (K,) running mean of the teacher's probabilities.
    """

    class_mean: Tensor

    def __init__(self, classes: int, config: PseudoLabelConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("class_mean", torch.full((classes,), 1 / classes))

    @torch.no_grad()
    def forward(self, logits: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Labels (n,) int64 and weights (n,), 1 where they are sure enough and else 0.

        Args:
            logits: (n, K) of each stream.
        """
        wide = self.class_mean.dtype
        probability = torch.stack([of.to(wide).softmax(dim=1) for of in logits.values()]).mean(0)
        if self.config.alignment:
            seen = add_up(probability.sum(dim=0)) / sum(counts(len(probability)))
            self.class_mean.lerp_(seen, 1 - self.config.alignment)
            probability = probability / self.class_mean
            probability = probability / probability.sum(dim=1, keepdim=True)
        sureness, labels = probability.max(dim=1)
        return labels, (sureness >= self.config.threshold).to(wide)

    def weight(self, progress: float) -> float:
        """The loss's weight after a share of the schedule: 0, then a ramp, then all of it."""
        config = self.config
        if progress < config.start:
            return 0.0
        if progress >= config.full:
            return config.weight
        return config.weight * (progress - config.start) / (config.full - config.start)
