"""What several ``skeldata splits`` commands share."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from skeldata.errors import UsageError
from skeldata.progress import Progress

if TYPE_CHECKING:
    from skeldata.datasets import Dataset
    from skeldata.splits import Split

EXIT_MISMATCH = 4
SHOWN_AFTER = 1.0
"""Seconds."""


def options(*several: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Several options as one decorator, in the order of ``--help``."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(several):
            command = option(command)
        return command

    return decorate


PROTOCOL = click.option(
    "--protocol", help="xsub, xview or xset; may be left out where there is one."
)
RULE = click.option(
    "--rule",
    type=click.Choice(["assl", "proportional"]),
    default="assl",
    show_default=True,
    help="Fixed counts per class, or the same share of every class.",
)
SEED = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draw."
)
RATIO = click.option("--ratio", help='Labelled share, an exact decimal: "0.05" or "5%".')
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class LateProgress:
    """Progress that shows itself once the work has lasted a second; as a context manager.

    Args:
        description: what is being done.
        unit: what an item is.
    """

    def __init__(self, description: str, unit: str) -> None:
        self._progress = Progress(None, description, unit)
        self._shown = False

    def __enter__(self) -> LateProgress:
        self._start = time.monotonic()
        return self

    def __call__(self, done: int, total: int) -> None:
        """Say that ``done`` of ``total`` items are done."""
        if self._shown:
            self._progress.update(done)
        elif time.monotonic() - self._start >= SHOWN_AFTER:
            self._shown = True
            self._progress.__enter__()
            self._progress.begin(total, done)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            self._progress.__exit__(kind, error, trace)


def protocol_of(dataset: Dataset, name: str | None) -> str:
    """The protocol asked for, or the only one there is."""
    if name is not None:
        return dataset.protocol(name).name
    if len(dataset.protocols) > 1:
        known = ", ".join(dataset.protocols)
        raise UsageError(f"{dataset.id} has several protocols; give --protocol, one of: {known}")
    return next(iter(dataset.protocols))


def stored(path: Path) -> tuple[str, tuple[str, ...]]:
    """Dataset id and sample names of a store."""
    from skeldata.store import open_store

    store = open_store(path)
    return store.dataset.id, tuple(store.names)


def dataset_of(store: Path, of_store: str, dataset: str | None) -> str:
    """The dataset of a store, which ``--dataset`` must not contradict."""
    if dataset not in (None, of_store):
        raise UsageError(f"{store} is a store of {of_store}, not of {dataset}; drop --dataset")
    return of_store


def given(*parameters: str) -> list[str]:
    """Which of the current command's options were written on the command line."""
    context = click.get_current_context()
    source = click.core.ParameterSource.COMMANDLINE
    return [f"--{p}" for p in parameters if context.get_parameter_source(p) is source]


def summary(split: Split) -> dict[str, Any]:
    """A split as JSON has it, without its names."""
    from skeldata.splits import format_ratio

    return {
        "dataset": split.dataset,
        "protocol": split.protocol,
        "rule": split.rule,
        "ratio": None if split.ratio is None else format_ratio(split.ratio),
        "seed": split.seed,
        "base": split.base,
        "count": split.count,
        "digest": split.digest,
        "per_class": split.per_class,
        "warnings": split.warnings,
        "source": split.source,
        "credit": split.credit,
    }
