"""The lines of ``metrics.jsonl`` as TensorBoard events, for those who watch training there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pspmodel.errors import MissingExtraError


class Board:
    """Writes events into a folder; to be closed (`contextlib.closing`).

    Args:
        folder: of the events.
        step: of the run that goes on; what was written behind it is hidden.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtraError(
                "--tensorboard needs TensorBoard; install it with: pip install 'pspmodel[tensorboard]'"
            ) from None
        self._writer: Any = SummaryWriter(str(folder), purge_step=step + 1)

    def add(self, line: Mapping[str, Any]) -> None:
        """Write what a line of ``metrics.jsonl`` says."""
        step = line["step"]
        if line["kind"] == "train":
            scalars = {"loss/sum": line["loss"], "rate": line["lr"]}
            scalars |= {f"loss/{name}": value for name, value in line["terms"].items()}
        else:
            scalars = {f"accuracy/{name}": line[name] for name in ("test", "held_out")}
        for name, value in scalars.items():
            if value is not None:
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
