"""Progress for long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Counts finished items on standard error; use as a context manager.

    Args:
        total: items in all, or None if unknown.
        description: what is being done, e.g. ``preparing``.
        unit: what an item is, e.g. ``files``.
    """

    def __init__(self, total: int | None, description: str, unit: str = "items") -> None:
        self.total = total
        self.description = description
        self.unit = unit
        self.done = 0
        self.note = ""

    def __enter__(self) -> Progress:
        self._start = self._last_line = time.monotonic()
        self._first = self._printed = 0
        self._bar = _bar(self.total, self.description, self.unit) if sys.stderr.isatty() else None
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()
        elif kind is None and self.done != self._printed:
            self._print_line()

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Say that ``count`` more items are done; ``note`` is shown behind the numbers."""
        self.update(self.done + count, note)

    def begin(self, total: int, done: int = 0) -> None:
        """Say how many items there are, ``done`` of them by an earlier run (not in the rate)."""
        self.total = total
        self._first = done
        if self._bar:
            self._bar.update(self._bar.task_ids[0], total=total)
        self.update(done)

    def update(self, done: int, note: str | None = None) -> None:
        """Say that ``done`` items are done in all."""
        self.done = done
        self.note = self.note if note is None else note
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=done, note=self.note)
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._print_line()

    def _print_line(self) -> None:
        self._last_line, self._printed = time.monotonic(), self.done
        seconds = max(self._last_line - self._start, 1e-9)
        rate = (self.done - self._first) / seconds
        of = f"/{self.total:,}" if self.total else ""
        left = (self.total - self.done) / rate if self.total and rate else 0.0
        text = f"{self.description}: {self.done:,}{of} {self.unit}, {rate:,.1f}/s"
        text += f", {left:.0f} s left" if left >= 1 else f", {seconds:.1f} s"
        print(f"{text}{'  ' + self.note if self.note else ''}", file=sys.stderr, flush=True)


def track(
    iterable: Iterable[Item], *, total: int | None, description: str, unit: str = "items"
) -> Iterator[Item]:
    """Yield the items of ``iterable``, showing progress."""
    with Progress(total, description, unit) as progress:
        for item in iterable:
            yield item
            progress.advance()


def _bar(total: int | None, description: str, unit: str):  # type: ignore[no-untyped-def]
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task) -> Text:  # type: ignore[no-untyped-def]
            return Text(f"{task.speed:,.1f} {unit}/s" if task.speed else "", style="cyan")

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
    )
    bar.add_task(description, total=total, note="")
    return bar
