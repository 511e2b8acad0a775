"""Runs gathered into cells: repetitions of one setting, with mean and spread over label draws."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from pspmodel.evaluate.copies import copies_told
from pspmodel.report.coverage import coverage, is_whole
from pspmodel.report.records import RunRecord
from pspmodel.report.rules import RULES
from skeldata.commandline import counted, shortened

_KEYS_IN_LABEL = 4


class Spread(NamedTuple):
    """A mean over label draws.

    Attributes:
        mean: of the draws' means over training seeds; a fraction.
        sd: sample standard deviation (n - 1) over draws; None for one draw.
        draws: n, how many label draws.
        runs: how many runs in all.
    """

    mean: float
    sd: float | None
    draws: int
    runs: int

    def text(self) -> str:
        """In per cent.

        >>> Spread(0.5149, 0.0213, 5, 5).text(), Spread(0.5, None, 1, 2).text()
        ('51.5 ± 2.1 (n = 5)', '50.0 (n = 1)')
        """
        sd = "" if self.sd is None else f" ± {100 * self.sd:.1f}"
        return f"{100 * self.mean:.1f}{sd} (n = {self.draws})"


@dataclass(frozen=True, eq=False)
class Cell:
    """Finished runs that differ in label draw and training seed alone.

    Attributes:
        dataset, protocol: of all.
        ratio: share of labels; None if they came from a list.
        split_rule: how they were drawn.
        share: both for people.
        series: the setting, as tables and legends call it.
        records: the runs.
    """

    dataset: str
    protocol: str
    ratio: Decimal | None
    split_rule: str
    share: str
    series: str
    records: Sequence[RunRecord] = field(repr=False)

    def spread(self, rule: str) -> Spread | None:
        """Mean and spread of an accuracy; None where no run has it."""
        return spread((record.draw, record.accuracy(rule)) for record in self.records)

    @property
    def whole(self) -> bool:
        """Whether all its stores hold the official set."""
        return all(map(is_whole, self.records))

    @property
    def comparable(self) -> bool:
        """Whether published numbers may stand beside it."""
        more = any(record.knows_cameras for record in self.records)
        return self.whole and not more and not drawn_otherwise(self.split_rule)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that all of its runs have accuracies under."""
        return min((record.rules for record in self.records), key=len)

    @property
    def draws(self) -> tuple[str, ...]:
        """The label draws it averages, sorted."""
        return tuple(sorted({record.draw for record in self.records}, key=_natural))


def spread(values: Iterable[tuple[str, float | None]]) -> Spread | None:
    """Average (draw, accuracy) pairs: first over each draw's runs, then over draws.

    The label draw is what results vary with most, so it is the unit that is counted; training seeds
    only make each draw's number more certain.

    >>> spread([("0", 0.5), ("0", 0.7), ("1", 0.8)])
    Spread(mean=0.7, sd=0.1414..., draws=2, runs=3)
    """
    by_draw: dict[str, list[float]] = {}
    for draw, value in values:
        if value is not None:
            by_draw.setdefault(draw, []).append(value)
    if not by_draw:
        return None
    means = [statistics.fmean(found) for found in by_draw.values()]
    sd = statistics.stdev(means) if len(means) > 1 else None
    return Spread(statistics.fmean(means), sd, len(means), sum(map(len, by_draw.values())))


def cells(records: Sequence[RunRecord]) -> list[Cell]:
    """Cells of the finished runs, by dataset, protocol, series, ratio and rule, lists last."""
    labels = series_labels(records)
    found: dict[tuple[Any, ...], list[RunRecord]] = {}
    for record in records:
        if record.finished:
            key = (
                record.data["dataset"], record.data["protocol"], labels[record.folder],
                record.ratio is None, record.ratio or 0, record.split_rule, share_of(record),
                record.ratio,
            )  # fmt: skip
            found.setdefault(key, []).append(record)
    return [
        Cell(dataset, protocol, ratio, rule, share, series, tuple(found[key]))
        for key in sorted(found, key=lambda key: key[:-1])
        for dataset, protocol, series, _, _, rule, share, ratio in (key,)
    ]


def rules_of(gathered: Sequence[Cell]) -> tuple[str, ...]:
    """The rules that any of the cells has accuracies under."""
    return max((cell.rules for cell in gathered), key=len, default=tuple(RULES))


def share_of(record: RunRecord) -> str:
    """The share of labels for people: ``5 %``, ``10 %, proportional``, or which list.

    Runs beside which published numbers do not stand have a share of their own, and so a column.
    """
    if record.ratio is None:
        split = record.data["split"]
        return f"list of {split['count']:,} ({split['digest'][:8]})"
    rule = f", {record.split_rule}" if drawn_otherwise(record.split_rule) else ""
    cameras = ", cameras known" if record.knows_cameras else ""
    return f"{float(100 * record.ratio):g} %{rule}{cameras}"


def drawn_otherwise(split_rule: str) -> bool:
    """Whether labels were drawn by another rule than `assl`, that of the numbers we know: they and
    these do not belong beside each other (``docs/differences.md``)."""
    return split_rule not in ("assl", "list")


