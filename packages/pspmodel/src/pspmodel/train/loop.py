"""The training loop, top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from pspmodel.collectives import rank
from pspmodel.data.clips import Clips
from pspmodel.data.streams import IndexStream, mixed
from pspmodel.errors import InterruptedRunError
from pspmodel.evaluate.scores import Scores
from pspmodel.train import checkpoint
from pspmodel.train.distributed import agreed_signal, complete, on_first, own_part, score_divided
from pspmodel.train.interrupt import StopSignal
from pspmodel.train.memory import lower_batches, memory_advice
from pspmodel.train.metrics import LossWindow, MetricsFile
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
        InterruptedRunError: SIGINT or SIGTERM to any process; a checkpoint was written.
        OutOfMemoryError: a step needs more memory than there is.
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
    part = own_part()

    def clips(stream: IndexStream, step: int) -> Clips:
        seed = mixed(settings.seed, "augment", stream.name, step)
        return data.clips(stream.at(step), seed, part)

    # ---- where to start and to end ---------------------------------------------------------
    last_folder = run.folder / "checkpoints" / "last"
    best_folder = run.folder / "checkpoints" / "held_out_best"
    metrics = MetricsFile(run.folder / "metrics.jsonl")
    state = State()
    if resume and checkpoint.exists(last_folder):
        state = State.from_facts(checkpoint.load_facts(last_folder))
        checkpoint.load_tensors(last_folder, method, optimizer)
    # Here the first process waits for all: nothing is written before they have read.
    on_first(lambda: metrics.cut_behind(state.step))
    total = run.total_steps
    end = total if stop_at is None else min(stop_at, total)
    per_epoch = run.steps_per_epoch
    window = LossWindow()
    evaluation: tuple[Evaluation, Scores] | None = None
    begun = time.monotonic()
    if started:
        started(end, state.step)

    def save(folder: Path, of: torch.optim.Optimizer | None) -> None:
        facts = {**asdict(state), "store_digest": run.facts["store_digest"],
                 "split_digest": run.facts["split"]["digest"]}  # fmt: skip
        on_first(lambda: checkpoint.save(folder, facts, method, of))

    def record(content: dict[str, Any]) -> None:
        if rank() == 0:
            metrics.append(content)

    def log_losses(rate: float) -> str:
        terms = window.take()
        if not terms:
            return ""
        loss = sum(terms.values())
        record({"step": state.step, "kind": "train", "loss": loss, "terms": terms, "lr": rate})
        return f"loss {loss:.3f}"

    # ---- steps -----------------------------------------------------------------------------
    method.train()
    status = ""
    rate = settings.optim.lr
    advice = memory_advice("training", run.device, lower_batches(settings))
    with StopSignal() as stop, advice:
        while state.step < end:
            step = state.step
            rate = learning_rate(settings.optim, step // per_epoch)
            for group in optimizer.param_groups:
                group["lr"] = rate
            torch.manual_seed(mixed(settings.seed, "step", step, rank()))
            with torch.autocast(
                run.device.type, torch.bfloat16, enabled=settings.train.precision == "bf16"
            ):
                terms = method.losses(
                    clips(labelled, step),
                    data.labels_of(labelled.at(step)[part]),
                    clips(unlabelled, step) if unlabelled else None,
                )
                loss = torch.stack(list(terms.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            terms = complete(method.parameters(), terms)
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
                    record({"kind": "evaluation", **asdict(evaluation[0])})
                    if state.held_out_best is not before:
                        save(best_folder, None)
                if epoch % settings.train.checkpoint_every == 0 or at_end:
                    save(last_folder, optimizer)
            if advanced:
                advanced(state.step, f"epoch {min(epoch + 1, settings.train.epochs)}  {status}")
            if stopped := agreed_signal(stop.received):
                log_losses(rate)
                save(last_folder, optimizer)
                raise InterruptedRunError(
                    f"{stopped} after step {state.step}; the state is saved in {last_folder}: "
                    "repeat the command with --resume"
                )

    # ---- the end: save before anything that can fail ----------------------------------------
    log_losses(rate)
    save(last_folder, optimizer)
    if evaluation is None:
        # Off the schedule: reported, but not among the candidates of a run that goes on.
        evaluation = _evaluate(run, state.step)
    final = State(state.step, state.held_out_best, state.test_oracle)
    final.consider(evaluation[0])
    return Outcome(final, *evaluation, state.step >= total, time.monotonic() - begun)


def _evaluate(run: Run, step: int) -> tuple[Evaluation, Scores]:
    classes = len(run.store.dataset.classes)
    with memory_advice("evaluation", run.device, "free memory there or use --device cpu"):
        test = score_divided(run.method, run.data, run.selection.test, classes)
        held_out = None
        if len(run.selection.held_out):
            held_out = score_divided(run.method, run.data, run.selection.held_out, classes).top(1)
    return Evaluation(step, test.top(1), held_out), test
