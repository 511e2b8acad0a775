"""What a label split is: names, and where they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

from skeldata.datasets import Dataset, get_dataset
from skeldata.errors import UsageError
from skeldata.splits.arguments import percent_text
from skeldata.splits.listing import list_bytes, names_digest, parse_list

Rule = Literal["assl", "proportional"]
Origin = Literal["assl", "proportional", "list"]
"""A rule, or ``list`` for names from elsewhere."""
Base = Literal["official", "store"]


@dataclass(frozen=True)
class Split:
    """The labelled training names of one dataset, drawn by rule or given as a list.

    Attributes:
        dataset: ``ntu60``, ``ntu120`` or ``nw-ucla``.
        protocol: whose training names they are; None for a list that does not say.
        rule: ``assl`` or ``proportional`` for a draw, ``list`` for names from elsewhere.
        names: the labelled names, sorted.
        per_class: how many of them each class has, in label order, all classes of the dataset.
        ratio: canonical decimal, None for a list.
        seed: None for a list.
        base: drawn from the ``official`` training names or from those of a ``store``.
        base_count: how many training names it was drawn from.
        base_digest: digest of the training names it was drawn from.
        warnings: what a user must know, one line each.
        lacking: labelled names that the store at hand does not have.
        source: for a list, where it was found.
        credit: for a list, whose work it is.
    """

    dataset: str
    protocol: str | None
    rule: Origin
    names: tuple[str, ...]
    per_class: tuple[int, ...]
    ratio: Decimal | None = None
    seed: int | None = None
    base: Base | None = None
    base_count: int | None = None
    base_digest: str | None = None
    warnings: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    source: str | None = None
    credit: str | None = None

    @property
    def count(self) -> int:
        """How many names are labelled."""
        return len(self.names)

    @cached_property
    def digest(self) -> str:
        """SHA-256 hex of the sorted names, one a line: the split's identity."""
        return names_digest(self.names)

    @property
    def title(self) -> str:
        """One phrase for messages and reports."""
        where = self.dataset if self.protocol is None else f"{self.dataset} {self.protocol}"
        if self.ratio is None:
            return f"{where} list of {self.count:,}"
        return f"{where} {percent_text(self.ratio)} {self.rule} seed {self.seed}"

    @property
    def rounding(self) -> str | None:
        """What whole clips made of the ratio, where a class has one or the share is off by a tenth.

        >>> few = Split("nw-ucla", "xview", "assl", ("a01_s01_e00_v01", "a02_s01_e00_v01"), (1, 1),
        ...             ratio=Decimal("0.05"), base_count=12)
        >>> few.rounding
        '1 labelled clip a class: 2 of 12 training clips are labelled, 16.7 %, not the 5 % asked for'
        """
        if self.ratio is None or self.base_count is None or self.count == self.base_count:
            return None
        least, most = min(filter(None, self.per_class)), max(self.per_class)
        off = abs(self.count - self.ratio * self.base_count) * 10 > self.ratio * self.base_count
        if most > 1 and not off:
            return None
        each = f"{most}" if least == most else f"{least} to {most}"
        drawn = f"{100 * self.count / self.base_count:.1f}".removesuffix(".0")
        return (
            f"{each} labelled clip{'' if most == 1 else 's'} a class: {self.count:,} of "
            f"{self.base_count:,} training clips are labelled, {drawn} %"
            + (f", not the {percent_text(self.ratio)} asked for" if off else "")
        )

    @property
    def origin(self) -> str | None:
        """Which training names it was drawn from, in words; None for a list.

        The official ones for everybody whose store holds 99 % of them, so that all label the same
        clips; else the store's own.
        """
        if self.base is None:
            return None
        whose = "the official" if self.base == "official" else "the store's own"
        return f"{whose} {self.base_count:,} training names"


def list_split(
    dataset: str,
    names: Iterable[str],
    protocol: str | None = None,
    *,
    source: str | None = None,
    credit: str | None = None,
) -> Split:
    """Make a split of names from elsewhere, in any order.

    Args:
        dataset: id.
        names: at least one; each a valid name, once, and of the protocol's training part.
        protocol: None if the list does not say.
        source: where the list was found.
        credit: whose work it is.

    Raises:
        UsageError: an unknown dataset or protocol, or a name that does not belong.
    """
    facts = get_dataset(dataset)
    division = None if protocol is None else facts.protocol(protocol)
    given = sorted(names)
    if not given:
        raise UsageError("the list has no names")
    for text in given:
        facts.require_name(text)
    checked, findings = parse_list(list_bytes(given), "list", facts, division)
    if findings:
        raise UsageError(findings[0].problem)
    return Split(
        dataset=dataset,
        protocol=protocol,
        rule="list",
        names=checked,
        per_class=count_per_class(facts, checked),
        source=source,
        credit=credit,
    )


def count_per_class(dataset: Dataset, names: Iterable[str]) -> tuple[int, ...]:
    """How many of the names each class has, in label order; zero where it has none."""
    counts = Counter(map(dataset.label_of, names))
    return tuple(counts[label] for label in range(len(dataset.classes)))


def some(texts: Sequence[str], limit: int = 3) -> str:
    """The first few of many, and how many more there are.

    >>> some(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    rest = len(texts) - limit
    return ", ".join(texts[:limit]) + (f" and {rest} more" if rest > 0 else "")
