"""What `verify_store` finds: one line for each thing that is wrong, and where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a store.

    Attributes:
        array: path of the array or file inside the store, ``attributes`` for the root's own, or
            the path of a manifest.
        problem: what is wrong, with the value.
        block: index of the block, or None when the problem is not in one.
        row: the first row at fault, or None.
        name: that row's sample, or None where names are not to be trusted.
        rows: how many rows have this problem.
    """

    array: str
    problem: str
    block: int | None = None
    row: int | None = None
    name: str | None = None
    rows: int = 0

    def __str__(self) -> str:
        where = self.array
        if self.block is not None:
            where += f", block {self.block}"
        if self.row is not None:
            where += f", row {self.row}" + (f" ({self.name})" if self.name else "")
        more = f" (and {self.rows - 1:,} more rows)" if self.rows > 1 else ""
        return f"{where}: {self.problem}{more}"


def at_rows(
    array: str,
    problem: str,
    wrong: NDArray[np.bool_],
    names: Sequence[str] | None,
    *,
    first: int = 0,
    block: int | None = None,
) -> list[Finding]:
    """One finding for all rows that share a problem, or none.

    Args:
        array: path.
        problem: what is wrong with the first of them.
        wrong: (n, ...) bool; a row is wrong if any of its entries is.
        names: of all rows of the store, if they can be trusted.
        first: row of ``wrong[0]``.
        block: index of the block.
    """
    if not wrong.any():
        return []
    rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
    row = first + int(rows[0])
    name = names[row] if names is not None else None
    return [Finding(array, problem, block, row, name, len(rows))]
