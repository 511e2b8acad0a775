"""The baseline: PSP's encoder and classifier, trained on the labelled clips alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from pspmodel.config import StrictModel
from pspmodel.data.clips import Clips
from pspmodel.losses.cross_entropy import cross_entropy
from pspmodel.methods.base import DataFacts, Method
from pspmodel.nn.encoder import PSP_BLOCKS, Block, DstaEncoder
from pspmodel.nn.heads import node_mean, person_mean
from pspmodel.nn.layers import linear
from pspmodel.nn.norm import sample_weights


class SupervisedOptions(StrictModel):
    """Settings of the network.

    Attributes:
        blocks: encoder blocks as (channels in, channels out, C_e, temporal stride).
        heads: S, attention heads.
    """

    blocks: tuple[tuple[int, int, int, int], ...] = PSP_BLOCKS
    heads: int = Field(default=4, ge=1)


class Supervised(Method):
    """Cross-entropy on joint + motion logits; unlabelled clips are not looked at.

    With equal seed, blocks and heads it starts from the very weights that PSP starts from.
    """

    Options = SupervisedOptions

    def __init__(self, facts: DataFacts, options: SupervisedOptions) -> None:
        super().__init__()
        blocks = tuple(Block(*block) for block in options.blocks)
        self.encoder = DstaEncoder(facts.layout.joint_count, blocks, options.heads)
        self.classifier = linear(self.encoder.channels_out, facts.classes)

    def losses(
        self, labelled: Clips, labels: Tensor, unlabelled: Clips | None
    ) -> Mapping[str, Tensor]:
        """Classification alone."""
        return {"classification": cross_entropy(self.predict(labelled), labels)}

    def predict_streams(self, clips: Clips) -> Mapping[str, Tensor]:
        """Logits of joint and motion; one classifier serves both."""
        joint, motion = self._pooled(clips)
        return {"joint": self.classifier(joint), "motion": self.classifier(motion)}

    def embed(self, clips: Clips) -> Tensor:
        """Pooled encoder features of joint and motion side by side, (n, 2C)."""
        return torch.cat(self._pooled(clips), dim=1)

    def _pooled(self, clips: Clips) -> tuple[Tensor, Tensor]:
        weights = None if clips.weights is None else clips.weights.repeat(2)
        with sample_weights(weights):
            features = self.encoder(torch.cat((clips.joint, clips.motion)))
        joint, motion = (person_mean(node_mean(part), *clips.owners) for part in features.chunk(2))
        return joint, motion
