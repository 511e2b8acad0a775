"""What a store will hold, before any of it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import skeldata
from skeldata.datasets import Dataset
from skeldata.recipe import Recipe
from skeldata.store.schema import FORMAT_VERSION


@dataclass(frozen=True)
class StorePlan:
    """What a store will hold; two runs with equal plans may continue each other.

    Attributes:
        dataset: what the samples are.
        recipe: how they are prepared.
        streams: names of the arrays to write.
        candidates: number of files that will be tried.
        source_key: digest of their names, sizes and, where an archive states them, CRCs.
    """

    dataset: Dataset
    recipe: Recipe
    streams: tuple[str, ...]
    candidates: int
    source_key: str

    def header(self, rows_per_block: int) -> dict[str, Any]:
        """The plan as the first line of the journal."""
        return {
            "format_version": FORMAT_VERSION,
            "skeldata": skeldata.__version__,
            "dataset": self.dataset.id,
            "recipe": self.recipe.digest,
            "streams": list(self.streams),
            "candidates": self.candidates,
            "source_key": self.source_key,
            "rows_per_block": rows_per_block,
        }
