"""What is trained on while timing: random clips with the shape of NTU, or rows of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from pspmodel.bench.baseline import Dense
from pspmodel.data.clips import motion_of
from pspmodel.errors import UsageError
from skeldata import Store, get_dataset

Rows = NDArray[np.int64]

_FRAMES = 50
_SPREAD = 0.5  # of joints around the hip, in bone lengths, as the prepared stores have it


class RandomStore:
    """Random clips behind the part of `skeldata.Store` that training reads.

    Each body is a random pose whose joints swing slowly; nothing in it can be learnt.

    Args:
        clips: N.
        one_person: share of the clips whose second body is absent, rounded to whole clips.
        seed: of the draw.
    """

    def __init__(self, clips: int, one_person: float, seed: int) -> None:
        self.dataset = get_dataset("ntu60")
        self.layout, self.persons = self.dataset.layout, self.dataset.persons
        self.frames = _FRAMES
        self.recipe: dict[str, Any] = {}
        random = np.random.default_rng(seed)
        self.labels = random.integers(len(self.dataset.classes), size=clips)
        alone = random.permutation(clips) < round(one_person * clips)
        self._present = np.ones((clips, self.persons, _FRAMES), dtype=np.bool_)
        self._present[alone, 1:] = False
        shape = (clips, self.persons, 1, self.layout.joint_count, 3)
        pose, swing, phase = random.normal(size=(3, *shape))
        cycles = np.linspace(0, 2 * np.pi, _FRAMES)[:, None, None]
        joint = _SPREAD * (pose + 0.3 * swing * np.sin(cycles + 3 * phase))
        self._joint = np.where(self._present[..., None, None], joint, 0).astype(np.float32)

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: slice | Sequence[int] | Rows) -> NDArray[np.float32]:
        """(n, M, T, V, 3) float32."""
        return self._joint[rows]

    def read_present(self, rows: slice | Sequence[int] | Rows) -> NDArray[np.bool_]:
        """(n, M, T) bool."""
        return self._present[rows]


@dataclass(frozen=True, eq=False)
class Source:
    """Clips and which of them make up a step.

    Attributes:
        name: what the clips are, for the report.
        store: a store, or what stands for one.
        labelled, unlabelled: rows of one step.
    """

    name: str
    store: Store
    labelled: Rows
    unlabelled: Rows

    @property
    def absent(self) -> float:
        """Share of the bodies of a step that are absent."""
        rows = np.concatenate((self.labelled, self.unlabelled))
        return 1 - float(self.store.read_present(rows).any(axis=2).mean())

    def few(self) -> Source:
        """One labelled clip and three others, with the fewest to the most bodies there are."""
        bodies = self.store.read_present(self.unlabelled).any(axis=2).sum(axis=1)
        order = self.unlabelled[np.argsort(bodies, kind="stable")]
        places = np.linspace(0, len(order) - 1, min(3, len(order))).astype(np.int64)
        return replace(self, labelled=self.labelled[:1], unlabelled=order[places])

    def dense(self, rows: Rows, device: torch.device, dtype: torch.dtype = torch.float32) -> Dense:
        """Rows as the released code holds them."""
        joint = torch.from_numpy(self.store.read(rows)).to(device)
        present = torch.from_numpy(self.store.read_present(rows)).to(device)
        motion = motion_of(joint.flatten(0, 1), present.flatten(0, 1)).view(joint.shape)
        axes = (0, 4, 2, 3, 1)  # (N, M, T, V, C) -> (N, C, T, V, M)
        joint, motion = (x.permute(axes).to(dtype).contiguous() for x in (joint, motion))
        return Dense(joint, motion)


def source(
    store: Store | None, labelled: int, unlabelled: int, one_person: float, seed: int
) -> Source:
    """Clips of a store, or random ones.

    Args:
        store: None makes random clips.
        labelled, unlabelled: clips of a step.
        one_person: see `RandomStore`; not for a store.
        seed: chooses the rows, or draws the clips.

    Raises:
        UsageError: the store is smaller than a step.
    """
    count = labelled + unlabelled
    name = f"random clips, {one_person:.0%} of one person" if store is None else store.path.name
    if store is None:
        store = cast(Store, RandomStore(count, one_person, seed))
    if len(store) < count:
        raise UsageError(
            f"{name} has {len(store):,} clips, a step takes {count:,}; "
            "lower --labelled or --unlabelled"
        )
    rows = np.random.default_rng(seed).permutation(len(store))[:count]
    return Source(name, store, rows[:labelled], rows[labelled:])
