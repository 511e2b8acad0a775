"""The stages of a run in the order of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pspmodel.config import RunConfig, StageConfig, View
from pspmodel.data.selection import Selection
from pspmodel.errors import UsageError


@dataclass(frozen=True)
class Stage:
    """A stretch of a run with settings of its own.

    Attributes:
        name: as the method calls it.
        settings: changes, optimiser, length and batches.
        first: the run's steps before it.
        steps_per_epoch: of this stage.
    """

    name: str
    settings: StageConfig
    first: int
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Steps of this stage."""
        return self.settings.train.epochs * self.steps_per_epoch

    @property
    def end(self) -> int:
        """The run's steps when it is done."""
        return self.first + self.steps


def stages_of(config: RunConfig, names: Sequence[str], selection: Selection) -> tuple[Stage, ...]:
    """Lay the stages of a method one behind the other.

    Without a fixed number an epoch is one pass over the unlabelled clips, or over the labelled ones
    where a stage has no others.
    """
    stages: list[Stage] = []
    for name in names:
        settings = config.at(name)
        train = settings.train
        per_epoch = train.steps_per_epoch
        if not per_epoch and train.unlabelled_batch:
            per_epoch = len(selection.unlabelled) // train.unlabelled_batch
        elif not per_epoch:
            per_epoch = len(selection.labelled) // train.labelled_batch
        first = stages[-1].end if stages else 0
        stages.append(Stage(name, settings, first, max(1, per_epoch)))
    return tuple(stages)


def check_unlabelled(stage: Stage, views: Sequence[View], selection: Selection) -> None:
    """Refuse a stage that wants unlabelled clips where every training clip has its label.

    Args:
        stage: to check.
        views: that its method wants of each unlabelled clip.
        selection: of the run.

    Raises:
        UsageError: there are none.
    """
    if stage.settings.train.unlabelled_batch and views and not len(selection.unlabelled):
        raise UsageError(
            f"data.unlabelled=rest leaves no clip to train without labels: all "
            f"{len(selection.labelled):,} training clips are labelled; set data.unlabelled=all"
        )
