"""When memory runs out: one line that says what to lower."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pspmodel.config import TrainConfig
from pspmodel.errors import OutOfMemoryError

# What PyTorch's allocators and libraries say when they do not raise a type of their own.
_SIGNS = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


@contextmanager
def memory_advice(doing: str, device: torch.device, advice: str) -> Iterator[None]:
    """Turn running out of memory inside into one line.

    Args:
        doing: what needs the memory, e.g. ``a training step``.
        device: where.
        advice: what to do about it.

    Raises:
        OutOfMemoryError: instead of what PyTorch or NumPy raised.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, OutOfMemoryError) or not _is_shortage(error):
            raise
        raise OutOfMemoryError(
            f"{doing} ran out of memory on {device}{_asked(str(error))}; {advice}"
        ) from error


def lower_batches(train: TrainConfig, section: str = "train") -> str:
    """What a training step can do without, with the values it has now.

    Args:
        train: the stage's settings.
        section: of the recipe where they stand, e.g. ``stage.pretrain.train``.
    """
    ways = [
        f"{section}.{name} (now {batch})"
        for name, batch in (
            ("unlabelled_batch", train.unlabelled_batch), ("labelled_batch", train.labelled_batch)
        )
        if batch
    ]  # fmt: skip
    lower = f"lower {' or '.join(ways)}"
    return lower if train.precision == "bf16" else f"{lower}, or set {section}.precision=bf16"


def _is_shortage(error: Exception) -> bool:
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(
        sign in str(error) for sign in _SIGNS
    )


def _asked(message: str) -> str:
    """How much was asked for, where the message says so."""
    if found := re.search(r"allocate ([\d.]+ [KMG]iB)", message):
        return f" ({found[1]} more were asked for)"
    if found := re.search(r"allocate (\d+) bytes", message):
        return f" ({int(found[1]) / 2**30:,.1f} GiB more were asked for)"
    return ""
