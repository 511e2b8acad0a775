"""How far a run is, what it has measured, and what it ended with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pspmodel.evaluate.scores import Scores


@dataclass(frozen=True)
class Evaluation:
    """Accuracies after some number of steps, as fractions.

    Attributes:
        step: steps done.
        test: None in a stage that predicts nothing.
        held_out: None there too, and without held-out clips.
    """

    step: int
    test: float | None
    held_out: float | None


@dataclass
class State:
    """What a checkpoint remembers beside tensors.

    Attributes:
        step: steps done.
        held_out_best: the evaluation with the best held-out accuracy, the first of equals.
        test_oracle: the evaluation with the best test accuracy: an oracle, as the papers report.
        seconds: training took so far, evaluations included, in all its invocations.
    """

    step: int = 0
    held_out_best: Evaluation | None = None
    test_oracle: Evaluation | None = None
    seconds: float = field(default=0.0, compare=False)

    def consider(self, evaluation: Evaluation) -> None:
        """Take an evaluation into account for the two best ones."""
        best = self.held_out_best
        if evaluation.held_out is not None and (
            best is None or best.held_out is None or evaluation.held_out > best.held_out
        ):
            self.held_out_best = evaluation
        oracle = self.test_oracle
        if evaluation.test is not None and (
            oracle is None or oracle.test is None or evaluation.test > oracle.test
        ):
            self.test_oracle = evaluation

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> State:
        """The state as a checkpoint's JSON part holds it."""
        best, oracle = facts["held_out_best"], facts["test_oracle"]
        return cls(
            facts["step"],
            Evaluation(**best) if best else None,
            Evaluation(**oracle) if oracle else None,
            facts.get("seconds", 0.0),
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """What training ended with.

    Attributes:
        state: steps and best evaluations, the last one considered too.
        last: evaluation of the final weights, without accuracies before the last stage.
        test_scores: their scores on the test rows; None there too.
        finished: whether the whole schedule was run.
        seconds: training time of all its invocations, evaluations included.
    """

    state: State
    last: Evaluation
    test_scores: Scores | None = field(repr=False)
    finished: bool
    seconds: float
