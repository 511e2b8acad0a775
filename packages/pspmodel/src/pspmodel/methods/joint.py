"""What joint training on labelled and unlabelled clips has in common, whatever it contrasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from pspmodel.config import RunConfig, View
from pspmodel.data.clips import Clips, joined
from pspmodel.errors import ConfigError
from pspmodel.losses.cross_entropy import stream_cross_entropy
from pspmodel.losses.pseudo_labels import PseudoLabels
from pspmodel.methods.base import DataFacts, Method, Step
from pspmodel.nn.streams import StreamClassifier


class JointMethod(Method):
    """Cross-entropy on labelled clips; on unlabelled ones pseudo-labels and what `contrast` adds.

    Labelled and unlabelled clips go through the network in one forward pass and share batch
    statistics, as in PSP's released code.

    A subclass sets ``network``; its ``contrast`` is empty here. Unlabelled clips from which nothing is
    to be learnt do not go through the network at all.

    Attributes:
        contrasts: whether `contrast` gives terms.
    """

    network: StreamClassifier
    uses_unlabelled: ClassVar[bool] = True
    contrasts: bool = True

    def __init__(self, facts: DataFacts, options: Any, config: RunConfig) -> None:
        super().__init__(facts, options, config)
        self.pseudo_labels: PseudoLabels | None = None
        if self.uses_unlabelled and config.pseudo_labels.weight > 0:
            if not config.at(self.stages[-1]).train.average:
                raise ConfigError(
                    "pseudo_labels.weight needs averaged weights as its teacher; set train.average, "
                    "e.g. 0.99"
                )
            self.pseudo_labels = PseudoLabels(facts.classes, config.pseudo_labels)

    def views(self, stage: str) -> tuple[View, ...]:
        """Strong, and weak for the teacher."""
        if self.uses_unlabelled and self.pseudo_labels is not None:
            return ("strong", "weak")
        return ("strong",) if self.uses_unlabelled and self.contrasts else ()

    def losses(self, step: Step) -> Mapping[str, Tensor]:
        """Classification, and what the unlabelled clips add."""
        labelled, labels = step.labelled, step.labels
        assert labelled is not None
        assert labels is not None
        views = step.unlabelled if self.views(step.stage) else ()
        clips = joined(labelled, views[0]) if views else labelled
        features = self.network.encode(clips.streams, clips.weights, clips.empty)
        parts = {
            s: torch.split(f, [labelled.rows, clips.rows - labelled.rows])
            for s, f in features.items()
        }
        known = self._logits({stream: part[0] for stream, part in parts.items()}, labelled)
        terms = stream_cross_entropy(known, labels, self.config.classification)
        if not views:
            return terms
        rest = {stream: part[1] for stream, part in parts.items()}
        if self.pseudo_labels is not None:
            terms["pseudo"] = self._pseudo(self.pseudo_labels, rest, step)
        return {**terms, **self.contrast(rest, views[0])}

    def contrast(self, features: Mapping[str, Tensor], clips: Clips) -> Mapping[str, Tensor]:
        """Further terms from the features of unlabelled clips, (R, C, T', n) by stream."""
        return {}

    def predict_streams(self, clips: Clips) -> Mapping[str, Tensor]:
        """Logits of each stream; encoder and classifier alone."""
        return self._logits(self.network.encode(clips.streams, clips.weights, clips.empty), clips)

    def embed(self, clips: Clips) -> Tensor:
        """Pooled encoder features of the streams side by side, (n, S C)."""
        features = self.network.encode(clips.streams, clips.weights, clips.empty)
        return torch.cat([self.network.pool(f, *clips.owners) for f in features.values()], dim=1)

    def _logits(self, features: Mapping[str, Tensor], clips: Clips) -> dict[str, Tensor]:
        return {
            stream: self.network.classify(part, *clips.owners, stream=stream)
            for stream, part in features.items()
        }

    def _pseudo(self, rule: PseudoLabels, features: Mapping[str, Tensor], step: Step) -> Tensor:
        strong, weak = step.unlabelled
        assert step.teacher is not None
        with torch.no_grad():
            taught = step.teacher.predict_streams(weak)
        labels, weights = rule(taught)
        logits = self._logits(features, strong)
        terms = stream_cross_entropy(logits, labels, self.config.classification, weights)
        return rule.weight(step.progress) * torch.stack(list(terms.values())).sum()


def check_contrast(facts: DataFacts) -> None:
    """Refuse before the first step what `between_streams` would in it.

    Raises:
        ConfigError: there is one stream alone.
    """
    if len(facts.streams) < 2:
        raise ConfigError(
            f"a contrast needs two streams, and {facts.streams[0]} is only one; set data.streams, "
            'e.g. ["joint", "motion"], or options.contrast_weight=0'
        )