def series_labels(records: Sequence[RunRecord]) -> dict[Path, str]:
    """What to call each run's setting: its recipe, and where runs of one recipe differ, in what.

    The training seed and the number of repetitions are no part of a setting. Recipes may say
    different things for different datasets, so settings are compared within a dataset. Where some
    stores hold the official set and others a part of it, the label says which.
    """
    mixed = {
        dataset: len({is_whole(r) for r in records if r.data["dataset"] == dataset}) > 1
        for dataset in {record.data["dataset"] for record in records}
    }
    by_recipe: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for record in records:
        variants = by_recipe.setdefault((record.data["dataset"], record.config["recipe"]), {})
        settings = _settings(record.config)
        variants.setdefault(json.dumps(settings, sort_keys=True), settings)
    labels = {}
    for record in records:
        recipe = record.config["recipe"]
        variants = by_recipe[record.data["dataset"], recipe]
        mine = _settings(record.config)
        differing = sorted(
            key
            for key in {key for settings in variants.values() for key in settings}
            if len({json.dumps(settings.get(key)) for settings in variants.values()}) > 1
        )
        told = [f"{key}={_short(mine[key])}" for key in differing if key in mine]
        if len(told) > _KEYS_IN_LABEL:
            number = list(variants).index(json.dumps(mine, sort_keys=True)) + 1
            told = [*told[:_KEYS_IN_LABEL], f"... (variant {number})"]
        if mixed[record.data["dataset"]] and not is_whole(record):
            told.append(f"on {coverage(record)}")
        labels[record.folder] = ", ".join((recipe, *told))
    return labels


def warnings(records: Sequence[RunRecord]) -> list[str]:
    """What keeps numbers of these runs from being compared, one line each."""
    found = []
    unfinished = [f"{r.folder.name} ({r.progress})" for r in records if not r.finished]
    if unfinished:
        names = ", ".join(shortened(unfinished, 3))
        found.append(f"{counted(len(unfinished), 'run')} not finished and left out: {names}")
    gathered = cells(records)
    tables: dict[str, list[Cell]] = {}
    columns: dict[str, list[Cell]] = {}
    for cell in gathered:
        tables.setdefault(f"{cell.dataset} {cell.protocol}", []).append(cell)
        columns.setdefault(f"{cell.dataset} {cell.protocol}, {cell.share}", []).append(cell)
    for where, members in tables.items():
        partial = [cell for cell in members if not cell.whole]
        for cover, count in Counter(coverage(r) for c in partial for r in c.records).items():
            found.append(
                f"{where}: {counted(count, 'run')} on a store with {cover}; published numbers are of "
                "all of them and are not set beside"
            )
        otherwise = Counter(r.split_rule for c in members for r in c.records)
        for rule in filter(drawn_otherwise, otherwise):
            found.append(
                f"{where}: {counted(otherwise[rule], 'run')} on labels drawn by rule {rule}; published "
                "numbers are not set beside"
            )
        if knowing := sum(r.knows_cameras for c in members for r in c.records):
            found.append(
                f"{where}: {counted(knowing, 'run')} with a teacher that knows which recordings are of one "
                "performance (pseudo_labels.cameras); published numbers are not set beside"
            )
        found += [f"{where}: {words}; published numbers are of all" for words in _copies(members)]
        stores = Counter(r.data["store_digest"][:12] for cell in members for r in cell.records)
        if len(stores) > 1:
            found.append(
                f"{where}: runs on {len(stores)} different stores ({_counts(stores)}); "
                "their clips are not the same"
            )
    for where, members in columns.items():
        found += _split_warnings(where, members)
    return found


def _copies(members: Sequence[Cell]) -> dict[str, None]:
    """What the reports say of test clips that are training clips, once each."""
    reports = [record.report or {} for cell in members for record in cell.records]
    said = [copies_told(report.get("without_copies", {})) for report in reports]
    return dict.fromkeys(words for words in said if words)


def _split_warnings(where: str, members: Sequence[Cell]) -> Iterator[str]:
    digests: dict[str, Counter[str]] = {}
    for cell in members:
        for record in cell.records:
            digest = record.data["split"]["digest"][:12]
            digests.setdefault(record.draw, Counter())[digest] += 1
    for draw, counts in digests.items():
        if len(counts) > 1:
            yield (
                f"{where}: split seed {draw} stands for {len(counts)} different label sets "
                f"({_counts(counts)})"
            )
    if len({cell.draws for cell in members}) > 1:
        told = "; ".join(f"{cell.series}: {', '.join(cell.draws)}" for cell in members)
        yield f"{where}: means over different label draws ({told})"
    for cell in members:
        twice = Counter((record.draw, record.config["seed"]) for record in cell.records)
        for (draw, seed), count in twice.items():
            if count > 1:
                yield (
                    f"{where}: {count} runs of {cell.series} with split seed {draw} and seed {seed}; "
                    "the same run may be counted twice"
                )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{digest}: {count}" for digest, count in counts.items())


def _settings(config: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Settings by dotted key, without the seed and what is only words."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if path or key not in ("seed", "recipe", "summary"):
            name = f"{path}{key}"
            flat |= _settings(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 24 else f"{text[:21]}..."


def _natural(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() and len(text) < 20 else (-1, text)
