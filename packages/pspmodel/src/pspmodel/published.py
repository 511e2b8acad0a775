"""Published accuracies to lay ours beside, with where each number comes from (``published.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Literal

Group = Literal["paper", "ablation", "quoted", "other"]

GROUPS: Mapping[Group, str] = {
    "paper": "The PSP paper",
    "quoted": "Others, as the PSP paper quotes them",
    "ablation": "Parts of PSP, from its paper",
    "other": "Other label draws, mostly pre-trained: not comparable without saying so",
}
"""What each group of numbers is, in the order of reports."""


@dataclass(frozen=True)
class Source:
    """Where numbers were found.

    Attributes:
        title: the publication and table.
        selection: how the weights of a number were chosen, as far as it is known.
    """

    title: str
    selection: str


@dataclass(frozen=True)
class Published:
    """A method's published top-1 accuracies.

    Attributes:
        name: of the method.
        venue: where it appeared; empty if our sources do not say.
        group: what the numbers may be set beside, a key of `GROUPS`.
        source: where they were found.
        accuracy: per cent by (dataset, protocol, ratio).
    """

    name: str
    venue: str
    group: Group
    source: Source
    accuracy: Mapping[tuple[str, str, Decimal], float]

    def ratios(self, dataset: str, protocol: str) -> dict[Decimal, float]:
        """Per cent by ratio for one dataset and protocol; empty if nothing was published.

        >>> {str(ratio): value for ratio, value in paper().ratios("nw-ucla", "xview").items()}
        {'0.05': 69.2, '0.15': 77.8, '0.3': 80.6, '0.4': 83.6}
        """
        wanted = (dataset, protocol)
        return {key[2]: value for key, value in self.accuracy.items() if key[:2] == wanted}


@cache
def published() -> tuple[Published, ...]:
    """All published results, group by group, in the order of the file."""
    text = resources.files("pspmodel").joinpath("published.toml").read_text("utf-8")
    content = tomllib.loads(text)
    sources = {name: Source(**table) for name, table in content["source"].items()}
    found = [
        Published(
            name=entry.pop("name"),
            venue=entry.pop("venue", ""),
            group=entry.pop("group"),
            source=sources[entry.pop("source")],
            accuracy={
                (dataset, protocol, (Decimal(percent) / 100).normalize()): value
                for dataset, protocols in entry.items()
                for protocol, row in protocols.items()
                for percent, value in row.items()
            },
        )
        for entry in content["method"]
    ]
    order = list(GROUPS)
    return tuple(sorted(found, key=lambda method: order.index(method.group)))


def paper() -> Published:
    """PSP's own numbers."""
    return published()[0]
