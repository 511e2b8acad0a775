"""Persons who are not there: the same row of zeros, encoded once however often it stands in a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def encode_together(
    parts: Sequence[Tensor],
    weights: Tensor | None,
    empty: Sequence[int],
    encode: Callable[[Tensor, Tensor | None], Tensor],
) -> list[Tensor]:
    """Send several tensors of rows through one encoder in one pass, their empty rows as one.

    Exact: the one row counts in batch statistics as often as all of them together.

    Args:
        parts: (R, ...) each.
        weights: (R,) how many persons a row stands for in each of them; None for one.
        empty: which of the R rows are all zeros, in every part; sorted.
        encode: (R', ...) and weights (R',) to (R', ...).

    Returns:
        What the encoder makes of each part, (R, ...).
    """
    rows = len(parts[0])
    if len(parts) * len(empty) < 2:
        repeated = None if weights is None else weights.repeat(len(parts))
        return list(torch.split(encode(torch.cat(list(parts)), repeated), rows))
    if weights is None:
        weights = parts[0].new_ones(rows)
    runs = [slice(a + 1, b) for a, b in zip((-1, *empty), (*empty, rows), strict=True)]
    standing_for = torch.cat([weights[row : row + 1] for row in empty]).sum(0, keepdim=True)
    own = torch.cat([weights[run] for run in runs])
    y = encode(
        torch.cat([parts[0][empty[0] : empty[0] + 1], *(x[run] for x in parts for run in runs)]),
        torch.cat([standing_for * len(parts), own.repeat(len(parts))]),
    )
    # Split, not sliced: the gradient of a slice is a whole tensor of zeros around it.
    lengths = [run.stop - run.start for run in runs]
    nothing, *found = torch.split(y, [1, *lengths * len(parts)])
    encoded = []
    for start in range(0, len(found), len(runs)):
        pieces = [piece for run in found[start : start + len(runs)] for piece in (run, nothing)]
        encoded.append(torch.cat(pieces[:-1]))
    return encoded
