"""The whole PSP network: what is trained, and the part of it that predicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from pspmodel.nn.encoder import PSP_BLOCKS, Block, DstaEncoder
from pspmodel.nn.heads import ContrastProjection, node_mean, person_mean
from pspmodel.nn.layers import linear
from pspmodel.nn.ppa import LEVELS, Level, PolymerisingAttention, Scale
from pspmodel.nn.pyramid import BodyFrom, SkeletonPyramid
from skeldata import Layout


class PSPNetwork(nn.Module):
    """Encoder and classifier, and the pyramid attention that training contrasts modalities with.

    All modalities share every weight. A person is one row of a batch and ``clip_index`` says which
    clip it belongs to, so clips with one and with two persons lie in one batch unpadded.

    Source: PSP (arXiv 2302.02327) and its released code; where they differ there is an argument.

    Args:
        layout: joints and their groups.
        classes: K.
        blocks: encoder sizes.
        heads: S, of the encoder and of the pyramid attention.
        body_from: see `SkeletonPyramid`.
        attention_scale: see `PolymerisingAttention`.
        part_from_body: lambda.
        joint_from_part: alpha.
        joint_from_body: beta.
        levels: the levels that are contrasted.

    Raises:
        UsageError: see `DstaEncoder`, `SkeletonPyramid` and `PolymerisingAttention`.
    """

    def __init__(
        self,
        layout: Layout,
        classes: int,
        *,
        blocks: Sequence[Block] = PSP_BLOCKS,
        heads: int = 4,
        body_from: BodyFrom = "parts",
        attention_scale: Scale = "full",
        part_from_body: float = 0.2,
        joint_from_part: float = 0.12,
        joint_from_body: float = 0.24,
        levels: Iterable[Level] = LEVELS,
    ) -> None:
        super().__init__()
        self.encoder = DstaEncoder(layout.joint_count, blocks, heads)
        channels = self.encoder.channels_out
        self.classifier = linear(channels, classes)
        self.pyramid = SkeletonPyramid(layout, body_from)
        self.ppa = PolymerisingAttention(
            channels,
            layout,
            heads,
            attention_scale,
            part_from_body,
            joint_from_part,
            joint_from_body,
            levels,
        )
        self.projection = ContrastProjection(channels)

    def forward(self, persons: Tensor, clip_index: Tensor, clips: int) -> Tensor:
        """Logits of one modality, (P, 3, T, V) -> (clips, K); PSP adds joint's and motion's."""
        return self.classify(self.features(persons), clip_index, clips)

    def features(self, persons: Tensor) -> Tensor:
        """Encode persons: (P, 3, T, V) -> (P, C, T', V)."""
        y: Tensor = self.encoder(persons)
        return y

    def classify(
        self,
        features: Tensor,
        clip_index: Tensor,
        clips: int,
        person_index: Tensor | None = None,
    ) -> Tensor:
        """Logits of one modality: mean over frames and joints, then persons, then the classifier.

        Args:
            features: (R, C, T', V) from `features`.
            clip_index: (P,) int64, the clip of each person.
            clips: how many clips there are.
            person_index: (P,) int64, the row of each person; None if each has its own, P = R.

        Returns:
            (clips, K).
        """
        pooled = person_mean(node_mean(features), clip_index, clips, person_index)
        logits: Tensor = self.classifier(pooled)
        return logits

    def embed(
        self,
        features: Tensor,
        clip_index: Tensor,
        clips: int,
        person_index: Tensor | None = None,
    ) -> dict[Level, Tensor]:
        """Embeddings to contrast: pyramid, attention, mean over frames, nodes, persons; projection.

        Args:
            features: (R, C, T', V) from `features`.
            clip_index: (P,) int64, the clip of each person.
            clips: how many clips there are.
            person_index: (P,) int64, the row of each person; None if each has its own, P = R.

        Returns:
            (clips, C) for each of the levels, finest first.
        """
        attended = self.ppa(*self.pyramid(features))
        return {
            level: self.projection(person_mean(node_mean(nodes), clip_index, clips, person_index))
            for level, nodes in attended.items()
        }

    def attention_maps(self, features: Tensor) -> dict[Level, Tensor]:
        """Attention of each level for figures: (P, C, T', V) -> (P, S, n, n), n = V, 10 or 5."""
        return self.ppa.attention_maps(*self.pyramid(features))
