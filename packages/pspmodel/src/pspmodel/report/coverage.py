"""How much of the official dataset a run's store holds: published numbers are of all of it."""

from __future__ import annotations

from dataclasses import dataclass

from pspmodel.report.records import RunRecord
from skeldata import Store

_ENOUGH_PERCENT = 99


@dataclass(frozen=True)
class Coverage:
    """Clips of a store that are on the official list of its dataset.

    Attributes:
        held: how many the store has.
        official: how many there are.
    """

    held: int
    official: int

    @property
    def whole(self) -> bool:
        """Whether it may stand beside published numbers: from 99 %, the share at which labels are
        drawn from the official list too; a few broken files change no accuracy.

        >>> Coverage(1484, 1484).whole, Coverage(1469, 1484).whole, Coverage(300, 1484).whole
        (True, False, False)
        """
        return 100 * self.held >= _ENOUGH_PERCENT * self.official

    def __str__(self) -> str:
        return f"{self.held:,} of the {self.official:,} official clips"


def coverage_of(store: Store) -> Coverage:
    """Count a store's names against the official list."""
    official = store.dataset.official_names()
    return Coverage(len({*store.names} & {*official}), len(official))


def coverage(record: RunRecord) -> Coverage | None:
    """As the run's report has it; None before the first one."""
    found = (record.report or {}).get("official_clips")
    return None if found is None else Coverage(**found)


def is_whole(record: RunRecord) -> bool:
    """Whether published numbers may stand beside the run's; yes where nothing speaks against it."""
    found = coverage(record)
    return found is None or found.whole
