"""Compare two splits: which names they share and how their classes differ."""

from __future__ import annotations

from dataclasses import dataclass

from skeldata.datasets import get_dataset
from skeldata.errors import UsageError
from skeldata.splits.split import Split


@dataclass(frozen=True)
class Comparison:
    """How two splits relate.

    Attributes:
        only_a: names of the first alone, sorted.
        only_b: names of the second alone, sorted.
        both: names of both, sorted.
        per_class: for each class label whose names differ: (only in A, only in B, in both).
    """

    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    both: tuple[str, ...]
    per_class: dict[int, tuple[int, int, int]]

    @property
    def identical(self) -> bool:
        """Whether both label exactly the same names."""
        return not self.only_a and not self.only_b


def compare_splits(a: Split, b: Split) -> Comparison:
    """Compare the names of two splits; rules, seeds and bases do not matter.

    Raises:
        UsageError: the two cannot share a name, being of different kinds of dataset.

    >>> from skeldata.splits.draw import draw
    >>> small, large = (draw("nw-ucla", "xview", ratio) for ratio in ("5%", "15%"))
    >>> found = compare_splits(small, large)
    >>> len(found.only_a), len(found.only_b), len(found.both)
    (0, 100, 50)
    """
    facts, others = get_dataset(a.dataset), get_dataset(b.dataset)
    if facts.family != others.family:
        raise UsageError(f"cannot compare names of {a.dataset} with names of {b.dataset}")
    facts = max(facts, others, key=lambda dataset: len(dataset.classes))
    parts = (
        sorted({*a.names} - {*b.names}),
        sorted({*b.names} - {*a.names}),
        sorted({*a.names} & {*b.names}),
    )
    table: dict[int, list[int]] = {}
    for place, names in enumerate(parts):
        for text in names:
            label = facts.label_of(text)
            table.setdefault(label, [0, 0, 0])[place] += 1
    per_class = {
        label: (only_a, only_b, both)
        for label, (only_a, only_b, both) in sorted(table.items())
        if only_a or only_b
    }
    return Comparison(tuple(parts[0]), tuple(parts[1]), tuple(parts[2]), per_class)
