"""Time in alternation, and peak memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

_SHORTEST = 0.1  # seconds: a measurement repeats its step until it takes that long


class Seconds(NamedTuple):
    """Time of one step.

    Attributes:
        wall: by the clock.
        cpu: of the processor, all threads together: on a busy machine the fairer of the two, and
            with a GPU what it takes to feed it.
    """

    wall: float
    cpu: float


def alternate(
    timers: Mapping[str, Callable[[int], Seconds]],
    rounds: int,
    advanced: Callable[[], object] = lambda: None,
) -> dict[str, list[Seconds]]:
    """Time several steps in turn, so that what else the machine does falls on all alike.

    Args:
        timers: by name, what takes a number of repeats and returns the time of one, see `timed`;
            each is called once more before, to see how long a step takes.
        rounds: measurements of each.
        advanced: called after each measurement.

    Returns:
        For each name the time of one step in each round.
    """
    repeats = {name: math.ceil(_SHORTEST / timer(1).wall) for name, timer in timers.items()}
    seconds: dict[str, list[Seconds]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            seconds[name].append(timer(repeats[name]))
            advanced()
    return seconds


def timed(step: Callable[[], object], device: torch.device, repeats: int) -> Seconds:
    """Time of one step on a device, the mean over several in a row."""
    _wait(device)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        step()
    _wait(device)
    return Seconds((time.perf_counter() - wall) / repeats, (time.process_time() - cpu) / repeats)


def ratio(baseline: Sequence[float], other: Sequence[float]) -> float:
    """How many times faster: the median over pairs measured one after the other.

    >>> ratio([4.0, 6.0, 9.0], [2.0, 2.0, 3.0])
    3.0
    """
    return median(slow / fast for slow, fast in zip(baseline, other, strict=True))


def cuda_peak(step: Callable[[], object], device: torch.device) -> int:
    """Most bytes that PyTorch held on a CUDA device during a step, what lay there before included."""
    torch.cuda.reset_peak_memory_stats(device)
    step()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device)


def process_peak() -> int | None:
    """Most bytes of main memory that this process has held; None where the system does not say."""
    # Not getrusage: its maximum may be that of the parent, from before the program was replaced.
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return 1024 * int(fields["VmHWM"].split()[0])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
