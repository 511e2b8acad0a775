"""What the engine asks of a method: a network, its loss terms, and predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from pspmodel.config import StrictModel
from pspmodel.data.clips import Clips
from skeldata import Layout


@dataclass(frozen=True)
class DataFacts:
    """What a network must know of the data.

    Attributes:
        dataset: id.
        layout: joints and groups.
        classes: K.
        persons: M.
        frames: T.
    """

    dataset: str
    layout: Layout
    classes: int
    persons: int
    frames: int


class Method(nn.Module, ABC):
    """A training method: all its trainable state lives in this module, so checkpoints hold it.

    A subclass names its settings in ``Options`` and takes (facts, options) to build itself.
    """

    Options: ClassVar[type[StrictModel]]

    @abstractmethod
    def losses(
        self, labelled: Clips, labels: Tensor, unlabelled: Clips | None
    ) -> Mapping[str, Tensor]:
        """Weighted loss terms of one step, by name; the engine minimises their sum.

        With several processes each returns its share: shares, and their gradients, add up to the
        term of the whole batch (`pspmodel.collectives`).

        Args:
            labelled: labelled clips.
            labels: (n,) int64, 0-based.
            unlabelled: unlabelled clips, or None when the recipe uses none.
        """

    @abstractmethod
    def predict_streams(self, clips: Clips) -> Mapping[str, Tensor]:
        """Class scores (logits) of each stream apart, (n, K) by stream name.

        Called in eval mode without gradients, as `embed` is.
        """

    def predict(self, clips: Clips) -> Tensor:
        """Class scores of clips, (n, K): the sum over the streams."""
        return torch.stack(list(self.predict_streams(clips).values())).sum(dim=0)

    @abstractmethod
    def embed(self, clips: Clips) -> Tensor:
        """Features that the classifier sees, (n, C), streams side by side; for probes and maps."""


def build(name: str, facts: DataFacts, options: Mapping[str, Any]) -> Method:
    """Make a method by name with its options checked.

    Raises:
        ConfigError: no such method, or invalid options.
    """
    from pspmodel.config import checked
    from pspmodel.errors import ConfigError
    from pspmodel.methods import METHODS

    if name not in METHODS:
        raise ConfigError(f"unknown method {name!r}; use one of {', '.join(sorted(METHODS))}")
    method = METHODS[name]
    return method(facts, checked(method.Options, options, f"options of {name}"))
