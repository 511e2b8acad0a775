"""The training loop, top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from pspmodel.collectives import rank
from pspmodel.data.streams import mixed
from pspmodel.errors import InterruptedRunError
from pspmodel.evaluate.scores import Scores
from pspmodel.methods import Method
from pspmodel.nn.encoder import compile_encoders
from pspmodel.train import checkpoint
from pspmodel.train.average import Average
from pspmodel.train.batches import Batches
from pspmodel.train.distributed import agreed_signal, complete, on_first, score_divided
from pspmodel.train.finite import check_weights
from pspmodel.train.interrupt import StopSignal
from pspmodel.train.memory import memory_advice
from pspmodel.train.metrics import LossWindow, MetricsFile
from pspmodel.train.optimizer import make_optimizer
from pspmodel.train.schedule import learning_rate
from pspmodel.train.setup import Run
from pspmodel.train.state import Evaluation, Outcome, State

__all__ = ["Evaluation", "Outcome", "State", "train"]


def train(
    run: Run,
    *,
    resume: bool = False,
    stop_at: int | None = None,
    started: Callable[[int, int], None] | None = None,
    advanced: Callable[[int, str], None] | None = None,
    recorded: Callable[[dict[str, Any]], None] | None = None,
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
        recorded: called with every line of metrics.jsonl.

    Raises:
        NonFiniteLossError: a loss term or the weights are nan or infinite; the last checkpoint
            stays.
        InterruptedRunError: SIGINT or SIGTERM to any process; a checkpoint was written.
        OutOfMemoryError: a step needs more memory than there is.
        CheckpointError: the checkpoint is damaged or of another network.
    """
    # ---- where to start and to end ---------------------------------------------------------
    method, seed = run.method, run.config.seed
    last_folder = run.folder / "checkpoints" / "last"
    best_folder = run.folder / "checkpoints" / "held_out_best"
    metrics = MetricsFile(run.folder / "metrics.jsonl")
    state = State()
    if resume and checkpoint.exists(last_folder):
        state = State.from_facts(checkpoint.load_facts(last_folder))
    resumed_at = state.step
    end = run.total_steps if stop_at is None else min(stop_at, run.total_steps)
    window = LossWindow()
    evaluation: tuple[Evaluation, Scores] | None = None
    begun = time.monotonic() - state.seconds
    if started:
        started(end, state.step)

    def record(content: dict[str, Any]) -> None:
        if rank() == 0:
            metrics.append(content)
            if recorded:
                recorded(content)

    def save(folder: Path, *tensors: Any) -> None:
        state.seconds = time.monotonic() - begun
        facts = {**asdict(state), "store_digest": run.facts["store_digest"],
                 "split_digest": run.facts["split"]["digest"]}  # fmt: skip
        on_first(lambda: checkpoint.save(folder, facts, *tensors))

    def log_losses(rate: float) -> str:
        terms = window.take()
        if not terms:
            return ""
        loss = sum(terms.values())
        record({"step": state.step, "kind": "train", "loss": loss, "terms": terms, "lr": rate})
        return f"loss {loss:.3f}"

    # ---- stages ----------------------------------------------------------------------------
    status, rate = "", 0.0
    with StopSignal() as stop:
        for stage in run.stages:
            # A stage is entered also when it is over: what it makes of the networks stays.
            torch.manual_seed(mixed(seed, "stage", stage.name))
            method.enter(stage.name)
            if state.step > stage.end:
                continue
            settings = stage.settings
            optimizer = make_optimizer(settings.optim, method)
            average = Average(method, settings.train.average) if settings.train.average else None
            averaged = average.method if average else None
            if stage.first < resumed_at <= stage.end:
                checkpoint.load_tensors(last_folder, method, optimizer, averaged)
            # Here the first process waits for all: nothing is written before they have read.
            on_first(lambda: _forget_behind(state.step, metrics, best_folder))
            predicting = averaged if averaged is not None else method
            batches = Batches(run, stage)
            if settings.train.compile:
                compile_encoders(method)

            # ---- steps ---------------------------------------------------------------------
            method.train()
            while state.step < min(end, stage.end):
                done = state.step - stage.first
                rate = learning_rate(settings.optim, done, stage.steps_per_epoch, stage.steps)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                torch.manual_seed(mixed(seed, "step", state.step, rank()))
                with memory_advice("training", run.device, batches.advice):
                    # Outside autocast, which would round the changed coordinates.
                    seen = batches.at(state.step, averaged)
                    with torch.autocast(
                        run.device.type, torch.bfloat16, enabled=settings.train.precision == "bf16"
                    ):
                        terms = method.losses(seen)
                        loss = torch.stack(list(terms.values())).sum()
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()  # type: ignore[no-untyped-call]
                    terms = complete(method.parameters(), terms)
                    optimizer.step()
                    if average:
                        average.update(method, done)
                window.add(state.step, terms)
                state.step += 1
                evaluation = None

                epoch, rest = divmod(state.step - stage.first, stage.steps_per_epoch)
                epochs = settings.train.epochs
                if state.step % settings.train.log_every == 0 or rest == 0:
                    status = log_losses(rate)
                if rest == 0:
                    check_weights(state.step - 1, method, averaged)
                    at_end = epoch == epochs
                    if method.predicts(stage.name) and (
                        epoch % settings.train.evaluate_every == 0 or at_end
                    ):
                        evaluation = _evaluate(run, predicting, state.step)
                        before = state.held_out_best
                        state.consider(evaluation[0])
                        record({"kind": "evaluation", **asdict(evaluation[0])})
                        if state.held_out_best is not before:
                            save(best_folder, predicting)
                    if epoch % settings.train.checkpoint_every == 0 or at_end:
                        save(last_folder, method, optimizer, averaged)
                if advanced:
                    where = f"{stage.name} " if len(run.stages) > 1 else ""
                    advanced(state.step, f"{where}epoch {min(epoch + 1, epochs)}  {status}")
                if stopped := agreed_signal(stop.received):
                    log_losses(rate)
                    check_weights(state.step - 1, method, averaged)
                    save(last_folder, method, optimizer, averaged)
                    raise InterruptedRunError(
                        f"{stopped} after step {state.step}; the state is saved in {last_folder}: "
                        "repeat the command with --resume"
                    )
            if state.step >= end:
                break

    # ---- the end: save before anything that can fail ----------------------------------------
    log_losses(rate)
    check_weights(state.step - 1, method, averaged)
    save(last_folder, method, optimizer, averaged)
    last, scores = evaluation or (Evaluation(state.step, None, None), None)
    if evaluation is None and method.predicts(stage.name):
        # Off the schedule: reported, but not among the candidates of a run that goes on.
        last, scores = _evaluate(run, predicting, state.step)
    final = State(state.step, state.held_out_best, state.test_oracle)
    final.consider(last)
    finished = state.step >= run.total_steps
    return Outcome(final, last, scores, finished, time.monotonic() - begun)


def _forget_behind(step: int, metrics: MetricsFile, best: Path) -> None:
    """Drop what a killed run had done after its last checkpoint: it will be done again."""
    metrics.cut_behind(step)
    if checkpoint.exists(best) and int(checkpoint.load_facts(best)["step"]) > step:
        checkpoint.drop(best)


def _evaluate(run: Run, method: Method, step: int) -> tuple[Evaluation, Scores]:
    classes = len(run.store.dataset.classes)
    with memory_advice("evaluation", run.device, "free memory there or use --device cpu"):
        test = score_divided(method, run.data, run.selection.test, classes)
        held_out = None
        if len(run.selection.held_out):
            held_out = score_divided(method, run.data, run.selection.held_out, classes).top(1)
    return Evaluation(step, test.top(1), held_out), test
