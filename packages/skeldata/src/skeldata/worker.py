"""What one worker does: read files, parse, prepare; faults of a file become rejections."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from skeldata.clean.clip import prepare_clip
from skeldata.datasets import Dataset, get_dataset
from skeldata.errors import ParseError
from skeldata.parse.choice import WORTH_COMPILED, Parser, load_parser
from skeldata.recipe import Recipe
from skeldata.sources import RawFile, SourceReader
from skeldata.store.digest import row_digest
from skeldata.store.rows import Batch, Rows
from skeldata.store.schema import stream_shape
from skeldata.types import Clip, RawSequence, Rejection


class Worker:
    """Prepares runs of files of one dataset with one recipe; keeps archives open in between.

    Args:
        dataset: what the files are.
        recipe: how they are prepared.
        size: bytes of all files to come, which decide whether a compiled parser pays.
    """

    def __init__(self, dataset: Dataset, recipe: Recipe, size: int = WORTH_COMPILED) -> None:
        self.dataset = dataset
        self.recipe = recipe
        self.reader = SourceReader()
        self.size = size

    @cached_property
    def parser(self) -> Parser:
        """Loaded on first use: see `load_parser`."""
        return load_parser(self.dataset.family, self.size)

    def prepare(self, first: int, files: Sequence[RawFile]) -> Batch:
        """Prepare consecutive candidate files, ``first`` being the index of the first one."""
        crcs: list[int] = []
        kept: list[int] = []
        clips: list[Clip] = []
        rejected: list[tuple[int, Rejection]] = []
        for offset, file in enumerate(files):
            crcs.append(file.crc or 0)
            try:
                data = self.reader.read(file)
                crcs[-1] = self.reader.crc(file, data)
                clips.append(prepare_clip(self._parse(file.name, data), self.recipe, self.dataset))
                kept.append(offset)
            except ParseError as fault:
                rejected.append((offset, Rejection(file.name, fault.reason, fault.line)))
        return Batch(first, crcs, kept, rejected, self._rows([files[k].name for k in kept], clips))

    def _parse(self, name: str, data: bytes) -> RawSequence:
        sequence = self.parser.read(data)
        if self.dataset.family == "ntu":
            return sequence
        expected = self.dataset.label_of(name) + 1
        if sequence.stated_name != name:
            raise ParseError(f"file_name inside says {sequence.stated_name!r}", line=1)
        if sequence.stated_label != expected:
            raise ParseError(
                f"label inside says {sequence.stated_label}, the name says {expected}", line=1
            )
        return sequence

    def _rows(self, names: list[str], clips: list[Clip]) -> Rows:
        shape = stream_shape(self.dataset, len(clips), self.recipe.frames)
        joint = np.empty(shape, dtype=np.float32)
        present = np.empty(shape[:3], dtype=np.bool_)
        for row, clip in enumerate(clips):
            joint[row], present[row] = clip.joint, clip.present
        return Rows(
            names=names,
            streams={"joint": joint},  # the others follow from it, where they are written
            present=present,
            length=np.array([clip.length for clip in clips], dtype=np.int32),
            digests=[
                row_digest(name, self.dataset.label_of(name), clip.length, clip.present, clip.joint)
                for name, clip in zip(names, clips, strict=True)
            ],
        )


_worker: Worker | None = None


def start_process(dataset: str, recipe: Recipe, size: int) -> None:
    """Make a pool process ready; Ctrl-C is left to the parent, which stops the pool."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = Worker(get_dataset(dataset), recipe, size)


def prepare_in_process(first: int, files: Sequence[RawFile]) -> Batch:
    """`Worker.prepare` of this pool process."""
    assert _worker is not None, "start_process has not run"
    return _worker.prepare(first, files)


def get_ready() -> None:
    """Nothing: that it has run shows that the process has started."""
