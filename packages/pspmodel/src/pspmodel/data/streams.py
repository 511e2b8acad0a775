"""Which clips each step sees: endless shuffled passes, a pure function of seed and step."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


class IndexStream:
    """Batches from passes over ``rows``, each pass in its own order.

    Batches are those of the whole run; among several processes each takes its part of the positions.

    Step s takes positions s * batch ... (s + 1) * batch of the endless concatenation of passes, so
    resuming needs the step alone and no clip is dropped at the end of a pass.

    Args:
        rows: (n,) int64 rows to choose from.
        batch: clips a step, of all processes together.
        seed: of the run.
        name: of the stream; streams of one run shuffle independently.
    """

    def __init__(self, rows: NDArray[np.int64], batch: int, seed: int, name: str) -> None:
        self.rows = rows
        self.batch = batch
        self.name = name
        self._seed = seed
        self._order = lru_cache(maxsize=4)(self._shuffled)

    def at(self, step: int) -> NDArray[np.int64]:
        """(batch,) rows of a step."""
        positions = np.arange(step * self.batch, (step + 1) * self.batch)
        passes, places = np.divmod(positions, len(self.rows))
        return np.array(
            [self._order(int(n))[place] for n, place in zip(passes, places, strict=True)],
            dtype=np.int64,
        )

    def _shuffled(self, number: int) -> NDArray[np.int64]:
        generator = np.random.Generator(np.random.Philox(mixed(self._seed, self.name, number)))
        return generator.permutation(self.rows)


def mixed(*parts: int | str) -> int:
    """A 63-bit seed from any parts, so that seeds of steps and streams never collide by sums."""
    text = "|".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1
