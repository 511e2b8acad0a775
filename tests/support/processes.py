"""A few processes joined by gloo, started once and asked many things."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_SECONDS = 60


class Processes:
    """Runs the same function in every process of a group.

    Args:
        count: of processes.
        folder: an empty one, for their first meeting.
    """

    def __init__(self, count: int, folder: Path) -> None:
        self.count = count
        self._folder = folder
        self._members: list[tuple[Any, Connection]] = []
        self._groups = 0

    def run(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Call ``function(*arguments)`` in each process; what each returned, by rank.

        The function must be importable (not of a test module); exceptions fail the test.
        """
        if not self._members:
            self._start()
        for _, connection in self._members:
            connection.send((function, arguments))
        answers = []
        for rank, (_, connection) in enumerate(self._members):
            answered = connection.poll(_SECONDS)
            done, answer = connection.recv() if answered else (False, "no answer: it hangs")
            if not done:
                self.stop()  # the others may wait for this one for ever
                raise AssertionError(f"process {rank}: {answer}")
            answers.append(answer)
        return answers

    def stop(self) -> None:
        """End the processes; `run` starts new ones."""
        for process, connection in self._members:
            connection.close()
            process.kill()
            process.join()
        self._members = []

    def _start(self) -> None:
        self._groups += 1
        context = multiprocessing.get_context("spawn")
        for rank in range(self.count):
            ours, theirs = context.Pipe()
            meeting = self._folder / f"group-{self._groups}"
            process = context.Process(
                target=_serve, args=(theirs, rank, self.count, str(meeting)), daemon=True
            )
            process.start()
            self._members.append((process, ours))


def _serve(connection: Connection, rank: int, count: int, meeting: str) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=count,
        timeout=timedelta(seconds=_SECONDS / 2),
    )
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        try:
            answer = (True, function(*arguments))
        except BaseException:
            answer = (False, traceback.format_exc())
        connection.send(answer)
