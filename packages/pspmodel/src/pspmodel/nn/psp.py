"""The whole PSP network: what is trained, and the part of it that predicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from torch import Tensor, nn

from pspmodel.config import NetworkConfig
from pspmodel.errors import UsageError
from pspmodel.nn.heads import ContrastProjection, OfEach
from pspmodel.nn.ppa import LEVELS, Level, PolymerisingAttention, Scale, ordered_levels
from pspmodel.nn.pyramid import BodyFrom, SkeletonPyramid
from pspmodel.nn.streams import StreamClassifier
from skeldata import Layout

Weights = Literal["shared-over-time", "full"]
Projections = Literal["shared", "per-level", "per-stream", "per-level-and-stream"]


class PSPNetwork(StreamClassifier):
    """Encoder and classifier, and the pyramid attention that training contrasts streams with.

    The streams, joint and motion in the paper, share every weight unless an argument says otherwise.

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
        levels: the levels that are contrasted; with none there is neither attention nor projection.
        attention_weights: of queries, keys and values: ``shared-over-time`` by all frames (code), or
            ``full``, with weights between every two frames (equation 3).
        projections: one, or one of each level's own, each stream's, or both's.
        frames: T of the clips; needed for ``full`` attention weights alone.

    Raises:
        UsageError: an argument is unknown, or ``frames`` is missing; and see `DstaEncoder`,
            `SkeletonPyramid` and `PolymerisingAttention`.
    """

    projection: nn.Module | None

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
        attention_weights: Weights = "shared-over-time",
        projections: Projections = "shared",
        frames: int | None = None,
    ) -> None:
        _check("attention_weights", attention_weights, get_args(Weights))
        _check("projections", projections, get_args(Projections))
        network = network if network is not None else NetworkConfig()
        super().__init__(network, layout, classes, streams)
        if not self.encoder.keeps_joints:
            raise UsageError(
                f"encoder {network.encoder!r} keeps no joints to build PSP's pyramid of; "
                "use dsta or stgcn, or method stream-contrast"
            )
        channels = self.encoder.channels_out
        levels = tuple(levels)
        self.levels = ordered_levels(levels) if levels else ()
        self.projections = projections
        self.pyramid = SkeletonPyramid(layout, body_from)
        self.ppa: PolymerisingAttention | None = None
        self.projection = None
        if not self.levels:
            return
        if attention_weights == "shared-over-time":
            frames = None
        elif frames is None:
            raise UsageError("full attention weights are made for a number of frames; give frames")
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
                None if frames is None else self.encoder.frames_behind(frames),
            )
        if projections == "shared":
            self.projection = ContrastProjection(channels)
        else:
            owners = [_owner(projections, level, s) for s in streams for level in self.levels]
            self.projection = OfEach(dict.fromkeys(owners), lambda: ContrastProjection(channels))

    def embed(
        self,
        features: Tensor,
        clip_index: Tensor,
        clips: int,
        person_index: Tensor | None = None,
        *,
        stream: str = "",
    ) -> dict[Level, Tensor]:
        """Embeddings to contrast: pyramid, attention, mean over frames, nodes, persons; projection.

        Args:
            features: (R, C, T', V) of one stream from `encode`.
            clip_index: (P,) int64, the clip of each person.
            clips: how many clips there are.
            person_index: (P,) int64, the row of each person; None if each has its own, P = R.
            stream: which one; needed where each has a projection of its own.

        Returns:
            (clips, C) for each of the levels, finest first.

        Raises:
            UsageError: each stream has a projection of its own, but not ``stream``.
        """
        if self.projection is None:
            return {}
        nodes = self.pyramid(features)
        if self.ppa is not None:
            attended = self.ppa(*nodes)
        else:
            by_level = dict(zip(LEVELS, nodes, strict=True))
            attended = {level: by_level[level] for level in self.levels}
        embedded: dict[Level, Tensor] = {}
        for level, shown in attended.items():
            pooled = self.pool(shown, clip_index, clips, person_index)
            named: tuple[str, ...] = ()
            if self.projections != "shared":
                named = (_owner(self.projections, level, stream),)
            embedded[level] = self.projection(pooled, *named)
        return embedded

    def attention_maps(self, features: Tensor) -> dict[Level, Tensor]:
        """Attention of each level for figures: (P, C, T', V) -> (P, S, n, n), n = V, 10 or 5.

        Raises:
            UsageError: the network is without pyramid attention.
        """
        if self.ppa is None:
            raise UsageError("this network was trained without pyramid attention: no maps to draw")
        return self.ppa.attention_maps(*self.pyramid(features))


def _owner(projections: Projections, level: Level, stream: str) -> str:
    """Whose projection embeds a level of a stream."""
    return {
        "shared": "",
        "per-level": level,
        "per-stream": stream,
        "per-level-and-stream": f"{level}_{stream}",
    }[projections]


def _check(what: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise UsageError(f"{what} is {value!r}; use one of: {', '.join(known)}")
