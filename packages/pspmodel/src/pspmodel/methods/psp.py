"""PSP Learning: joint training on labelled and unlabelled clips (arXiv 2302.02327)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from pspmodel.config import StrictModel
from pspmodel.data.clips import Clips, joined
from pspmodel.losses.cross_entropy import cross_entropy
from pspmodel.losses.nt_xent import coarse_to_fine
from pspmodel.methods.base import DataFacts, Method
from pspmodel.nn.encoder import PSP_BLOCKS, Block
from pspmodel.nn.heads import node_mean, person_mean
from pspmodel.nn.norm import sample_weights
from pspmodel.nn.psp import PSPNetwork

Level = Literal["joint", "part", "body"]


class PSPOptions(StrictModel):
    """Settings of PSP's network and loss.

    Attributes:
        blocks: encoder blocks as (channels in, channels out, C_e, temporal stride).
        heads: S, attention heads.
        contrast_weight: weight of the summed contrast; 1 in the paper, 0.2 in the released code.
        temperature: tau of the contrast.
        attention_scale: divide pyramid attention by C_e * T (``full``, code) or its square root
            (``sqrt``, paper eq. 4).
        body_from: body nodes as means of ``parts`` (paper) or of ``joints`` (code).
        part_from_body, joint_from_part, joint_from_body: lambda, alpha, beta.
        levels: pyramid levels that are contrasted.
    """

    blocks: tuple[tuple[int, int, int, int], ...] = PSP_BLOCKS
    heads: int = Field(default=4, ge=1)
    contrast_weight: float = Field(default=0.2, ge=0)
    temperature: float = Field(default=0.07, gt=0)
    attention_scale: Literal["full", "sqrt"] = "full"
    body_from: Literal["parts", "joints"] = "parts"
    part_from_body: float = 0.2
    joint_from_part: float = 0.12
    joint_from_body: float = 0.24
    levels: tuple[Level, ...] = ("joint", "part", "body")


class PSP(Method):
    """Cross-entropy on joint + motion logits, and contrast of joint with motion at each level."""

    Options = PSPOptions

    def __init__(self, facts: DataFacts, options: PSPOptions) -> None:
        super().__init__()
        self.options = options
        self.network = PSPNetwork(
            facts.layout,
            facts.classes,
            blocks=tuple(Block(*block) for block in options.blocks),
            heads=options.heads,
            body_from=options.body_from,
            attention_scale=options.attention_scale,
            part_from_body=options.part_from_body,
            joint_from_part=options.joint_from_part,
            joint_from_body=options.joint_from_body,
            levels=options.levels,
        )

    def losses(
        self, labelled: Clips, labels: Tensor, unlabelled: Clips | None
    ) -> Mapping[str, Tensor]:
        """Section 3.4 of the paper: classification plus the coarse-to-fine contrastive loss."""
        clips = labelled if unlabelled is None else joined(labelled, unlabelled)
        # One forward for everything: batch statistics are shared, as in the released code.
        joint, motion = self._features(clips)
        known = slice(0, len(labelled.joint))
        logits = self._logits(joint[known], motion[known], labelled)
        terms = {"classification": cross_entropy(logits, labels)}
        if unlabelled is not None and self.options.contrast_weight > 0:
            rest = slice(len(labelled.joint), None)
            with sample_weights(unlabelled.weights):
                first = self.network.embed(joint[rest], *unlabelled.owners)
                second = self.network.embed(motion[rest], *unlabelled.owners)
            contrast = coarse_to_fine(first, second, self.options.temperature)
            weight = self.options.contrast_weight
            terms |= {f"contrast/{level}": weight * term for level, term in contrast.items()}
        return terms

    def predict_streams(self, clips: Clips) -> Mapping[str, Tensor]:
        """Logits of joint and motion; PSP predicts with encoder and classifier alone."""
        joint, motion = self._features(clips)
        return {
            "joint": self.network.classify(joint, *clips.owners),
            "motion": self.network.classify(motion, *clips.owners),
        }

    def embed(self, clips: Clips) -> Tensor:
        """Pooled encoder features of joint and motion side by side, (n, 2C)."""
        return torch.cat(
            [person_mean(node_mean(features), *clips.owners) for features in self._features(clips)],
            dim=1,
        )

    def _features(self, clips: Clips) -> tuple[Tensor, Tensor]:
        weights = None if clips.weights is None else clips.weights.repeat(2)
        with sample_weights(weights):
            features = self.network.features(torch.cat((clips.joint, clips.motion)))
        joint, motion = features.chunk(2)
        return joint, motion

    def _logits(self, joint: Tensor, motion: Tensor, clips: Clips) -> Tensor:
        return self.network.classify(joint, *clips.owners) + self.network.classify(
            motion, *clips.owners
        )
