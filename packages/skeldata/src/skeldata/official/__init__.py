"""Published facts that ship with the package: sample names, missing lists, action names.

NTU-60 is the part of NTU-120 with setups 1 to 17, so one list serves both.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib import resources


@cache
def names(dataset: str) -> tuple[str, ...]:
    """Sorted names of every sample of a dataset that has a skeleton."""
    if dataset == "nw-ucla":
        return tuple(_read("nw-ucla.txt").decode("ascii").split())
    every = tuple(gzip.decompress(_read("ntu120.txt.gz")).decode("ascii").split())
    return every if dataset == "ntu120" else tuple(name for name in every if _is_ntu60(name))


@cache
def missing(dataset: str) -> frozenset[str]:
    """Names whose skeleton is officially missing or incomplete (none for NW-UCLA)."""
    if dataset == "nw-ucla":
        return frozenset()
    every = _read("ntu120-missing.txt").decode("ascii").split()
    return frozenset(name for name in every if dataset == "ntu120" or _is_ntu60(name))


@cache
def ntu_actions() -> tuple[str, ...]:
    """The 120 action names of NTU RGB+D in label order; the first 60 are NTU-60's."""
    lines = _read("ntu-actions.txt").decode("utf-8").splitlines()
    return tuple(line.split(" ", 1)[1] for line in lines)


def _is_ntu60(name: str) -> bool:
    return int(name[1:4]) <= 17


def _read(file: str) -> bytes:
    return resources.files(__name__).joinpath(file).read_bytes()
