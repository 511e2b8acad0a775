"""What the engine asks of a method: networks, the loss terms of a step, and predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from pspmodel.config import RunConfig, StrictModel, View
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
        streams: names of the streams of every batch.
    """

    dataset: str
    layout: Layout
    classes: int
    persons: int
    frames: int
    streams: tuple[str, ...] = ("joint", "motion")


@dataclass(frozen=True, eq=False)
class Step:
    """What a method sees of one training step.

    Attributes:
        stage: one of the method's stages.
        labelled: labelled clips, changed as ``[augment]`` says; None in a stage without labels.
        labels: (n,) int64, 0-based.
        unlabelled: for each of the method's views of the stage, the same unlabelled clips in the
            same order; empty when the recipe uses none. Of the view ``weak`` they may be what other
            cameras saw of the same performances (``pseudo_labels.cameras``).
        progress: share of the stage that is done, in [0, 1).
        teacher: the method with averaged weights, in eval mode; None unless the recipe has them.
    """

    stage: str
    labelled: Clips | None
    labels: Tensor | None
    unlabelled: tuple[Clips, ...] = ()
    progress: float = 0.0
    teacher: Method | None = None


class Method(nn.Module, ABC):
    """A training method: all its state lives in this module, so checkpoints hold it.

    A subclass names its settings in ``Options``, its ``stages``, and takes (facts, options, config).
    """

    Options: ClassVar[type[StrictModel]]
    stages: ClassVar[tuple[str, ...]] = ("joint",)

    def __init__(self, facts: DataFacts, options: Any, config: RunConfig) -> None:
        super().__init__()
        self.facts = facts
        self.options = options
        self.config = config

    def views(self, stage: str) -> tuple[View, ...]:
        """How each unlabelled clip is to be shown: ``strong`` as ``[augment]``, ``weak`` as ``[weak]``.

        Every entry is a draw of its own.
        """
        return ("strong",)

    def predicts(self, stage: str) -> bool:
        """Whether evaluating during this stage means anything."""
        return stage == self.stages[-1]

    def enter(self, stage: str) -> None:
        """Get ready for a stage, before its optimiser is made; also when a run is resumed in it.

        The place to make a fresh classifier or to freeze what shall not be trained.
        """
        return

    @abstractmethod
    def losses(self, step: Step) -> Mapping[str, Tensor]:
        """Weighted loss terms of one step, by name; the engine minimises their sum.

        With several processes each returns its share: shares, and their gradients, add up to the
        term of the whole batch (`pspmodel.collectives`).
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


def build(config: RunConfig, facts: DataFacts) -> Method:
    """Make a run's method, its options checked.

    Raises:
        ConfigError: no such method, invalid options, or settings of a stage that it does not have.
    """
    from pspmodel.errors import ConfigError
    from pspmodel.methods import METHODS
    from pspmodel.recipe import checked

    name = config.method
    if name not in METHODS:
        raise ConfigError(f"unknown method {name!r}; use one of {', '.join(sorted(METHODS))}")
    method = METHODS[name]
    options = checked(method.Options, config.options, f"options of {name}")
    for stage in config.stage:
        if stage not in method.stages:
            raise ConfigError(
                f"method {name} has no stage {stage!r}; use [stage.{method.stages[0]}]"
                + "".join(f" or [stage.{other}]" for other in method.stages[1:])
            )
    return method(facts, options, config)
