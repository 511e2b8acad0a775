"""What a process of a group does in the tests of several processes; importable by its name."""

from __future__ import annotations

import copy
import dataclasses
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pspmodel.collectives import all_sum, counts, gather, mean, rank
from pspmodel.data.resident import ResidentData
from pspmodel.errors import InterruptedRunError, PspmodelError
from pspmodel.losses.cross_entropy import cross_entropy
from pspmodel.losses.nt_xent import coarse_to_fine, nt_xent
from pspmodel.methods import DataFacts, Method
from pspmodel.nn.norm import BatchNorm2d, sample_weights
from pspmodel.train.distributed import complete, on_first, own_part, score_divided
from pspmodel.train.loop import Outcome, train
from pspmodel.train.setup import Run, new_run
from skeldata import open_store
from support.methods import joint_step, made

Gradients = tuple[Tensor, ...]

SMALL_BLOCKS = [[8, 8, 4, 2], [8, 16, 4, 2]]


# ---- collectives ---------------------------------------------------------------------------
def summed(parts: Sequence[Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The sum, and the gradient of the sum over processes of weight * sum."""
    x = parts[rank()].clone().requires_grad_()
    total = all_sum(x)
    (total * weights[rank()]).sum().backward()
    return total.detach(), x.grad


def gathered(parts: Sequence[Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, int, Tensor]:
    """All rows, the place of the own ones, and the gradient of sum over processes of weight * rows."""
    x = parts[rank()].clone().requires_grad_()
    rows, start = gather(x)
    (rows * weights[rank()]).sum().backward()
    return rows.detach(), start, x.grad


def counted(numbers: Sequence[int]) -> list[int]:
    return counts(numbers[rank()])


def share_of_mean(parts: Sequence[Tensor]) -> Tensor:
    return mean(parts[rank()])


# ---- losses --------------------------------------------------------------------------------
def share_of_nt_xent(
    first: Sequence[Tensor], second: Sequence[Tensor], temperature: float
) -> tuple[Tensor, Gradients]:
    pair = [part[rank()].clone().requires_grad_() for part in (first, second)]
    loss = nt_xent(*pair, temperature)
    return loss.detach(), torch.autograd.grad(loss, pair)


def share_of_coarse_to_fine(
    first: Mapping[str, Sequence[Tensor]], second: Mapping[str, Sequence[Tensor]]
) -> dict[str, Tensor]:
    own = [{level: parts[rank()] for level, parts in side.items()} for side in (first, second)]
    return coarse_to_fine(*own)


def share_of_cross_entropy(
    logits: Sequence[Tensor], labels: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    own = logits[rank()].clone().requires_grad_()
    loss = cross_entropy(own, labels[rank()])
    return loss.detach(), torch.autograd.grad(loss, own)[0]


# ---- batch normalisation -------------------------------------------------------------------
def normalised(
    norm: BatchNorm2d,
    parts: Sequence[Tensor],
    gradients: Sequence[Tensor],
    weights: Sequence[Tensor] | None,
) -> dict[str, Tensor]:
    """Output and gradients of two batches in a row (two running updates), and the statistics."""
    norm = copy.deepcopy(norm)  # what was sent lies in memory that the processes share
    x = parts[rank()].clone().requires_grad_()
    with sample_weights(None if weights is None else weights[rank()]):
        norm(x.detach() * 2 + 1)
        y = norm(x)
    y.backward(gradients[rank()])
    buffers = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    return {
        "y": y.detach(), "x": x.grad, "weight": norm.weight.grad, "bias": norm.bias.grad, **buffers,
    }  # fmt: skip


# ---- a step of PSP -------------------------------------------------------------------------
class DoubleData(ResidentData):
    """The store in float64, so that processes can be compared to the last digits."""

    def clips(self, *arguments: Any, **named: Any) -> Any:
        clips = super().clips(*arguments, **named)
        return dataclasses.replace(clips, streams={s: x.double() for s, x in clips.streams.items()})


def psp_step(
    path: Path, options: Mapping[str, Any], labelled: Sequence[int], unlabelled: Sequence[int]
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """Terms, gradients and buffers after one step on the process's part of the rows."""
    store = open_store(path)
    data = DoubleData(store, torch.device("cpu"))
    method = _double_psp(store, options)
    rows, rest = (np.array(part)[own_part()] for part in (labelled, unlabelled))
    terms = method.losses(joint_step(data.clips(rows), data.labels_of(rows), data.clips(rest)))
    torch.stack(list(terms.values())).sum().backward()
    terms = complete(method.parameters(), terms)
    return (
        {name: term.detach() for name, term in terms.items()},
        {name: p.grad for name, p in method.named_parameters()},
        dict(method.named_buffers()),
    )


def scores_of(path: Path, options: Mapping[str, Any], rows: Sequence[int], batch: int) -> Any:
    """Logits and labels of rows by `score_divided`."""
    store = open_store(path)
    data = ResidentData(store, torch.device("cpu"))
    method = _double_psp(store, options).float()
    classes = len(store.dataset.classes)
    scores = score_divided(method, data, np.array(rows, dtype=np.int64), classes, batch)
    return scores.logits, scores.labels


def _double_psp(store: Any, options: Mapping[str, Any]) -> Method:
    torch.manual_seed(0)
    classes = len(store.dataset.classes)
    facts = DataFacts(store.dataset.id, store.layout, classes, store.persons, store.frames)
    return made("psp", facts, options, blocks=SMALL_BLOCKS).double()


# ---- runs ----------------------------------------------------------------------------------
def double_run(path: Path, out: Path, overrides: Sequence[str], **options: Any) -> Run:
    """A run that computes in float64."""
    run = new_run(
        path, ratio="0.2", recipe="tiny", overrides=overrides, out=out, device="cpu", **options
    )
    run.method.double()
    run.data.__class__ = DoubleData
    return run


def trained(
    path: Path, out: Path, overrides: Sequence[str], stops: Sequence[int | None]
) -> list[Outcome]:
    """Train a run in several stretches, each resuming the one before."""
    outcomes = []
    for number, stop in enumerate(stops):
        run = double_run(path, out, overrides, resume=number > 0)
        outcomes.append(train(run, resume=number > 0, stop_at=stop))
    return outcomes


def signalled(path: Path, out: Path, overrides: Sequence[str], at: int, to: int) -> str:
    """Train until one process gets a signal after step ``at``; the message of the interruption."""

    def advanced(step: int, status: str) -> None:
        if step == at and rank() == to:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        train(double_run(path, out, overrides), advanced=advanced)
    except InterruptedRunError as error:
        return str(error)
    raise AssertionError("the run was not interrupted")


def refusal(path: Path, out: Path, overrides: Sequence[str]) -> tuple[str, str]:
    """Type and message of the error that making a run ends with."""
    try:
        double_run(path, out, overrides)
    except PspmodelError as error:
        return type(error).__name__, str(error)
    raise AssertionError("nothing was refused")


def spoiled(path: Path, out: Path, overrides: Sequence[str], where: int) -> str:
    """Train with a loss term that is not finite in one process; the message."""
    run = double_run(path, out, overrides)
    losses = run.method.losses

    def broken(*batch: Any) -> Any:
        terms = dict(losses(*batch))
        if rank() == where:
            terms["contrast/part"] = terms["contrast/part"] * float("nan")
        return terms

    run.method.losses = broken  # type: ignore[method-assign]
    try:
        train(run)
    except PspmodelError as error:
        return str(error)
    raise AssertionError("nothing went wrong")


def only_first(folder: Path, fail: bool) -> tuple[int, str]:
    """What `on_first` gives: the process that acted, or the error that it had."""

    def action() -> int:
        (folder / f"by-{rank()}").write_text("")
        if fail:
            raise PspmodelError("the disk is full")
        return rank() + 10

    try:
        return on_first(action), ""
    except PspmodelError as error:
        return -1, str(error)
