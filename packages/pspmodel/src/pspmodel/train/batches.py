"""What each step of a stage trains on, a pure function of the run's seed and the step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pspmodel.config import AugmentConfig, View
from pspmodel.data.clips import Clips
from pspmodel.data.streams import IndexStream, mixed
from pspmodel.methods import Method, Step
from pspmodel.train.distributed import own_part
from pspmodel.train.memory import lower_batches
from pspmodel.train.setup import Run
from pspmodel.train.stages import Stage


class Batches:
    """This process's part of every step of a stage.

    Attributes:
        advice: what to lower when memory runs out.
    """

    def __init__(self, run: Run, stage: Stage) -> None:
        self._run, self._stage = run, stage
        settings, selection = stage.settings, run.selection
        train, seed = settings.train, run.config.seed
        section = f"stage.{stage.name}.train" if stage.name in run.config.stage else "train"
        self.advice = lower_batches(train, section)
        self._views = run.method.views(stage.name) if train.unlabelled_batch else ()
        self._changes = {"strong": settings.augment, "weak": settings.weak}
        self._labelled = self._unlabelled = None
        if train.labelled_batch:
            self._labelled = IndexStream(selection.labelled, train.labelled_batch, seed, "labelled")
        if self._views:
            self._unlabelled = IndexStream(
                selection.unlabelled, train.unlabelled_batch, seed, "unlabelled"
            )

    def at(self, step: int, teacher: Method | None) -> Step:
        """What a method is given; ``step`` counts from the start of the run."""
        run, stage = self._run, self._stage
        labelled = labels = None
        if self._labelled is not None:
            rows = self._labelled.at(step)
            labelled = self._clips(rows, self._changes["strong"], ("labelled", step, 0))
            labels = run.data.labels_of(rows[own_part()])
        unlabelled: list[Clips] = []
        if self._unlabelled is not None:
            rows = self._unlabelled.at(step)
            for number, view in enumerate(self._views):
                seen, drawn = self._seen(rows, view, step), ("unlabelled", step, number)
                unlabelled.append(self._clips(seen, self._changes[view], drawn))
        return Step(
            stage=stage.name,
            labelled=labelled,
            labels=labels,
            unlabelled=tuple(unlabelled),
            progress=(step - stage.first) / stage.steps,
            teacher=teacher,
        )

    def _seen(self, rows: NDArray[np.int64], view: View, step: int) -> NDArray[np.int64]:
        if view == "weak" and self._run.other_cameras is not None:
            return self._run.other_cameras.of(rows, mixed(self._run.config.seed, "camera", step))
        return rows

    def _clips(
        self, rows: NDArray[np.int64], augment: AugmentConfig, drawn: tuple[str, int, int]
    ) -> Clips:
        seed = mixed(self._run.config.seed, "augment", *drawn)
        return self._run.data.clips(rows, seed, own_part(), augment)
