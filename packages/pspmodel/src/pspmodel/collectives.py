"""What the processes of one run compute together; a single process does it alone, at no cost.

A run on N processes minimises a sum of N shares, one a process: each takes its own clips, divides by
the *global* count, and so the shares of a mean add up to the mean. Gradients then are sums too: a
collective's backward pass adds up what its output meant to every process.

Tensors are exchanged by the default process group where they live (gloo on the CPU, NCCL on CUDA),
numbers of the host always on the CPU, so that no exchange waits for a GPU.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from pspmodel.errors import PspmodelError


def world_size() -> int:
    """How many processes share the run; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number, 0 for the one that writes and prints."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def add_up(x: Tensor) -> Tensor:
    """Replace ``x`` by the sum of all processes' tensors of that shape, without gradients.

    Raises:
        PspmodelError: another process is gone.
    """
    if world_size() > 1:
        _all_reduce(x, dist.ReduceOp.SUM)
    return x


def all_sum(x: Tensor) -> Tensor:
    """Sum of all processes' tensors of one shape; differentiable."""
    if world_size() == 1:
        return x
    total: Tensor = _AllSum.apply(x)  # type: ignore[no-untyped-call]
    return total


def mean(values: Tensor) -> Tensor:
    """This process's share of the mean over the values of all processes: shares add up to it."""
    return values.sum() / sum(counts(values.numel()))


def gather(rows: Tensor) -> tuple[Tensor, int]:
    """Rows of all processes, one process after the other; differentiable.

    Args:
        rows: (n, ...), n may differ between processes.

    Returns:
        (n of all, ...) rows, and the place of this process's first one.
    """
    if world_size() == 1:
        return rows, 0
    sizes = counts(len(rows))
    before = sum(sizes[: rank()])
    behind = sum(sizes) - before - len(rows)
    # A sum of tensors that are zero outside each process's own rows: nothing need be of equal size.
    placed = F.pad(rows, (0, 0) * (rows.ndim - 1) + (before, behind))
    return all_sum(placed), before


def counts(count: int) -> list[int]:
    """A number of each process, in the order of their ranks."""
    if world_size() == 1:
        return [count]
    numbers = torch.zeros(world_size(), dtype=torch.int64)
    numbers[rank()] = count
    _all_reduce(numbers, dist.ReduceOp.SUM)
    return numbers.tolist()


def largest(number: int) -> int:
    """The largest of the processes' numbers; all of them wait for each other here."""
    return max(counts(number))


class _AllSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return add_up(x.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return add_up(gradients[0].clone(memory_format=torch.contiguous_format))


def _all_reduce(x: Tensor, operation: Any) -> None:
    with reaching_others():
        dist.all_reduce(x, operation)


@contextmanager
def reaching_others() -> Iterator[None]:
    """Turn a failed exchange into one line.

    Raises:
        PspmodelError: another process is gone.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # gloo and NCCL: connection closed, timed out
        reason = re.sub(r"^\[\S+\] ", "", str(error).splitlines()[0]).split(". ")[0]
        raise PspmodelError(
            f"process {rank()} of {world_size()} cannot reach the others: {reason}; "
            "if no other message says why, one of them was killed: repeat the command with --resume"
        ) from error
