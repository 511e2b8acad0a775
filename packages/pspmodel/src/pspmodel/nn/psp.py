"""The whole PSP network: what is trained, and the part of it that predicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from pspmodel.config import NetworkConfig
from pspmodel.errors import UsageError
from pspmodel.nn.heads import ContrastProjection
from pspmodel.nn.ppa import LEVELS, Level, PolymerisingAttention, Scale, ordered_levels
from pspmodel.nn.pyramid import BodyFrom, SkeletonPyramid
from pspmodel.nn.streams import StreamClassifier
from skeldata import Layout


class PSPNetwork(StreamClassifier):
    """Encoder and classifier, and the pyramid attention that training contrasts streams with.

    The streams, joint and motion in the paper, share every weight.

    Source: PSP (arXiv 2302.02327) and its released code; where they differ there is an argument.

    Args:
        layout: joints and their groups.
        classes: K.
        network: the encoder; its features must keep the joints.
        streams: their names.
        heads: S, of the pyramid attention.
        attention: False contrasts the pyramid's nodes as they are (the paper's "without PPA").
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
        network: NetworkConfig | None = None,
        streams: Sequence[str] = ("joint", "motion"),
        heads: int = 4,
        attention: bool = True,
        body_from: BodyFrom = "parts",
        attention_scale: Scale = "full",
        part_from_body: float = 0.2,
        joint_from_part: float = 0.12,
        joint_from_body: float = 0.24,
        levels: Iterable[Level] = LEVELS,
    ) -> None:
        network = network if network is not None else NetworkConfig()
        super().__init__(network, layout, classes, streams)
        if not self.encoder.keeps_joints:
            raise UsageError(
                f"encoder {network.encoder!r} keeps no joints to build PSP's pyramid of; "
                "use dsta or stgcn, or method stream-contrast"
            )
        channels = self.encoder.channels_out
        self.levels = ordered_levels(levels)
        self.pyramid = SkeletonPyramid(layout, body_from)
        self.ppa: PolymerisingAttention | None = None
        if attention:
            self.ppa = PolymerisingAttention(
                channels,
                layout,
                heads,
                attention_scale,
                part_from_body,
                joint_from_part,
                joint_from_body,
                self.levels,
            )
        self.projection = ContrastProjection(channels)

    def embed(
        self,
        features: Tensor,
        clip_index: Tensor,
        clips: int,
        person_index: Tensor | None = None,
    ) -> dict[Level, Tensor]:
        """Embeddings to contrast: pyramid, attention, mean over frames, nodes, persons; projection.

        Args:
            features: (R, C, T', V) of one stream from `encode`.
            clip_index: (P,) int64, the clip of each person.
            clips: how many clips there are.
            person_index: (P,) int64, the row of each person; None if each has its own, P = R.

        Returns:
            (clips, C) for each of the levels, finest first.
        """
        nodes = self.pyramid(features)
        if self.ppa is not None:
            attended = self.ppa(*nodes)
        else:
            by_level = dict(zip(LEVELS, nodes, strict=True))
            attended = {level: by_level[level] for level in self.levels}
        return {
            level: self.projection(self.pool(shown, clip_index, clips, person_index))
            for level, shown in attended.items()
        }

    def attention_maps(self, features: Tensor) -> dict[Level, Tensor]:
        """Attention of each level for figures: (P, C, T', V) -> (P, S, n, n), n = V, 10 or 5.

        Raises:
            UsageError: the network is without pyramid attention.
        """
        if self.ppa is None:
            raise UsageError("this network was trained without pyramid attention: no maps to draw")
        return self.ppa.attention_maps(*self.pyramid(features))
