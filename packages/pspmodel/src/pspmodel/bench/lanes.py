"""Where each variant runs while it is measured: on a CPU in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Literal, Protocol, TypeVar

import torch

from pspmodel.bench.contest import Contest, Settings
from pspmodel.bench.launches import launches
from pspmodel.bench.measure import Seconds, cuda_peak, process_peak, timed
from pspmodel.bench.sides import OurSide, PlainSide, Precision, Side
from pspmodel.errors import OutOfMemoryError
from pspmodel.heap import keep_freed_memory

Work = Literal["step", "evaluate"]
T = TypeVar("T")

BASELINE = "baseline"

_WARM_UP = 4
"""Steps before the clock starts: on a CPU the first ones take their memory from the system page by
page, which costs the baseline as much again as its arithmetic; training soon has what it needs."""


@dataclass(frozen=True)
class Variant:
    """One way of training: ``baseline``, or ours in a precision, compiled or not."""

    precision: Precision | None
    compiled: bool = False

    @property
    def name(self) -> str:
        """As the report calls it.

        >>> Variant("bf16", compiled=True).name
        'bf16 compiled'
        """
        return BASELINE if self.precision is None else self.precision + self.compiled * " compiled"

    def side(self, contest: Contest) -> Side:
        """The side that trains so, with fresh weights."""
        if self.precision is None:
            return PlainSide(contest)
        return OurSide(contest, self.precision, compiled=self.compiled)


class Lane(Protocol):
    """A variant that is ready to be measured."""

    def warm_up(self) -> int | None:
        """Run some steps; operations that one of them dispatches, None where compiled."""
        ...

    def timed(self, work: Work, repeats: int) -> Seconds:
        """See `measure.timed`."""
        ...

    def peak(self) -> int | None:
        """Most bytes that a step takes, of GPU or main memory; None where that cannot be said."""
        ...


class Here:
    """In this process, which on a GPU costs nobody anything."""

    def __init__(self, contest: Contest, variant: Variant) -> None:
        self._variant = variant
        self._side = variant.side(contest)

    def warm_up(self) -> int | None:
        """See `Lane`."""
        counted = None if self._variant.compiled else launches(self._side.step)
        for _ in range(_WARM_UP - (counted is not None)):
            self._side.step()
        return counted

    def timed(self, work: Work, repeats: int) -> Seconds:
        """See `Lane`."""
        return timed(getattr(self._side, work), self._side.contest.device, repeats)

    def peak(self) -> int | None:
        """See `Lane`; in this process with all that it has done."""
        device = self._side.contest.device
        if device.type == "cuda":
            return cuda_peak(self._side.step, device)
        # A compiler's own memory would drown that of the step.
        return None if self._variant.compiled else process_peak()


class Apart:
    """In a process of its own, as somebody would run it who runs nothing else.

    In one process both sides would share what the C library keeps of freed memory, and how fast one
    is would depend on what the other leaves it.
    """

    def __init__(self, pool: ProcessPoolExecutor, settings: Settings, variant: Variant) -> None:
        self._pool = pool
        self._name = variant.name
        self._run(_prepare, settings, variant, torch.get_num_threads())

    def warm_up(self) -> int | None:
        """See `Lane`."""
        return self._run(_warm_up)

    def timed(self, work: Work, repeats: int) -> Seconds:
        """See `Lane`."""
        return self._run(_timed, work, repeats)

    def peak(self) -> int | None:
        """See `Lane`."""
        return self._run(_peak)

    def _run(self, function: Callable[..., T], *arguments: object) -> T:
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise OutOfMemoryError(
                f"the process that measured {self._name} was killed, most likely for want of memory; "
                "lower --unlabelled or --labelled"
            ) from error


@contextmanager
def lane(contest: Contest, variant: Variant) -> Iterator[Lane]:
    """Make a variant ready to be measured.

    Raises:
        OutOfMemoryError: its process was killed, now or while it is measured.
    """
    if contest.device.type == "cuda":
        yield Here(contest, variant)
        return
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield Apart(pool, contest.settings, variant)


# What follows runs in the process of a variant, where this is that variant.
_lane: Here | None = None


def _prepare(settings: Settings, variant: Variant, threads: int) -> None:
    global _lane
    torch.set_num_threads(threads)
    if variant.precision is not None:  # as every pspmodel command does, and a plain script does not
        keep_freed_memory()
    _lane = Here(Contest(settings), variant)


def _warm_up() -> int | None:
    assert _lane is not None
    return _lane.warm_up()


def _timed(work: Work, repeats: int) -> Seconds:
    assert _lane is not None
    return _lane.timed(work, repeats)


def _peak() -> int | None:
    assert _lane is not None
    return _lane.peak()
