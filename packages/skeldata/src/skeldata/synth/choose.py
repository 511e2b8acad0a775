"""Which official names a small synthetic dataset takes, so that every prefix is balanced."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence

from skeldata.datasets import Dataset
from skeldata.errors import UsageError
from skeldata.names import SampleName

Cell = tuple[Hashable, ...]  # a side of every protocol that is not by camera, and the camera


def choose_names(
    dataset: Dataset, samples: int, actions: Iterable[int] | None = None
) -> tuple[str, ...]:
    """Choose official sample names; fewer samples give a prefix of more.

    Actions take turns. Within an action, and then over all, the least used combination of protocol
    sides and camera comes next, and in it the least used subject.

    Raises:
        UsageError: an action that the dataset lacks, or more samples than there are names.

    >>> from skeldata.datasets import get_dataset
    >>> [name[-4:] for name in choose_names(get_dataset("ntu60"), 4, actions=[9, 2])]
    ['A002', 'A009', 'A002', 'A009']
    """
    wanted = sorted(dataset.labels if actions is None else set(actions))
    unknown = [action for action in wanted if action not in dataset.labels]
    if unknown:
        raise UsageError(
            f"{dataset.id} has no action {unknown[0]}; it has {_ranges(list(dataset.labels))}"
        )
    pools = _pools(dataset, frozenset(wanted))
    available = sum(map(len, pools.values()))
    if not 1 <= samples <= available:
        raise UsageError(
            f"cannot write {samples} samples: {dataset.id} has 1 to {available} for these actions"
        )
    overall = _Usage()
    chosen: list[str] = []
    while True:
        for action in wanted:
            if len(chosen) == samples:
                return tuple(chosen)
            if pools[action]:
                chosen.append(pools[action].take(overall))


class _Usage:
    """How often each cell, part of a cell, subject and setup has been taken."""

    def __init__(self) -> None:
        self.cells: Counter[Cell] = Counter()
        self.parts: Counter[tuple[int, Hashable]] = Counter()
        self.subjects: Counter[int] = Counter()
        self.setups: Counter[int | None] = Counter()

    def add(self, cell: Cell, name: SampleName) -> None:
        self.cells[cell] += 1
        self.parts.update(enumerate(cell))
        self.subjects[name.subject] += 1
        self.setups[name.setup] += 1

    def of_parts(self, cell: Cell) -> int:
        return sum(self.parts[part] for part in enumerate(cell))


class _Pool:
    """The names of one action that are left, by cell, in an order without meaning."""

    def __init__(self) -> None:
        self.cells: dict[Cell, list[SampleName]] = defaultdict(list)
        self.used = _Usage()

    def __len__(self) -> int:
        return sum(map(len, self.cells.values()))

    def take(self, overall: _Usage) -> str:
        """Remove and return the name that balances best, by usage in its action, then overall."""
        used = self.used

        def cell_use(cell: Cell) -> tuple[int, ...]:
            return (
                used.cells[cell],
                used.of_parts(cell),
                overall.cells[cell],
                overall.of_parts(cell),
            )

        def name_use(name: SampleName) -> tuple[int, ...]:
            subject = name.subject
            return used.subjects[subject], overall.subjects[subject], overall.setups[name.setup]

        cell = min((cell for cell, names in self.cells.items() if names), key=cell_use)
        name = min(self.cells[cell], key=name_use)
        self.cells[cell].remove(name)
        used.add(cell, name)
        overall.add(cell, name)
        return name.text


def _pools(dataset: Dataset, actions: frozenset[int]) -> dict[int, _Pool]:
    pools = {action: _Pool() for action in sorted(actions)}
    names = [dataset.require_name(text) for text in dataset.official_names()]
    # Cameras in equal parts already say what a protocol's sides get that are made of cameras.
    protocols = [
        protocol
        for protocol in dataset.protocols.values()
        if len({(name.camera, protocol.is_train(name)) for name in names})
        > len({name.camera for name in names})
    ]
    # Sorted names would always take the first setups and replications; hashes take any.
    for name in sorted(names, key=lambda n: hashlib.sha256(n.text.encode("ascii")).digest()):
        if name.action in actions:
            sides = (protocol.is_train(name) for protocol in protocols)
            pools[name.action].cells[(*sides, name.camera)].append(name)
    for pool in pools.values():
        pool.cells = dict(sorted(pool.cells.items()))
    return pools


def _ranges(numbers: Sequence[int]) -> str:
    """Whole numbers as text, runs joined.

    >>> _ranges([1, 2, 3, 8, 11, 12])
    '1-3, 8, 11-12'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
