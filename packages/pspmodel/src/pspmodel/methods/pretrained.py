"""Training in two stages: a pretext on all clips without labels, then the labelled ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from pspmodel.config import RunConfig, View
from pspmodel.errors import ConfigError
from pspmodel.methods.base import DataFacts, Step
from pspmodel.methods.joint import JointMethod


class PretrainedMethod(JointMethod):
    """Pre-trains the encoder, then fine-tunes it whole together with a classifier that is still fresh.

    A subclass sets ``network`` and ``pretext`` (what only pre-training uses), and gives the terms of
    the pretext. The classifier does not learn in the first stage, the pretext's weights not in the
    second, which looks at unlabelled clips for pseudo-labels alone.
    """

    stages: ClassVar[tuple[str, ...]] = ("pretrain", "finetune")
    contrasts: bool = False
    pretext: nn.Module
    pretext_views: ClassVar[tuple[View, ...]] = ("strong",)

    def __init__(self, facts: DataFacts, options: Any, config: RunConfig) -> None:
        super().__init__(facts, options, config)
        last = self.stages[-1]
        if self.pseudo_labels is not None and not config.at(last).train.unlabelled_batch:
            raise ConfigError(
                f"pseudo_labels.weight needs unlabelled clips in stage {last}, which has "
                f"unlabelled_batch 0; set stage.{last}.train.unlabelled_batch, e.g. 64, or the weight to 0"
            )

    def views(self, stage: str) -> tuple[View, ...]:
        """The pretext's in the first stage; those of joint training in the second."""
        return self.pretext_views if stage == "pretrain" else super().views(stage)

    def enter(self, stage: str) -> None:
        """Choose what is trained."""
        self.pretext.requires_grad_(stage == "pretrain")
        self.network.classifier.requires_grad_(stage == "finetune")

    def losses(self, step: Step) -> Mapping[str, Tensor]:
        """The terms of the pretext, or classification."""
        return self.pretext_terms(step) if step.stage == "pretrain" else super().losses(step)

    @abstractmethod
    def pretext_terms(self, step: Step) -> Mapping[str, Tensor]:
        """Weighted terms of a step without labels, by name; each process returns its share."""
