"""What one worker does: read files, parse, prepare; faults of a file become rejections."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from functools import cached_property
from multiprocessing.connection import Connection

import numpy as np

from skeldata.clean.clip import prepare_clip
from skeldata.datasets import Dataset, get_dataset
from skeldata.errors import ParseError
from skeldata.memory import keep_one_heap
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


def serve(connection: Connection, dataset: str, recipe: Recipe, size: int) -> None:
    """What a helper process does: prepare the files that come in, until nobody sends any more.

    Takes (first, files) and answers each with a `Batch`, or with the error that it met.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then hangs up
    keep_one_heap()
    worker = Worker(get_dataset(dataset), recipe, size)
    while True:
        try:
            first, files = connection.recv()
        except EOFError:
            return
        try:
            answer: Batch | Exception = worker.prepare(first, files)
        except Exception as error:
            answer = error
        try:
            connection.send(answer)
        except OSError:
            return
