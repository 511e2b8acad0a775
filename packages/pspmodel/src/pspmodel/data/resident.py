"""The prepared set on the training device, and batches as gathers from it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pspmodel.config import AugmentConfig
from pspmodel.data.augment import Augmenter, Draws
from pspmodel.data.clips import Clips, motion_of
from skeldata import Recipe, Store

_ROWS_PER_READ = 4096


class ResidentData:
    """All rows of a store on one device, persons side by side.

    Args:
        store: an open store.
        device: where the rows live.
        keep_absent: whether absent bodies are passed on as zeros instead of left out.
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
        self._there = np.ones_like(there) if keep_absent else there
        self._persons = persons
        self.labels = torch.from_numpy(store.labels).to(device)
        self._augmenter = None
        if augment is not None and augment.active:
            up = Recipe.model_validate(store.recipe).normalise[store.layout.name].up
            self._augmenter = Augmenter(augment, store.layout, up, device)

    def clips(self, rows: NDArray[np.int64], seed: int | None = None) -> Clips:
        """Gather the clips of the given store rows, in that order.

        Args:
            rows: (n,) store rows.
            seed: of the augmentation; None gives the clips as they are stored.
        """
        clip, person = np.nonzero(self._there[rows])
        source = torch.from_numpy(rows[clip] * self._persons + person).to(self.device)
        clip_index = torch.from_numpy(clip).to(self.device)
        joint, present = self._joint[source], self._present[source]
        joint_view = motion_view = (joint, present)
        if seed is not None and self._augmenter is not None:
            joint_view, motion_view = self._views(joint, present, clip_index, len(rows), seed)
        return Clips(
            joint=_to_network(joint_view[0]),
            motion=_to_network(motion_of(*motion_view)),
            clip_index=clip_index,
            count=len(rows),
        )

    def labels_of(self, rows: NDArray[np.int64]) -> Tensor:
        """(n,) int64 labels of the given store rows."""
        return self.labels[torch.from_numpy(rows).to(self.device)]

    def _views(
        self, joint: Tensor, present: Tensor, clip_index: Tensor, clips: int, seed: int
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """What the joint and the motion stream see: one view, or one each."""
        augmenter = self._augmenter
        assert augmenter is not None
        generator = torch.Generator(self.device).manual_seed(seed)

        def view() -> tuple[Tensor, Tensor]:
            draws: Draws = augmenter.draw(clips, generator)[clip_index]
            return augmenter.apply(joint, present, draws, generator)

        first = view()
        return first, first if augmenter.config.draws == "shared" else view()


def _to_network(persons: Tensor) -> Tensor:
    """The store's axis order (P, T, V, C) to the networks' (P, C, T, V)."""
    return persons.permute(0, 3, 1, 2).contiguous()
