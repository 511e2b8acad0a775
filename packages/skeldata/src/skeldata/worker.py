"""What one worker does: read files, parse, prepare; faults of a file become rejections."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import numpy as np

from skeldata.clean.clip import prepare_clip
from skeldata.datasets import Dataset, get_dataset
from skeldata.errors import ParseError
from skeldata.memory import keep_one_heap
from skeldata.parse.choice import WORTH_COMPILED, Parser, load_parser
from skeldata.sources import RawFile, SourceReader
from skeldata.store.digest import row_digest
from skeldata.store.rows import Batch, Rows
from skeldata.store.schema import stream_shape
from skeldata.types import Clip, RawSequence, Rejection

if TYPE_CHECKING:
    from skeldata.recipe import Recipe

_FILES_AHEAD = 2


class Worker:
    """Prepares runs of files of one dataset with one recipe; keeps archives open in between.

    Args:
        dataset: what the files are.
        recipe: how they are prepared.
        size: bytes of all files to come, which decide whether a compiled parser pays.
        ahead: read files in a thread while those before them are parsed.
    """

    def __init__(
        self, dataset: Dataset, recipe: Recipe, size: int = WORTH_COMPILED, *, ahead: bool = False
    ) -> None:
        self.dataset = dataset
        self.recipe = recipe
        self.reader = SourceReader()
        self.size = size
        self._ahead = ThreadPoolExecutor(1, "skeldata-read") if ahead else None

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
        for offset, (file, data) in enumerate(zip(files, self._contents(files), strict=True)):
            crcs.append(file.crc or 0)
            try:
                if isinstance(data, ParseError):
                    raise data
                crcs[-1] = self.reader.crc(file, data)
                clips.append(prepare_clip(self._parse(file.name, data), self.recipe, self.dataset))
                kept.append(offset)
            except ParseError as fault:
                rejected.append((offset, Rejection(file.name, fault.reason, fault.line)))
        return Batch(first, crcs, kept, rejected, self._rows([files[k].name for k in kept], clips))

    def _contents(self, files: Sequence[RawFile]) -> Iterator[bytes | ParseError]:
        """The bytes of each file, or why it cannot be read."""
        runs = [files[start : start + _FILES_AHEAD] for start in range(0, len(files), _FILES_AHEAD)]
        if self._ahead is None:
            for run in runs:
                yield from self._read(run)
            return
        # Reading and inflating leave Python's lock to the parser, and take as long.
        coming = deque(self._ahead.submit(self._read, run) for run in runs[:1])
        for run in [*runs[1:], ()]:
            coming.append(self._ahead.submit(self._read, run))
            yield from coming.popleft().result()

    def _read(self, files: Sequence[RawFile]) -> list[bytes | ParseError]:
        contents: list[bytes | ParseError] = []
        for file in files:
            try:
                contents.append(self.reader.read(file))
            except ParseError as fault:
                contents.append(fault)
        return contents

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

    Says None once it is ready. Takes (first, files) and answers each with a `Batch`, or with the
    error that it met.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then hangs up
    keep_one_heap()
    worker = Worker(get_dataset(dataset), recipe, size)
    worker.parser  # noqa: B018 - takes a while
    with suppress(OSError):
        connection.send(None)
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
