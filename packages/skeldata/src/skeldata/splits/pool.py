"""The training names that a split is drawn from, and their order by hash.

key(name) = SHA-256 hex of ``skeldata-split/1|{dataset}|{protocol}|{seed}|{name}``; within each
class the training names are sorted by it. No random generator, index or file order takes part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from hashlib import sha256

from skeldata.datasets import Dataset, Protocol, get_dataset
from skeldata.errors import UsageError
from skeldata.names import SampleName
from skeldata.splits.listing import names_digest
from skeldata.splits.split import Base

SPLIT_FORMAT = "skeldata-split/1"
ENOUGH_OF_OFFICIAL = Fraction(99, 100)

ByClass = Mapping[int, tuple[str, ...]]
"""Names by 0-based class label."""


@dataclass(frozen=True)
class Pool:
    """The training names that are drawn from.

    Attributes:
        dataset: id.
        protocol: name.
        base: whether they are the ``official`` ones or a ``store``'s own.
        by_class: the names of each class that has one.
    """

    dataset: str
    protocol: str
    base: Base
    by_class: ByClass

    @cached_property
    def names(self) -> frozenset[str]:
        """All of them."""
        return frozenset(name for names in self.by_class.values() for name in names)

    @cached_property
    def digest(self) -> str:
        """Digest of all of them, as of any list."""
        return names_digest(self.names)

    def order(self, seed: int) -> ByClass:
        """The names of each class sorted by key."""
        if self.base == "official":
            return _official_order(self.dataset, self.protocol, seed)
        return sort_by_key(self.by_class, self.dataset, self.protocol, seed)


def name_key(dataset: str, protocol: str, seed: int, name: str) -> str:
    """SHA-256 hex that decides a name's place in its class.

    >>> name_key("nw-ucla", "xview", 0, "a01_s01_e00_v01")[:16]
    'ad2fa9000203f3a4'
    """
    return sha256(f"{SPLIT_FORMAT}|{dataset}|{protocol}|{seed}|{name}".encode()).hexdigest()


def training_names(
    dataset: str, protocol: str, names: Iterable[str] | None = None
) -> tuple[str, ...]:
    """The training names of a protocol, sorted: the official ones, or those among ``names``.

    Raises:
        UsageError: an unknown dataset or protocol, or a name of another dataset.

    >>> len(training_names("ntu60", "xsub")), len(training_names("ntu60", "xview"))
    (40091, 37646)
    """
    facts = get_dataset(dataset)
    division = facts.protocol(protocol)
    if names is None:
        return tuple(sorted(_official_pool(dataset, protocol).names))
    return tuple(sorted(text for text in names if division.is_train(facts.require_name(text))))


def own_names(dataset: Dataset, protocol: Protocol, names: Iterable[str] | None) -> ByClass | None:
    """A store's training names by class, each checked; None if none are given."""
    if names is None:
        return None
    return _by_class(dataset, protocol, map(dataset.require_name, names))


def choose_pool(dataset: Dataset, protocol: Protocol, own: ByClass | None) -> Pool:
    """The official names if a store holds at least 99 % of them, or none is given; else its own."""
    official = _official_pool(dataset.id, protocol.name)
    if own is None:
        return official
    held = sum(name in official.names for names in own.values() for name in names)
    if held >= ENOUGH_OF_OFFICIAL * len(official.names):
        return official
    return Pool(dataset.id, protocol.name, "store", own)


@lru_cache(maxsize=8)
def _official_pool(dataset: str, protocol: str) -> Pool:
    facts = get_dataset(dataset)
    division = facts.protocol(protocol)
    parsed = map(facts.require_name, facts.official_names())
    by_class = _by_class(facts, division, filter(division.is_train, parsed))
    return Pool(dataset, protocol, "official", by_class)


@lru_cache(maxsize=8)
def _official_order(dataset: str, protocol: str, seed: int) -> ByClass:
    return sort_by_key(_official_pool(dataset, protocol).by_class, dataset, protocol, seed)


def _by_class(dataset: Dataset, protocol: Protocol, names: Iterable[SampleName]) -> ByClass:
    """Training names by label, each checked."""
    seen: set[str] = set()
    groups: dict[int, list[str]] = {}
    for name in names:
        if not protocol.is_train(name):
            raise UsageError(
                f"{name.text} is not a training name of {dataset.id} {protocol.name} "
                f"({protocol.rule}); pass training names only, training_names() picks them"
            )
        if name.text in seen:
            raise UsageError(f"{name.text} is given twice; each name counts once")
        seen.add(name.text)
        groups.setdefault(dataset.labels[name.action], []).append(name.text)
    if not groups:
        raise UsageError(f"no training names of {dataset.id} {protocol.name} to draw from")
    return {label: tuple(groups[label]) for label in sorted(groups)}


def sort_by_key(by_class: ByClass, dataset: str, protocol: str, seed: int) -> ByClass:
    """Sort the names of each class by `name_key`."""
    return {
        label: tuple(sorted(names, key=lambda name: name_key(dataset, protocol, seed, name)))
        for label, names in by_class.items()
    }
