"""Labelled lists that other authors have published, shipped with their credit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from skeldata.errors import UsageError
from skeldata.splits.split import Split, list_split


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A list in ``skeldata/official``, and whose it is.

    Attributes:
        id: what commands call it.
        dataset: id.
        protocol: name.
        stem: of its files, here and in ``data_manifests``.
        source: where it was found.
        credit: whose work it is.
    """

    id: str
    dataset: str
    protocol: str
    stem: str
    source: str
    credit: str


PUBLISHED = MappingProxyType({
    entry.id: entry
    for entry in (
        PublishedList(
            id="x-car",
            dataset="ntu60",
            protocol="xsub",
            stem="x-car-ntu60-xsub-5pct",
            source="https://github.com/1xbq1/X-CAR: the sample names in its training pickle for 5 % "
            "of NTU-60 xsub",
            credit="The list of the authors of X-CAR (IEEE Transactions on Image Processing, 2022); "
            "cite them when using it",
        ),
    )
})  # fmt: skip
"""Every list by its id."""


@cache
def published(id: str) -> Split:
    """The names of a published list, with source and credit.

    Raises:
        UsageError: there is no list of that id.

    >>> published("x-car").title, published("x-car").digest[:8]
    ('ntu60 xsub list of 1,980', '691ef389')
    """
    if id not in PUBLISHED:
        raise UsageError(f"no published list {id!r}; there is: {', '.join(PUBLISHED)}")
    entry = PUBLISHED[id]
    data = resources.files("skeldata.official").joinpath(f"{entry.stem}.txt").read_bytes()
    return list_split(
        entry.dataset,
        data.decode("ascii").split(),
        entry.protocol,
        source=entry.source,
        credit=entry.credit,
    )
