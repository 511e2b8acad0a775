"""The prepared set on the training device, and batches as gathers from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pspmodel.config import AugmentConfig
from pspmodel.data.augment import Augmenter
from pspmodel.data.clips import Clips, motion_of
from skeldata import Recipe, Store

_ROWS_PER_READ = 4096
_ALL = slice(None)


class ResidentData:
    """All rows of a store on one device, persons side by side.

    Args:
        store: an open store.
        device: where the rows live.
        keep_absent: whether absent bodies are passed on as zeros instead of left out; being all
            the same, they share one row.
        augment: how `clips` with a seed changes clips; not at all by default.
    """

    def __init__(
        self,
        store: Store,
        device: torch.device,
        *,
        keep_absent: bool,
        augment: AugmentConfig | None = None,
    ) -> None:
        rows, persons = len(store), store.persons
        shape = (store.frames, store.layout.joint_count, 3)
        self.device = device
        self._joint = torch.empty((rows * persons, *shape), device=device)
        self._present = torch.empty((rows * persons, shape[0]), dtype=torch.bool, device=device)
        there = np.empty((rows, persons), dtype=np.bool_)
        for start in range(0, rows, _ROWS_PER_READ):
            part = slice(start, min(start + _ROWS_PER_READ, rows))
            flat = slice(part.start * persons, part.stop * persons)
            present = store.read_present(part)
            there[part] = present.any(axis=2)
            self._joint[flat] = torch.from_numpy(store.read(part)).flatten(0, 1).to(device)
            self._present[flat] = torch.from_numpy(present).flatten(0, 1).to(device)
        # Which persons a clip has is kept on the CPU: building a batch never waits for the device.
        self._there = there
        self._keep_absent = keep_absent and not bool(there.all())
        self._persons = persons
        self.labels = torch.from_numpy(store.labels).to(device)
        self._augmenter = None
        if augment is not None and augment.active:
            up = Recipe.model_validate(store.recipe).normalise[store.layout.name].up
            self._augmenter = Augmenter(augment, store.layout, up, device)

    def clips(self, rows: NDArray[np.int64], seed: int | None = None, part: slice = _ALL) -> Clips:
        """Gather the clips of the given store rows, in that order.

        Args:
            rows: (n,) store rows.
            seed: of the augmentation; None gives the clips as they are stored.
            part: which positions of ``rows`` to give. How a clip is changed follows from its
                position among all of them, so parts add up to the whole batch.
        """
        clip, person = np.nonzero(self._there[rows])
        place = np.full(len(rows), -1)
        count = len(place[part])
        place[part] = np.arange(count)
        own = place[clip] >= 0
        augmenter = self._augmenter if seed is not None else None
        if augmenter is None:  # nothing is drawn: what is not wanted need not be looked at
            clip, person, own = clip[own], person[own], own[own]
        source = self._to_device(rows[clip] * self._persons + person)
        views = [(self._joint[source], self._present[source])]
        if augmenter is not None and seed is not None:
            views = self._views(augmenter, *views[0], self._to_device(clip), len(rows), seed)
        if not own.all():
            taken = self._to_device(np.flatnonzero(own))
            views = [(joint[taken], present[taken]) for joint, present in views]
        joint, motion = _to_network(views[0][0]), _to_network(motion_of(*views[-1]))
        clip, person = place[clip[own]], person[own]
        if not self._keep_absent:
            return Clips(joint, motion, self._to_device(clip), count)
        # One row of zeros stands for all absent bodies.
        absent = len(clip)
        person_index = np.full((count, self._persons), absent)
        person_index[clip, person] = np.arange(absent)
        weights = np.ones(absent + 1, dtype=np.float32)
        weights[absent] = person_index.size - absent
        return Clips(
            joint=torch.cat((joint, torch.zeros_like(joint[:1]))),
            motion=torch.cat((motion, torch.zeros_like(motion[:1]))),
            clip_index=self._to_device(np.arange(count).repeat(self._persons)),
            count=count,
            person_index=self._to_device(person_index.ravel()),
            weights=self._to_device(weights),
        )

    def labels_of(self, rows: NDArray[np.int64]) -> Tensor:
        """(n,) int64 labels of the given store rows."""
        return self.labels[self._to_device(rows)]

    def _views(
        self,
        augmenter: Augmenter,
        joint: Tensor,
        present: Tensor,
        clip_index: Tensor,
        clips: int,
        seed: int,
    ) -> list[tuple[Tensor, Tensor]]:
        """What the streams see: one view for both, or one each."""
        generator = torch.Generator(self.device).manual_seed(seed)
        return [
            augmenter.apply(joint, present, augmenter.draw(clips, generator)[clip_index], generator)
            for _ in range(1 if augmenter.config.draws == "shared" else 2)
        ]

    def _to_device(self, numbers: NDArray[Any]) -> Tensor:
        return torch.from_numpy(numbers).to(self.device)


def _to_network(persons: Tensor) -> Tensor:
    """The store's axis order (P, T, V, C) to the networks' (P, C, T, V)."""
    return persons.permute(0, 3, 1, 2).contiguous()
