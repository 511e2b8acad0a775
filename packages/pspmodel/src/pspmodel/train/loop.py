"""The training loop, top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from pspmodel.data.streams import IndexStream, mixed
from pspmodel.errors import InterruptedRunError
from pspmodel.evaluate.scores import Scores, score
from pspmodel.train import checkpoint
from pspmodel.train.interrupt import StopSignal
from pspmodel.train.metrics import LossWindow, MetricsFile
from pspmodel.train.schedule import learning_rate
from pspmodel.train.setup import Run


@dataclass(frozen=True)
class Evaluation:
    """Accuracies after some number of steps, as fractions; ``held_out`` is None without clips."""

    step: int
    test: float
    held_out: float | None


@dataclass
class State:
    """What a checkpoint remembers beside tensors.

    Attributes:
        step: steps done.
        held_out_best: the evaluation with the best held-out accuracy, the first of equals.
        test_oracle: the evaluation with the best test accuracy: an oracle, as the papers report.
    """

    step: int = 0
    held_out_best: Evaluation | None = None
    test_oracle: Evaluation | None = None

    def consider(self, evaluation: Evaluation) -> None:
        """Take an evaluation into account for the two best ones."""
        best = self.held_out_best
        if evaluation.held_out is not None and (
            best is None or best.held_out is None or evaluation.held_out > best.held_out
        ):
            self.held_out_best = evaluation
        if self.test_oracle is None or evaluation.test > self.test_oracle.test:
            self.test_oracle = evaluation

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> State:
        """The state as a checkpoint's JSON part holds it."""
        best, oracle = facts["held_out_best"], facts["test_oracle"]
        return cls(
            facts["step"],
            Evaluation(**best) if best else None,
            Evaluation(**oracle) if oracle else None,
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """What training ended with.

    Attributes:
        state: steps and best evaluations, the last one considered too.
        last: evaluation of the final weights.
        test_scores: their scores on the test rows.
        finished: whether the whole schedule was run.
        seconds: training time of this invocation, evaluations included.
    """

    state: State
    last: Evaluation
    test_scores: Scores = field(repr=False)
    finished: bool
    seconds: float


def train(
    run: Run,
    *,
    resume: bool = False,
    stop_at: int | None = None,
    started: Callable[[int, int], None] | None = None,
    advanced: Callable[[int, str], None] | None = None,
) -> Outcome:
    """Train a run to the end of its schedule, or to step ``stop_at``.

    All randomness of a step follows from the run's seed and the step, so a resumed run sees what
    an undisturbed one would have seen; on a CPU its weights are bit for bit the same.

    Args:
        run: from `new_run`.
        resume: continue from the last checkpoint if there is one.
        stop_at: end early after this many steps in all, resumably.
        started: called with (steps to do in all, steps already done).
        advanced: called with (steps done, a short status) after every step.

    Raises:
        NonFiniteLossError: a loss term is nan or infinite; the last checkpoint stays.
        InterruptedRunError: SIGINT or SIGTERM; a checkpoint was written.
        CheckpointError: the checkpoint is damaged or of another network.
    """
    # ---- optimiser and streams -------------------------------------------------------------
    settings, method, data = run.config, run.method, run.data
    optimizer = torch.optim.SGD(
        method.parameters(),
        lr=settings.optim.lr,
        momentum=settings.optim.momentum,
        weight_decay=settings.optim.weight_decay,
        nesterov=settings.optim.momentum > 0,
        fused=True,
    )
    labelled = IndexStream(
        run.selection.labelled, settings.data.labelled_batch, settings.seed, "labelled"
    )
    unlabelled = None
    if settings.data.unlabelled_batch:
        unlabelled = IndexStream(
            run.selection.unlabelled, settings.data.unlabelled_batch, settings.seed, "unlabelled"
        )

    # ---- where to start and to end ---------------------------------------------------------
    last_folder = run.folder / "checkpoints" / "last"
    best_folder = run.folder / "checkpoints" / "held_out_best"
    metrics = MetricsFile(run.folder / "metrics.jsonl")
    state = State()
    if resume and checkpoint.exists(last_folder):
        state = State.from_facts(checkpoint.load_facts(last_folder))
        checkpoint.load_tensors(last_folder, method, optimizer)
    metrics.cut_behind(state.step)
    total = run.total_steps
    end = total if stop_at is None else min(stop_at, total)
    per_epoch = run.steps_per_epoch
    window = LossWindow()
    evaluation: tuple[Evaluation, Scores] | None = None
    begun = time.monotonic()
    if started:
        started(end, state.step)

    def save() -> None:
        facts = {**asdict(state), "store_digest": run.facts["store_digest"],
                 "split_digest": run.facts["split"]["digest"]}  # fmt: skip
        checkpoint.save(last_folder, facts, method, optimizer)

    def log_losses(rate: float) -> str:
        terms = window.take()
        if not terms:
            return ""
        loss = sum(terms.values())
        metrics.append(
            {"step": state.step, "kind": "train", "loss": loss, "terms": terms, "lr": rate}
        )
        return f"loss {loss:.3f}"

    # ---- steps -----------------------------------------------------------------------------
    method.train()
    status = ""
    rate = settings.optim.lr
    with StopSignal() as stop:
        while state.step < end:
            step = state.step
            rate = learning_rate(settings.optim, step // per_epoch)
            for group in optimizer.param_groups:
                group["lr"] = rate
            torch.manual_seed(mixed(settings.seed, "step", step))
            rows = labelled.at(step)
            with torch.autocast(
                run.device.type, torch.bfloat16, enabled=settings.train.precision == "bf16"
            ):
                terms = method.losses(
                    data.clips(rows),
                    data.labels_of(rows),
                    data.clips(unlabelled.at(step)) if unlabelled else None,
                )
                loss = torch.stack(list(terms.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            window.add(step, terms)
            state.step += 1
            evaluation = None

            epoch, rest = divmod(state.step, per_epoch)
            if state.step % settings.train.log_every == 0 or rest == 0:
                status = log_losses(rate)
            if rest == 0:
                at_end = epoch == settings.train.epochs
                if epoch % settings.train.evaluate_every == 0 or at_end:
                    evaluation = _evaluate(run, state.step)
                    before = state.held_out_best
                    state.consider(evaluation[0])
                    metrics.append({"kind": "evaluation", **asdict(evaluation[0])})
                    if state.held_out_best is not before:
                        checkpoint.save(best_folder, {**asdict(state)}, method, None)
                if epoch % settings.train.checkpoint_every == 0 or at_end:
                    save()
            if advanced:
                advanced(state.step, f"epoch {min(epoch + 1, settings.train.epochs)}  {status}")
            if stop.received:
                log_losses(rate)
                save()
                raise InterruptedRunError(
                    f"{stop.received} after step {state.step}; the state is saved in {last_folder}: "
                    "repeat the command with --resume"
                )

    # ---- the end: save before anything that can fail ----------------------------------------
    log_losses(rate)
    save()
    if evaluation is None:
        # Off the schedule: reported, but not among the candidates of a run that goes on.
        evaluation = _evaluate(run, state.step)
    final = State(state.step, state.held_out_best, state.test_oracle)
    final.consider(evaluation[0])
    return Outcome(final, *evaluation, state.step >= total, time.monotonic() - begun)


def _evaluate(run: Run, step: int) -> tuple[Evaluation, Scores]:
    test = score(run.method, run.data, run.selection.test)
    held_out = None
    if len(run.selection.held_out):
        held_out = score(run.method, run.data, run.selection.held_out).top(1)
    return Evaluation(step, test.top(1), held_out), test
