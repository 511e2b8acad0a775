"""SDS-CL: spatiotemporal decouple-and-squeeze contrastive learning (arXiv 2302.02316)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from pydantic import Field
from torch import Tensor, nn

from pspmodel.config import RunConfig, StrictModel
from pspmodel.data.clips import Clips
from pspmodel.errors import ConfigError
from pspmodel.losses.decoupled import Embeddings, decoupled_contrast
from pspmodel.methods.base import DataFacts, Step
from pspmodel.methods.pretrained import PretrainedMethod
from pspmodel.nn.heads import ContrastProjection, node_mean, person_mean
from pspmodel.nn.norm import sample_weights
from pspmodel.nn.siia import IntraInterAttention, Nodes, squeezed
from pspmodel.nn.streams import StreamClassifier


class SdsClOptions(StrictModel):
    """Settings of the pretext. What paper and code differ in is unknown: only the code was read.

    Attributes:
        heads: S, of the four attentions.
        temperature: tau of all nine terms.
        joint_weight: of the four terms among joint tokens (temporal-squeezing loss); 1 in the code.
        frame_weight: of the four among frame tokens (spatial-squeezing loss); 1 in the code.
        global_weight: of the one among clips; 1 in the code.
    """

    heads: int = Field(default=4, ge=1)
    temperature: float = Field(default=0.07, gt=0)
    joint_weight: float = Field(default=1.0, ge=0)
    frame_weight: float = Field(default=1.0, ge=0)
    global_weight: float = Field(default=1.0, ge=0)


class Pretext(nn.Module):
    """What fine-tuning throws away: the attentions, and a projection of tokens and one of clips."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attention = IntraInterAttention(channels, heads)
        self.tokens = ContrastProjection(channels)
        self.clips = ContrastProjection(4 * channels)

    def forward(self, own: Tensor, other: Tensor, clips: Clips) -> Embeddings:
        """Embed one stream beside another: features (R, C, T, V) of both -> `Embeddings`."""
        attended = self.attention(own, other)

        def tokens(of: Tensor, nodes: Nodes) -> Tensor:
            embedded: Tensor = self.tokens(squeezed(of, nodes, *clips.owners))
            return embedded

        pooled = torch.cat([node_mean(part) for part in attended], dim=1)
        # A temporal attention is squeezed over time, which leaves joints, and the other way round.
        return Embeddings(
            intra_joints=tokens(attended.intra_temporal, "joints"),
            inter_joints=tokens(attended.inter_temporal, "joints"),
            intra_frames=tokens(attended.intra_spatial, "frames"),
            inter_frames=tokens(attended.inter_spatial, "frames"),
            clips=self.clips(person_mean(pooled, *clips.owners)),
        )


class SdsCl(PretrainedMethod):
    """Contrast of two streams of a clip, token by token and clip by clip; then cross-entropy.

    With more streams than the two of the released code (joint and motion), each two of them are
    contrasted and the mean is taken.
    """

    Options = SdsClOptions
    pretext: Pretext

    def __init__(self, facts: DataFacts, options: SdsClOptions, config: RunConfig) -> None:
        super().__init__(facts, options, config)
        if len(facts.streams) < 2:
            raise ConfigError(
                f"sds-cl contrasts streams, and {facts.streams[0]} is only one; "
                'set data.streams, e.g. ["joint", "motion"]'
            )
        self.network = StreamClassifier(config.network, facts.layout, facts.classes, facts.streams)
        if not self.network.encoder.keeps_joints:
            raise ConfigError(
                f"sds-cl contrasts joints, which encoder {config.network.encoder} does not keep; "
                "set network.encoder to dsta or stgcn"
            )
        self.pretext = Pretext(self.network.encoder.channels_out, options.heads)

    def pretext_terms(self, step: Step) -> Mapping[str, Tensor]:
        """The nine terms of every two streams."""
        (clips,) = step.unlabelled
        features = self.network.encode(clips.streams, clips.weights, clips.empty)
        with sample_weights(clips.weights):
            found = [
                decoupled_contrast(
                    self.pretext(first, second, clips),
                    self.pretext(second, first, clips),
                    self.options.temperature,
                )
                for first, second in combinations(features.values(), 2)
            ]
        options = self.options
        weights = {
            "tsl": options.joint_weight, "stl": options.frame_weight, "global": options.global_weight,
        }  # fmt: skip
        return {
            name: weights[name.partition("/")[0]] * torch.stack([t[name] for t in found]).mean()
            for name in found[0]
        }
