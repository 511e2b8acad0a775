"""Compare two splits: which names they share, and where their descriptions differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from skeldata.datasets import Dataset, get_dataset
from skeldata.errors import UsageError
from skeldata.splits.arguments import format_ratio
from skeldata.splits.split import Split

Value = str | int | None
COMPARED = ("dataset", "protocol", "rule", "ratio", "seed", "base", "base_count", "base_digest")


@dataclass(frozen=True)
class Comparison:
    """How two splits relate.

    Attributes:
        dataset: whose classes ``per_class`` counts, the larger of the two.
        only_a: names of the first alone, sorted.
        only_b: names of the second alone, sorted.
        both: names of both, sorted.
        per_class: for each class label whose names differ: (only in A, only in B, in both).
        differ: what the two say differently of where their names come from: key of the manifest ->
            (A's value, B's value). What only a drawn split has, such as a seed, is compared if both
            are drawn; a protocol is None where one does not say it.
    """

    dataset: Dataset = field(repr=False)
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    both: tuple[str, ...]
    per_class: dict[int, tuple[int, int, int]]
    differ: dict[str, tuple[Value, Value]]

    @property
    def identical(self) -> bool:
        """Whether both label exactly the same names, so that their digests agree."""
        return not self.only_a and not self.only_b

    @property
    def verdict(self) -> str:
        """How they relate, in a phrase."""
        if self.identical:
            return "the same names, described differently" if self.differ else "the same split"
        if not self.both:
            return "different: no name in common"
        if not self.only_a:
            return "different: A is part of B"
        return "different: B is part of A" if not self.only_b else "different"


def compare_splits(a: Split, b: Split) -> Comparison:
    """Compare two splits.

    Raises:
        UsageError: the two cannot share a name, being of different kinds of dataset.

    >>> from skeldata.splits.draw import draw
    >>> small, large = (draw("nw-ucla", "xview", ratio) for ratio in ("5%", "15%"))
    >>> found = compare_splits(small, large)
    >>> len(found.only_a), len(found.only_b), len(found.both), found.differ
    (0, 100, 50, {'ratio': ('0.05', '0.15')})
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
        label: (counts[0], counts[1], counts[2])
        for label, counts in sorted(table.items())
        if counts[0] or counts[1]
    }
    said = {key: (_value(a, key), _value(b, key)) for key in COMPARED}
    differ = {
        key: (one, other)
        for key, (one, other) in said.items()
        if one != other and (key == "protocol" or None not in (one, other))
    }
    only_a, only_b, both = map(tuple, parts)
    return Comparison(facts, only_a, only_b, both, per_class, differ)


def _value(split: Split, key: str) -> Value:
    value = getattr(split, key)
    return format_ratio(value) if isinstance(value, Decimal) else value
