"""How evenly a split covers the classes, people, cameras and recordings of its training part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from skeldata.datasets import Dataset, get_dataset
from skeldata.errors import UsageError
from skeldata.names import SampleName
from skeldata.splits.listing import names_digest
from skeldata.splits.pool import training_names
from skeldata.splits.split import Split, some

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """One class, subject, camera, setup or replication.

    Attributes:
        value: 0-based class label, else the number in the sample names.
        labelled: how many of its training clips are labelled.
        training: how many training clips it has.
    """

    value: int
    labelled: int
    training: int

    @property
    def share(self) -> float:
        """The labelled part, 0 to 1."""
        return self.labelled / self.training


@dataclass(frozen=True)
class Balance:
    """Labelled and training clips of a split, counted by every factor that names tell.

    Attributes:
        split: what was counted.
        labelled: how many training clips are labelled.
        training: how many there are.
        factors: ``class``, ``subject``, ``camera`` (NW-UCLA: its view), for NTU also ``setup`` and
            ``replication``: one cell for each value that the training part has, in order. The
            cells of every factor add up to ``labelled`` and ``training``.
        warnings: what has no labelled clip, and what does not fit; one line each.
    """

    split: Split
    labelled: int
    training: int
    factors: dict[str, tuple[Cell, ...]]
    warnings: tuple[str, ...]

    @property
    def share(self) -> float:
        """The labelled part of the training clips, 0 to 1."""
        return self.labelled / self.training

    def title_of(self, factor: str, cell: Cell) -> str:
        """A cell's value as people read it: a class with its name."""
        return _title(get_dataset(self.split.dataset), factor, cell.value)


def balance(split: Split, names: Iterable[str] | None = None) -> Balance:
    """Count a split's labelled clips against its training part.

    Args:
        split: any, if it says its protocol.
        names: a store's names (test names are passed over); None: the official ones.

    Raises:
        UsageError: the split says no protocol, was drawn from a store whose names are not given,
            or the names are of another dataset or hold no training name.

    >>> from skeldata.splits.published import published
    >>> found = balance(published("x-car"))
    >>> found.labelled, {cell.labelled for cell in found.factors["class"]}
    (1980, {33})
    >>> found.warnings[0]
    'subjects without a labelled clip: 5, 9, 14, 34 (1,786 of 40,091 training clips)'
    """
    facts = get_dataset(split.dataset)
    if split.protocol is None:
        raise UsageError(f"{split.title} says no protocol, so it has no training part to count by")
    if names is None and split.base == "store":
        raise UsageError(f"{split.title} was drawn from a store; give that store too")
    pool = training_names(split.dataset, split.protocol, names)
    if not pool:
        raise UsageError(f"no training names of {split.dataset} {split.protocol} to count by")
    training = [facts.require_name(text) for text in pool]
    chosen = frozenset(split.names)
    labelled = [name for name in training if name.text in chosen]
    factors = {
        factor: _cells(value_of, labelled, training) for factor, value_of in _factors(facts).items()
    }
    warnings = _warnings(factors, facts, len(training))
    if outside := sorted(chosen.difference(pool)):
        warnings.append(
            f"{len(outside)} labelled names are not among the training names and are not counted: "
            f"{some(outside)}"
        )
    if split.base == "store" and names_digest(pool) != split.base_digest:
        warnings.append("the split was drawn from other training names than these (base_digest)")
    return Balance(split, len(labelled), len(training), factors, tuple(warnings))


def _title(dataset: Dataset, factor: str, value: int) -> str:
    return f"{value} ({dataset.classes[value]})" if factor == "class" else str(value)


def _factors(dataset: Dataset) -> dict[str, Callable[[SampleName], int]]:
    factors: dict[str, Callable[[SampleName], int]] = {
        "class": lambda name: dataset.labels[name.action],
        "subject": lambda name: name.subject,
        "camera": lambda name: name.camera,
    }
    if dataset.family == "ntu":
        factors["setup"] = lambda name: name.setup or 0
        factors["replication"] = lambda name: name.replication
    return factors


def _cells(
    value_of: Callable[[SampleName], int], labelled: list[SampleName], training: list[SampleName]
) -> tuple[Cell, ...]:
    chosen, every = Counter(map(value_of, labelled)), Counter(map(value_of, training))
    return tuple(Cell(value, chosen[value], every[value]) for value in sorted(every))


def _warnings(factors: dict[str, tuple[Cell, ...]], dataset: Dataset, training: int) -> list[str]:
    """One line for each factor with values that no labelled clip has."""
    warnings = []
    for factor, cells in factors.items():
        empty = [cell for cell in cells if not cell.labelled]
        if empty:
            clips = sum(cell.training for cell in empty)
            titles = some([_title(dataset, factor, cell.value) for cell in empty], _SHOWN)
            what = "classes" if factor == "class" else f"{factor}s"
            warnings.append(
                f"{what} without a labelled clip: {titles} "
                f"({clips:,} of {training:,} training clips)"
            )
    return warnings
