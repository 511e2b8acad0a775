"""Training on several processes: start together, divide the work, agree, end with one message."""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.distributed import PrefixStore, Store  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from pspmodel.collectives import add_up, gather, largest, rank, reaching_others, world_size
from pspmodel.data.resident import ResidentData
from pspmodel.errors import PspmodelError, UsageError
from pspmodel.evaluate.scores import Scores, default_batch, score
from pspmodel.methods.base import Method

Result = TypeVar("Result")

_SECONDS_TO_REPORT = timedelta(seconds=10)


# ---- start and end -------------------------------------------------------------------------
@contextmanager
def processes() -> Iterator[None]:
    """Join the processes that ``torchrun`` started; without it there is one, and nothing to do.

    An error of one process ends all. The first to have one raises it; the others, which lose touch
    or have the same error, leave without a word.
    """
    if not os.environ.keys() >= {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}:
        yield
        return
    store, number, count = next(rendezvous("env://"))
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
        store=PrefixStore(f"pspmodel/{attempt}/collectives", store),
        rank=number,
        world_size=count,
    )
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if not _first_to_fail(PrefixStore(f"pspmodel/{attempt}/failure", store)):
            raise SystemExit(getattr(error, "exit_code", 1)) from None
        raise
    dist.destroy_process_group()


def _first_to_fail(store: Store) -> bool:
    """Whether this process may report; otherwise wait until the one that may has done so."""
    with suppress(RuntimeError):  # the process that keeps the store has ended: report, to be safe
        if store.add("claims", 1) > 1:
            # torchrun ends all processes once one has ended, which must not cut the report.
            with suppress(RuntimeError):
                store.wait(["reported"], _SECONDS_TO_REPORT)
            return False
        atexit.register(store.set, "reported", "yes")
    return True


def local_device() -> torch.device:
    """The GPU of this process, made its current one.

    Raises:
        UsageError: the machine has fewer GPUs than processes.
    """
    number, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= count:
        raise UsageError(
            f"{os.environ.get('LOCAL_WORLD_SIZE', number + 1)} processes on a machine with "
            f"{count} GPUs; start torchrun with --nproc-per-node {count}, or use --device cpu"
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


# ---- divide --------------------------------------------------------------------------------
def check_divisible(batch: int, name: str) -> None:
    """Refuse a batch that leaves a process without clips.

    Raises:
        UsageError: there are fewer clips than processes.
    """
    if batch < world_size():
        raise UsageError(
            f"{name} {batch} cannot be divided over {world_size()} processes; "
            f"use at most {batch}, or a larger batch"
        )


def own_part() -> slice:
    """Which positions of every batch are this process's: the parts of all of them are the batch."""
    return slice(rank(), None, world_size())


def complete(parameters: Iterable[Tensor], terms: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Make shares whole, in one exchange: gradients in place, loss terms as returned.

    All processes must have used the same parameters, as they do when no branch depends on the data.
    """
    if world_size() == 1:
        return terms
    gradients = [p.grad for p in parameters if p.grad is not None]
    values = torch.stack([term.detach() for term in terms.values()]).to(gradients[0])
    whole = add_up(torch.cat([*(gradient.flatten() for gradient in gradients), values]))
    sizes = [*(gradient.numel() for gradient in gradients), len(terms)]
    *parts, values = torch.split(whole, sizes)
    shaped = [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)]
    torch._foreach_copy_(gradients, shaped)
    return dict(zip(terms, values, strict=True))


def score_divided(
    method: Method,
    data: ResidentData,
    rows: NDArray[np.int64],
    classes: int,
    batch: int | None = None,
) -> Scores:
    """`score`, its batches dealt out to the processes: the same bits for all of them, sooner."""
    if world_size() == 1:
        return score(method, data, rows, batch=batch)
    batch = batch or default_batch(data.device)
    dealt = [
        np.flatnonzero(np.arange(len(rows)) // batch % world_size() == process)
        for process in range(world_size())
    ]
    own = rows[dealt[rank()]]
    logits = np.empty((0, classes), dtype=np.float32)
    if len(own):
        logits = score(method, data, own, batch=batch).logits
    whole = np.empty((len(rows), classes), dtype=np.float32)
    whole[np.concatenate(dealt)] = gather(torch.from_numpy(logits))[0].numpy()
    return Scores(whole, data.labels_of(rows).cpu().numpy())


# ---- agree ---------------------------------------------------------------------------------
def on_first(action: Callable[[], Result]) -> Result:
    """Do something on process 0 alone; all wait for it and get its result or its error."""
    if world_size() == 1:
        return action()
    outcome: list[tuple[Result | None, PspmodelError | None]] = [(None, None)]
    if rank() == 0:
        try:
            outcome = [(action(), None)]
        except PspmodelError as error:
            outcome = [(None, error)]
    with reaching_others():
        dist.broadcast_object_list(outcome, src=0, device=torch.device("cpu"))
    result, failure = outcome[0]
    if failure is not None:
        raise failure
    return result  # type: ignore[return-value]


def agreed_signal(received: str | None) -> str | None:
    """The signal that any process received, or None; all of them wait for each other here."""
    number = largest(signal.Signals[received] if received else 0)
    return signal.Signals(number).name if number else None
