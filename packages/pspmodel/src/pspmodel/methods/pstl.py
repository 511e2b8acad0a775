"""PSTL: partial spatio-temporal learning (arXiv 2302.09018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from pspmodel.config import RunConfig, StrictModel, View
from pspmodel.data.clips import Clips
from pspmodel.data.masking import draw_frames, draw_kept_joints, stillness, take_frames
from pspmodel.data.pstl_views import ViewConfig, apply_views, draw_views
from pspmodel.errors import ConfigError
from pspmodel.losses.barlow_twins import barlow_twins
from pspmodel.methods.base import DataFacts, Step
from pspmodel.methods.pretrained import PretrainedMethod
from pspmodel.nn.norm import sample_weights
from pspmodel.nn.projection import WideProjection
from pspmodel.nn.stgcn import StGcn
from pspmodel.nn.streams import StreamClassifier


class PstlOptions(StrictModel):
    """Settings of the pretext; the numbers are those of the released code for 25 joints, 50 frames.

    Attributes:
        width: of the projector.
        redundancy: lambda of Barlow Twins.
        joint_draws: balls drawn for the spatial mask, see `draw_kept_joints`; at most as many
            joints go. One set a step (of each process), as in the released code: removed joints
            must be the same throughout a batch.
        fastest: frames with the most motion that the temporal mask takes away.
        more: frames that it takes away at random from the rest.
        frames_alike: the random ones at the same places of all clips, as in the released code.
        views: random changes before the masks, besides those of ``[augment]``.
    """

    width: int = Field(default=6144, ge=1)
    redundancy: float = Field(default=2e-4, ge=0)
    joint_draws: int = Field(default=8, ge=0)
    fastest: int = Field(default=10, ge=0)
    more: int = Field(default=10, ge=0)
    frames_alike: bool = False
    views: ViewConfig = ViewConfig()


class Pstl(PretrainedMethod):
    """A clip, the same with frames taken away, and with joints taken away, have one embedding.

    One stream a run, as published; runs of several are fused by their scores.
    """

    Options = PstlOptions
    pretext: WideProjection
    pretext_views: ClassVar[tuple[View, ...]] = ("strong", "strong", "strong")

    def __init__(self, facts: DataFacts, options: PstlOptions, config: RunConfig) -> None:
        super().__init__(facts, options, config)
        if len(facts.streams) > 1:
            raise ConfigError(
                f"pstl trains one stream a run, not {', '.join(facts.streams)}; set data.streams, "
                'e.g. ["joint"], and fuse the scores of several runs'
            )
        if facts.frames <= options.fastest + options.more:
            raise ConfigError(
                f"fastest {options.fastest} and more {options.more} mask all {facts.frames} frames; "
                "lower options.fastest or options.more"
            )
        if options.joint_draws >= facts.layout.joint_count:
            raise ConfigError(
                f"joint_draws {options.joint_draws} could mask all {facts.layout.joint_count} "
                "joints; lower options.joint_draws"
            )
        self.network = StreamClassifier(config.network, facts.layout, facts.classes, facts.streams)
        if not isinstance(self.network.encoder, StGcn) or self.network.stems is not None:
            raise ConfigError(
                "pstl takes joints out of ST-GCN's graph; set network.encoder to stgcn and "
                "network.stems to shared"
            )
        self.pretext = WideProjection(self.network.encoder.channels_out, options.width)

    def pretext_terms(self, step: Step) -> Mapping[str, Tensor]:
        """Barlow Twins of the whole clip with either partial one."""
        whole, fewer_frames, fewer_joints = step.unlabelled
        options = self.options
        anchor = self._projected(self._changed(whole), whole)

        x = self._changed(fewer_frames)
        frames = draw_frames(
            stillness(x, *fewer_frames.owners),
            options.fastest,
            options.more,
            alike=options.frames_alike,
        )
        x = take_frames(x, frames[fewer_frames.clip_of_rows])
        temporal = self._projected(x, fewer_frames)

        x = self._changed(fewer_joints)
        keep = draw_kept_joints(self.facts.layout, options.joint_draws).to(x.device)
        spatial = self._projected(x, fewer_joints, keep)
        return {
            "temporal": barlow_twins(anchor, temporal, options.redundancy),
            "spatial": barlow_twins(anchor, spatial, options.redundancy),
        }

    def _changed(self, clips: Clips) -> Tensor:
        """The stream after a view drawn for each clip, (R, 3, T, V)."""
        (x,) = clips.streams.values()
        views = self.options.views
        draws = draw_views(views, clips.count, x.shape[2], x.device)[clips.clip_of_rows]
        return apply_views(x, draws, self.facts.layout, mirror=views.mirror)

    def _projected(self, x: Tensor, clips: Clips, keep: Tensor | None = None) -> Tensor:
        """(R, 3, T', V) -> (clips, D); each pass has batch statistics of its own."""
        with sample_weights(clips.weights):
            features = (
                self.network.encoder(x, keep) if keep is not None else self.network.encoder(x)
            )
        projected: Tensor = self.pretext(self.network.pool(features, *clips.owners))
        return projected
