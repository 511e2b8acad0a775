"""The draw of labelled names: by hash, within each class, the first k.

The whole rule, as ``data_manifests/SCHEMA.md`` specifies it:

1. key(name) = SHA-256 hex of ``skeldata-split/1|{dataset}|{protocol}|{seed}|{name}``;
2. within each class sort the training names by key; the labelled names are the first k.

No random generator, index or file order takes part, so every platform and language agrees, and
a smaller k is always a part of a larger one.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import get_args

from skeldata.datasets import get_dataset
from skeldata.errors import UsageError
from skeldata.splits.arguments import check_seed, parse_ratio
from skeldata.splits.pool import ByClass, Pool, choose_pool, own_names, sort_by_key
from skeldata.splits.split import Rule, Split, some

_FIVE_PERCENT = Fraction(1, 20)


def rank_names(
    dataset: str, protocol: str, seed: int = 0, names: Iterable[str] | None = None
) -> dict[str, int]:
    """Rank of each training name within its class: it is labelled when rank < k.

    The ranks are those of the list that `draw` draws from. So a store that lacks a few official
    names keeps the official ranks, and names beyond the official list rank behind all of it.

    Args:
        dataset: id.
        protocol: name.
        seed: of the draw.
        names: a store's training names, any order; None for the official ones.

    Returns:
        0-based rank by name, sorted by name, for exactly the names asked for.

    Raises:
        UsageError: as `draw`.
    """
    facts = get_dataset(dataset)
    division = facts.protocol(protocol)
    check_seed(seed)
    own = own_names(facts, division, names)
    return ranks_in(choose_pool(facts, division, own), own, seed)


def ranks_in(pool: Pool, own: ByClass | None, seed: int) -> dict[str, int]:
    """`rank_names` for names that are sorted by class already.

    Args:
        pool: what `choose_pool` chooses for them.
        own: a store's training names; None for those of the pool.
        seed: of the draw.
    """
    ranks = {
        name: rank for members in pool.order(seed).values() for rank, name in enumerate(members)
    }
    if own is None or pool.base == "store":
        return dict(sorted(ranks.items()))
    extra = {
        label: tuple(name for name in members if name not in pool.names)
        for label, members in own.items()
    }
    for label, members in sort_by_key(extra, pool.dataset, pool.protocol, seed).items():
        behind = len(pool.by_class[label])
        ranks.update((name, behind + place) for place, name in enumerate(members))
    return {name: ranks[name] for name in sorted(n for members in own.values() for n in members)}


def labelled_counts(
    dataset: str,
    protocol: str,
    ratio: str | Decimal | int,
    rule: Rule = "assl",
    names: Iterable[str] | None = None,
) -> dict[int, int]:
    """How many names of each class are labelled, by 0-based class label.

    Classes without a training name do not appear. A class smaller than k counts as it is, so
    ``rank < labelled_counts(...)[label]`` is the draw, whatever the ratio.

    Args:
        dataset: id.
        protocol: name.
        ratio: exact decimal, see `parse_ratio`.
        rule: ``assl`` or ``proportional``.
        names: a store's training names, any order; None for the official ones.

    Raises:
        UsageError: as `draw`.

    >>> set(labelled_counts("ntu60", "xsub", "5%").values())
    {33}
    """
    facts = get_dataset(dataset)
    division = facts.protocol(protocol)
    pool = choose_pool(facts, division, own_names(facts, division, names))
    wanted = _wanted(pool.by_class, parse_ratio(ratio), _check_rule(rule))
    return {label: min(k, len(pool.by_class[label])) for label, k in wanted.items()}


def draw(
    dataset: str,
    protocol: str,
    ratio: str | Decimal | int,
    seed: int = 0,
    rule: Rule = "assl",
    names: Iterable[str] | None = None,
) -> Split:
    """Draw the labelled names of a split.

    ``assl`` (the ASSL, X-CAR, MAC-Learning, PSP, SDS-CL counts): with N training names and K
    classes, k05 = floor(N / 20K); k = k05 * (ratio / 5 %) for a multiple of 5 %, else
    floor(ratio * N / K); at least 1. ``proportional`` (the CrosSCLR family's): per class
    ratio * n rounded half up, at least 1. K counts the classes present in what is drawn from, so
    that N / K is their mean size in a small store of a few classes too.

    Args:
        dataset: ``ntu60``, ``ntu120`` or ``nw-ucla``.
        protocol: name.
        ratio: exact decimal, see `parse_ratio`.
        seed: integer from 0.
        rule: ``assl`` or ``proportional``.
        names: a store's training names (`training_names` picks them), any order. Where they hold
            at least 99 % of the official training names the official list is drawn from, and
            labelled names that the store lacks are reported; else they are themselves drawn
            from. None: the official list.

    Raises:
        UsageError: an unknown dataset, protocol or rule, an inexact ratio, or among ``names`` one
            that is foreign, twice there or not a training name.

    >>> split = draw("ntu60", "xsub", "0.05")
    >>> split.count, split.names[0], split.base
    (1980, 'S001C001P001R001A016', 'official')
    """
    facts = get_dataset(dataset)
    division = facts.protocol(protocol)
    exact = parse_ratio(ratio)
    check_seed(seed)
    own = own_names(facts, division, names)
    pool = choose_pool(facts, division, own)
    wanted = _wanted(pool.by_class, exact, _check_rule(rule))
    order = pool.order(seed)
    labelled = {label: order[label][:k] for label, k in wanted.items()}
    chosen = sorted(name for members in labelled.values() for name in members)

    warnings = [
        f"class {label} ({facts.classes[label]}) has only {len(pool.by_class[label])} training "
        f"names where {k} are wanted; all are labelled"
        for label, k in sorted(wanted.items())
        if len(pool.by_class[label]) < k
    ]
    lacking: tuple[str, ...] = ()
    if own is not None and pool.base == "official":
        held = frozenset(name for members in own.values() for name in members)
        lacking = tuple(name for name in chosen if name not in held)
        warnings += _store_warnings(lacking, held - pool.names)
    return Split(
        dataset=dataset,
        protocol=protocol,
        rule=rule,
        names=tuple(chosen),
        per_class=tuple(len(labelled.get(label, ())) for label in range(len(facts.classes))),
        ratio=exact,
        seed=seed,
        base=pool.base,
        base_count=len(pool.names),
        base_digest=pool.digest,
        warnings=tuple(warnings),
        lacking=lacking,
    )


def _wanted(by_class: ByClass, ratio: Decimal, rule: Rule) -> dict[int, int]:
    """k of each class, as the rule has it: a class may be smaller."""
    share = Fraction(ratio)
    if rule == "proportional":
        half_up = Fraction(1, 2)
        return {label: max(1, int(share * len(n) + half_up)) for label, n in by_class.items()}
    total, classes = sum(map(len, by_class.values())), len(by_class)
    steps = share / _FIVE_PERCENT
    # Published counts are multiples of the 5 % count: 264 at 40 %, where the floor says 267.
    k = total // (20 * classes) * steps.numerator
    if steps.denominator != 1:
        k = int(share * total / classes)
    return dict.fromkeys(by_class, max(1, k))


def _check_rule(rule: Rule) -> Rule:
    if rule not in get_args(Rule):
        raise UsageError(f"unknown rule {rule!r}; use one of: {', '.join(get_args(Rule))}")
    return rule


def _store_warnings(lacking: tuple[str, ...], extra: frozenset[str]) -> list[str]:
    warnings = []
    if lacking:
        warnings.append(f"the store lacks {len(lacking)} labelled names: {some(lacking)}")
    if extra:
        warnings.append(
            f"{len(extra)} training names of the store are not on the official list and are "
            f"never labelled: {some(sorted(extra))}"
        )
    return warnings
