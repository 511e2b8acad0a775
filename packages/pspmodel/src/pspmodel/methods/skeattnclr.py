"""SkeAttnCLR: momentum contrast of whole clips and of their salient parts (arXiv 2305.00666)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pspmodel.config import RunConfig, StrictModel, View
from pspmodel.data.clips import Clips
from pspmodel.data.mixing import donors, draw_mix, mixed
from pspmodel.errors import ConfigError
from pspmodel.losses.queue_contrast import PartEmbeddings, part_aware_contrast
from pspmodel.methods.base import DataFacts, Step
from pspmodel.methods.pretrained import PretrainedMethod
from pspmodel.nn.attention_mask import AttentionMask, parted_means
from pspmodel.nn.heads import node_mean, person_mean
from pspmodel.nn.momentum import Follower, KeyQueue, momentum_at
from pspmodel.nn.projection import NormedProjection
from pspmodel.nn.streams import StreamClassifier

_FOR_JOINTS, _FOR_OTHERS = 1.0, 0.5


class SkeAttnCLROptions(StrictModel):
    """Settings of the pretext; the numbers are those of the released configurations.

    Attributes:
        queue: K, keys that serve as negatives.
        temperature: tau.
        momentum: of the key encoder at the start; it grows to 1 on a cosine.
        salient_share: mu, see `part_aware_contrast`; None takes the published ones, 1 for joints
            (which leaves the third term out) and 0.5 for bones and motion.
        embedding: channels of what is contrasted.
        heads: of the attention mask.
        sharpness: Lambda of the attention mask.
        mixing: whether the parts are taken from a clip with parts of another one mixed in; False
            takes them from the clip itself.
        mixed_parts: least and largest number of parts, of five, that are another clip's.
        mixed_frames: least and largest share of the frames in which they are.
        keys_start: the key encoder starts ``equal`` to the query encoder, or is ``drawn`` by itself,
            as the released code makes it by initialising again after it copied.
        finetune: batch norm and dropout of the encoder while fine-tuning: ``train`` as in any
            training, or ``eval`` as in the released code.
    """

    queue: int = Field(default=32768, ge=1)
    temperature: float = Field(default=0.2, gt=0)
    momentum: float = Field(default=0.996, ge=0, le=1)
    salient_share: float | None = Field(default=None, ge=0, le=1)
    embedding: int = Field(default=128, ge=1)
    heads: int = Field(default=8, ge=1)
    sharpness: float = Field(default=2.0, ge=0)
    mixing: bool = True
    mixed_parts: tuple[int, int] = (3, 4)
    mixed_frames: tuple[float, float] = (0.25, 0.4375)
    keys_start: Literal["equal", "drawn"] = "equal"
    finetune: Literal["train", "eval"] = "train"


class SkeAttnCLR(PretrainedMethod):
    """A view of a clip finds its other view among the keys of many, as a whole and by its parts.

    The whole comes from one view; salient part and rest from the same view with another clip's parts
    mixed in, parted by an attention mask. Keys come from a second view through an encoder that
    follows the first, parted by the mask of the query. Predictors, on the query side alone, are three
    (the released code calls them by names that it never gives them, and so does not run).

    One stream a run, as published; runs of several are fused by their scores. Parts are mixed in the
    stream that the network sees: the released code mixes joints and then takes motion or bones, which
    makes jumps at the seams that no body makes. For joints both are the same.

    What the released code makes and never reads is not here: queues of salient and other keys, a
    second projector, drop-path, and what the mixed view says as a whole.
    """

    Options = SkeAttnCLROptions
    pretext: _Pretext
    pretext_views: ClassVar[tuple[View, ...]] = ("strong", "strong")

    def __init__(self, facts: DataFacts, options: SkeAttnCLROptions, config: RunConfig) -> None:
        super().__init__(facts, options, config)
        if len(facts.streams) > 1:
            raise ConfigError(
                f"skeattnclr trains one stream a run, not {', '.join(facts.streams)}; set "
                'data.streams, e.g. ["joint"], and fuse the scores of several runs'
            )
        self.network = StreamClassifier(config.network, facts.layout, facts.classes, facts.streams)
        if self.network.stems is not None:
            raise ConfigError(
                "skeattnclr has one stream, whose stem is the encoder's; set network.stems to shared"
            )
        channels = self.network.encoder.channels_out
        if channels % options.heads:
            raise ConfigError(
                f"heads {options.heads} do not divide the encoder's {channels} channels; "
                "set options.heads to a divisor"
            )
        self.pretext = _Pretext(channels, options)
        branch = self._branch()
        if options.keys_start == "drawn":
            network = StreamClassifier(config.network, facts.layout, facts.classes, facts.streams)
            branch = _Branch(network.encoder, _Pretext(channels, options).projector)
        self.keys = Follower(branch)
        self.queue = KeyQueue(options.queue, options.embedding)
        share = options.salient_share
        if share is None:
            share = _FOR_JOINTS if facts.streams == ("joint",) else _FOR_OTHERS
        self.salient_share = share

    def enter(self, stage: str) -> None:
        """Choose what is trained; a term of weight 0 needs no predictor."""
        super().enter(stage)
        for name, weight in (("salient", self.salient_share), ("rest", 1 - self.salient_share)):
            self.pretext.predictors[name].requires_grad_(stage == "pretrain" and weight > 0)

    def losses(self, step: Step) -> Mapping[str, Tensor]:
        """The terms of the pretext, or classification."""
        if step.stage == "finetune":
            self.network.encoder.train(self.options.finetune == "train")
        return super().losses(step)

    def pretext_terms(self, step: Step) -> Mapping[str, Tensor]:
        """``L_z + mu L_s + (1 - mu) L_ns`` against the queue, which then takes the keys.

        The key encoder moves at the start of a step instead of behind the optimiser's: in between
        nobody looks at it.
        """
        query, key = (_each_its_row(clips) for clips in step.unlabelled)
        branch, follower = self._branch(), self.keys.module
        self.keys.follow(branch, momentum_at(step.progress, self.options.momentum))

        # Every pass has batch statistics of its own, as in the released code.
        seen = branch.encoder(_stream(query))
        parted = branch.encoder(_stream(self._mixed(query))) if self.options.mixing else seen
        mask = self.pretext.mask(parted)
        embedded = _embedded(branch, seen, parted, mask, query)
        asked = PartEmbeddings(
            *(
                self.pretext.predictors[name](part)
                for name, part in zip(PartEmbeddings._fields, embedded, strict=True)
            )
        )
        with torch.no_grad():
            seen = follower.encoder(_stream(key))
            keys = _embedded(follower, seen, seen, mask, key)
        terms = part_aware_contrast(
            asked, keys, self.queue.negatives(), self.salient_share, self.options.temperature
        )
        self.queue.push(keys.whole)
        return {f"contrast/{name}": term for name, term in terms.items()}

    def _mixed(self, clips: Clips) -> Clips:
        x = _stream(clips)
        mix = draw_mix(
            clips.count,
            x.shape[2],
            self.facts.layout,
            parts=self.options.mixed_parts,
            share=self.options.mixed_frames,
            device=x.device,
        )
        rows = donors(clips.clip_index, clips.count, mix.shift)
        streams = {name: mixed(stream, rows, mix.places) for name, stream in clips.streams.items()}
        return Clips(streams, clips.clip_index, clips.count)

    def _branch(self) -> _Branch:
        return _Branch(self.network.encoder, self.pretext.projector)


class _Branch(nn.Module):
    """What queries and keys each have of their own."""

    def __init__(self, encoder: nn.Module, projector: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = projector


class _Pretext(nn.Module):
    """What only pre-training uses, on the query's side."""

    def __init__(self, channels: int, options: SkeAttnCLROptions) -> None:
        super().__init__()
        width = options.embedding
        self.projector = NormedProjection(channels, channels, width)
        self.mask = AttentionMask(channels, options.heads, options.sharpness)
        self.predictors = nn.ModuleDict(
            {name: NormedProjection(width, 2 * width, width) for name in PartEmbeddings._fields}
        )


def _embedded(
    branch: _Branch, seen: Tensor, parted: Tensor, mask: Tensor, clips: Clips
) -> PartEmbeddings:
    """Projections of features as a whole, and of others as a mask parts them."""
    pooled = (node_mean(seen), *parted_means(parted, mask))
    return PartEmbeddings(*(branch.projector(person_mean(part, *clips.owners)) for part in pooled))


def _each_its_row(clips: Clips) -> Clips:
    """The same clips without shared rows: what is mixed into one person is not in another."""
    if clips.person_index is None:
        return clips
    streams = {name: stream[clips.person_index] for name, stream in clips.streams.items()}
    return Clips(streams, clips.clip_index, clips.count)


def _stream(clips: Clips) -> Tensor:
    (x,) = clips.streams.values()
    return x
