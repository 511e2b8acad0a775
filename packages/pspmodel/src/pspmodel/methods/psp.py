"""PSP Learning: joint training on labelled and unlabelled clips (arXiv 2302.02327)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field
from torch import Tensor

from pspmodel.config import RunConfig, StrictModel
from pspmodel.data.clips import Clips
from pspmodel.losses.nt_xent import between_streams
from pspmodel.methods.base import DataFacts
from pspmodel.methods.joint import JointMethod, check_contrast
from pspmodel.nn.norm import sample_weights
from pspmodel.nn.psp import Projections, PSPNetwork, Weights

Level = Literal["joint", "part", "body"]


class PSPOptions(StrictModel):
    """Settings of PSP's pyramid and contrast.

    Attributes:
        heads: S, heads of the pyramid attention.
        contrast_weight: weight of the summed contrast; 1 in the paper, 0.2 in the released code.
        temperature: tau of the contrast.
        attention: False contrasts the pyramid's nodes without pyramid attention ("w/o PPA").
        attention_scale: divide pyramid attention by C_e * T (``full``, code) or its square root
            (``sqrt``, paper eq. 4).
        attention_weights: queries, keys and values of the pyramid attention by weights
            ``shared-over-time`` (code), or ``full``, from every frame to every frame (paper eq. 3).
        body_from: body nodes as means of ``parts`` (paper) or of ``joints`` (code).
        part_from_body, joint_from_part, joint_from_body: lambda, alpha, beta.
        levels: pyramid levels that are contrasted; [] for none.
        projections: one ``shared`` by levels and streams (code; the paper does not say), or of their
            own ``per-level``, ``per-stream`` or ``per-level-and-stream``.
    """

    heads: int = Field(default=4, ge=1)
    contrast_weight: float = Field(default=0.2, ge=0)
    temperature: float = Field(default=0.07, gt=0)
    attention: bool = True
    attention_scale: Literal["full", "sqrt"] = "full"
    attention_weights: Weights = "shared-over-time"
    body_from: Literal["parts", "joints"] = "parts"
    part_from_body: float = 0.2
    joint_from_part: float = 0.12
    joint_from_body: float = 0.24
    levels: tuple[Level, ...] = ("joint", "part", "body")
    projections: Projections = "shared"


class PSP(JointMethod):
    """Cross-entropy on summed logits, and contrast of joint with motion at each pyramid level.

    With more streams than the paper's two, each two of them are contrasted and the mean is taken.
    """

    Options = PSPOptions
    network: PSPNetwork

    def __init__(self, facts: DataFacts, options: PSPOptions, config: RunConfig) -> None:
        super().__init__(facts, options, config)
        self.network = PSPNetwork(
            facts.layout,
            facts.classes,
            network=config.network,
            streams=facts.streams,
            heads=options.heads,
            attention=options.attention,
            body_from=options.body_from,
            attention_scale=options.attention_scale,
            part_from_body=options.part_from_body,
            joint_from_part=options.joint_from_part,
            joint_from_body=options.joint_from_body,
            levels=options.levels,
            attention_weights=options.attention_weights,
            projections=options.projections,
            frames=facts.frames,
        )
        self.contrasts = bool(options.levels and options.contrast_weight)
        if self.contrasts:
            check_contrast(facts)

    def contrast(self, features: Mapping[str, Tensor], clips: Clips) -> Mapping[str, Tensor]:
        """The coarse-to-fine contrastive loss (section 3.4 of the paper), one term a level."""
        if not self.contrasts:
            return {}
        weight = self.options.contrast_weight
        with sample_weights(clips.weights):
            embedded = {
                stream: self.network.embed(part, *clips.owners, stream=stream)
                for stream, part in features.items()
            }
        terms = between_streams(embedded, self.options.temperature)
        return {f"contrast/{level}": weight * term for level, term in terms.items()}
