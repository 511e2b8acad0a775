"""The prepared set on the training device, and batches as gathers from it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pspmodel.config import AugmentConfig, DataConfig
from pspmodel.data.augment import Augmenter
from pspmodel.data.clips import Clips, stream_of, stream_without
from pspmodel.data.resample import resampled
from pspmodel.data.transfer import to_device
from skeldata import Recipe, Store

_ROWS_PER_READ = 4096
_ALL = slice(None)


class _Persons(NamedTuple):
    """Persons of a batch: joints (P, T, V, 3), presence (P, T), joints to hide (P, V) if any."""

    joint: Tensor
    present: Tensor
    hidden: Tensor | None = None

    def taken(self, index: Tensor) -> _Persons:
        """Some of them."""
        hidden = None if self.hidden is None else self.hidden[index]
        return _Persons(self.joint[index], self.present[index], hidden)


class ResidentData:
    """All rows of a store on one device, persons side by side.

    Absent bodies that are kept, all being the same zeros, share one row of a batch.

    Args:
        store: an open store.
        device: where the rows live.
        config: which streams and frames batches have, and whether absent bodies are among them.

    Attributes:
        frames: T of the batches.
        streams: their streams' names.
    """

    def __init__(
        self, store: Store, device: torch.device, config: DataConfig | None = None
    ) -> None:
        config = config if config is not None else DataConfig()
        rows, persons, layout = len(store), store.persons, store.layout
        shape = (store.frames, layout.joint_count, 3)
        self.device = device
        self.frames = config.frames or store.frames
        self.streams = config.streams
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
        if config.limit:
            self._joint.clamp_(-config.limit, config.limit)
        # Which persons a clip has is kept on the CPU: building a batch never waits for the device.
        self._there = there
        self._keep_absent = config.absent_bodies == "keep" and not bool(there.all())
        self._persons = persons
        self._motion_scale = config.motion_scale
        self._layout = layout
        self._parents = torch.from_numpy(layout.parents).to(device)
        self._recipe = store.recipe
        self._augmenters: dict[AugmentConfig, Augmenter] = {}
        self.labels = torch.from_numpy(store.labels).to(device)

    def clips(
        self,
        rows: NDArray[np.int64],
        seed: int | None = None,
        part: slice = _ALL,
        augment: AugmentConfig | None = None,
    ) -> Clips:
        """Gather the clips of the given store rows, in that order.

        Args:
            rows: (n,) store rows.
            seed: of the augmentation.
            part: which positions of ``rows`` to give. How a clip is changed follows from its
                position among all of them, so parts add up to the whole batch.
            augment: how to change the clips; None gives them as they are stored.
        """
        clip, person = np.nonzero(self._there[rows])
        place = np.full(len(rows), -1)
        count = len(place[part])
        place[part] = np.arange(count)
        own = place[clip] >= 0
        changing = augment is not None and augment.active and seed is not None
        if not changing:  # nothing is drawn: what is not wanted need not be looked at
            clip, person, own = clip[own], person[own], own[own]
        source = self._to_device(rows[clip] * self._persons + person)
        stored = _Persons(self._joint[source], self._present[source])
        if changing and augment is not None and seed is not None:
            views = self._views(augment, stored, self._to_device(clip), len(rows), seed)
        else:
            views = [self._as_stored(stored)] * len(self.streams)
        if not own.all():
            taken = self._to_device(np.flatnonzero(own))
            views = [view.taken(taken) for view in views]
        streams: dict[str, Tensor] = {
            name: self._stream(name, view) for name, view in zip(self.streams, views, strict=True)
        }
        clip, person = place[clip[own]], person[own]
        if not self._keep_absent:
            return Clips(streams, self._to_device(clip), count)
        # One row of zeros stands for all absent bodies.
        absent = len(clip)
        person_index = np.full((count, self._persons), absent)
        person_index[clip, person] = np.arange(absent)
        weights = np.ones(absent + 1, dtype=np.float32)
        weights[absent] = person_index.size - absent
        zeros = torch.zeros_like(streams[self.streams[0]][:1])
        return Clips(
            {name: torch.cat((stream, zeros)) for name, stream in streams.items()},
            clip_index=self._to_device(np.arange(count).repeat(self._persons)),
            count=count,
            person_index=self._to_device(person_index.ravel()),
            weights=self._to_device(weights),
            empty=(absent,),
        )

    def labels_of(self, rows: NDArray[np.int64]) -> Tensor:
        """(n,) int64 labels of the given store rows."""
        return self.labels[self._to_device(rows)]

    def _stream(self, name: str, view: _Persons) -> Tensor:
        stream = stream_of(name, view.joint, view.present, self._parents, self._motion_scale)
        if view.hidden is None:
            return stream
        return stream_without(name, stream, view.hidden, self._parents)

    def _as_stored(self, persons: _Persons) -> _Persons:
        joint, present, _ = persons
        if self.frames == joint.shape[1]:
            return persons
        start = torch.zeros(len(joint), device=self.device)
        return _Persons(*resampled(joint, present, start, start + 1, self.frames))

    def _views(
        self,
        augment: AugmentConfig,
        persons: _Persons,
        clip_index: Tensor,
        clips: int,
        seed: int,
    ) -> list[_Persons]:
        """What each of the streams sees."""
        if augment not in self._augmenters:
            up = Recipe.model_validate(self._recipe).normalise[self._layout.name].up
            self._augmenters[augment] = Augmenter(
                augment, self._layout, up, self.device, self.frames
            )
        augmenter = self._augmenters[augment]
        generator = torch.Generator(self.device).manual_seed(seed)

        def view() -> _Persons:
            draws = augmenter.draw(clips, generator)[clip_index]
            changed = augmenter.apply(persons.joint, persons.present, draws, generator)
            return _Persons(*changed, draws.hidden if augment.hide else None)

        if augment.draws == "shared":
            return [view()] * len(self.streams)
        if augment.draws == "per-stream":
            return [view() for _ in self.streams]
        first, second = view(), view()
        return [first if name == "joint" else second for name in self.streams]

    def _to_device(self, numbers: NDArray[Any]) -> Tensor:
        return to_device(numbers, self.device)
