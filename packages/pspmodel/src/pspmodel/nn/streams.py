"""The network that predicts: one encoder for all streams, and a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from pspmodel.config import NetworkConfig
from pspmodel.nn.empty_rows import encode_together
from pspmodel.nn.encoders import build_encoder
from pspmodel.nn.heads import OfEach, node_mean, person_mean
from pspmodel.nn.layers import linear
from pspmodel.nn.norm import sample_weights, split_norms
from skeldata import Layout


class StreamClassifier(nn.Module):
    """Encoder and classifier that streams share; stems, norms, classifiers may be each stream's own.

    A person is one row of a batch and ``clip_index`` says which clip it belongs to, so clips with
    one and with two persons lie in one batch unpadded. All streams go through the encoder in one
    pass, and so share batch statistics, unless ``norms`` are per stream. With ``trunks`` per stream
    each has an encoder of its own.

    Args:
        config: encoder, and what is per stream.
        layout: joints and their groups.
        classes: K.
        streams: their names.
    """

    def __init__(
        self, config: NetworkConfig, layout: Layout, classes: int, streams: Sequence[str]
    ) -> None:
        super().__init__()
        self.encoder = build_encoder(config, layout)
        self.further: nn.ModuleDict | None = None
        if config.trunks == "per-stream":
            # The first stream keeps ``encoder``, which tells the sizes of all.
            further = {name: build_encoder(config, layout) for name in streams[1:]}
            self.further = nn.ModuleDict(further)
        self.stems: nn.ModuleDict | None = None
        if config.stems == "per-stream" and self.further is None:
            self.stems = nn.ModuleDict({name: self.encoder.new_stem() for name in streams})
            self.encoder.input = nn.Identity()
        self._shares_norms = config.norms == "shared"
        if config.norms == "per-stream" and self.further is None:
            split_norms(self.encoder, len(streams))
        channels = self.encoder.channels_out
        self.classifier: nn.Module = (
            OfEach(streams, lambda: linear(channels, classes))
            if config.classifier == "per-stream"
            else linear(channels, classes)
        )

    def forward(self, persons: Tensor, clip_index: Tensor, clips: int) -> Tensor:
        """Logits of one stream, where streams share every weight: (P, 3, T, V) -> (clips, K)."""
        return self.classify(self.encoder(persons), clip_index, clips)

    def encode(
        self,
        streams: Mapping[str, Tensor],
        weights: Tensor | None = None,
        empty: Sequence[int] = (),
    ) -> dict[str, Tensor]:
        """Encode all streams.

        Args:
            streams: (R, 3, T, V) by name.
            weights: (R,) how many persons a row stands for, see `sample_weights`.
            empty: which rows are all zeros, sorted; where streams share every weight they go
                through the encoder as one.

        Returns:
            (R, C, T', n) by name.
        """
        if self.further is not None:
            with sample_weights(weights):
                return {
                    name: self.further[name](x) if name in self.further else self.encoder(x)
                    for name, x in streams.items()
                }
        stems, parts = self.stems, list(streams.values())
        if stems is not None or not self._shares_norms:
            empty = ()
        with sample_weights(weights):
            if stems is not None:
                parts = [stems[name](self.encoder.arranged(x)) for name, x in streams.items()]

        def encoded(whole: Tensor, counts: Tensor | None) -> Tensor:
            with sample_weights(counts):
                y: Tensor = self.encoder(whole) if stems is None else self.encoder.trunk(whole)
            return y

        return dict(zip(streams, encode_together(parts, weights, empty, encoded), strict=True))

    def pool(
        self,
        features: Tensor,
        clip_index: Tensor,
        clips: int,
        person_index: Tensor | None = None,
    ) -> Tensor:
        """Mean over frames and nodes, then over persons: (R, C, T', n) -> (clips, C)."""
        return person_mean(node_mean(features), clip_index, clips, person_index)

    def classify(
        self,
        features: Tensor,
        clip_index: Tensor,
        clips: int,
        person_index: Tensor | None = None,
        *,
        stream: str | None = None,
    ) -> Tensor:
        """Logits of one stream: pooled features through the classifier.

        Args:
            features: (R, C, T', n) of `encode`.
            clip_index: (P,) int64, the clip of each person.
            clips: how many clips there are.
            person_index: (P,) int64, the row of each person; None if each has its own, P = R.
            stream: which one; needed where each has a classifier of its own.

        Returns:
            (clips, K).

        Raises:
            UsageError: each stream has a classifier of its own, but not ``stream``.
        """
        pooled = self.pool(features, clip_index, clips, person_index)
        named = (stream,) if isinstance(self.classifier, OfEach) else ()
        logits: Tensor = self.classifier(pooled, *named)
        return logits
