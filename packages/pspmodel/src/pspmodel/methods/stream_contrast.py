"""Contrast of the streams' pooled features: PSP's scheme without its pyramid, for any encoder."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor

from pspmodel.config import RunConfig, StrictModel
from pspmodel.data.clips import Clips
from pspmodel.losses.nt_xent import between_streams
from pspmodel.methods.base import DataFacts
from pspmodel.methods.joint import JointMethod, check_contrast
from pspmodel.nn.heads import ContrastProjection
from pspmodel.nn.streams import StreamClassifier


class StreamContrastOptions(StrictModel):
    """Settings of the contrast.

    Attributes:
        contrast_weight: weight of the mean over pairs of streams.
        temperature: tau.
    """

    contrast_weight: float = Field(default=0.2, ge=0)
    temperature: float = Field(default=0.2, gt=0)


class StreamContrast(JointMethod):
    """Joint training whose streams agree on what clip they saw, by NT-Xent between each two."""

    Options = StreamContrastOptions

    def __init__(self, facts: DataFacts, options: StreamContrastOptions, config: RunConfig) -> None:
        super().__init__(facts, options, config)
        self.network = StreamClassifier(config.network, facts.layout, facts.classes, facts.streams)
        self.projection = ContrastProjection(self.network.encoder.channels_out)
        self.contrasts = options.contrast_weight > 0
        if self.contrasts:
            check_contrast(facts)

    def contrast(self, features: Mapping[str, Tensor], clips: Clips) -> Mapping[str, Tensor]:
        """NT-Xent of projected clip features, the mean over pairs of streams."""
        if not self.contrasts:
            return {}
        embedded = {
            stream: {"clip": self.projection(self.network.pool(part, *clips.owners))}
            for stream, part in features.items()
        }
        terms = between_streams(embedded, self.options.temperature)
        return {f"contrast/{on}": self.options.contrast_weight * term for on, term in terms.items()}
