"""Every error that pspmodel raises on purpose.

::

    PspmodelError                          exit 4    the root: catch this one
    ├── UsageError          (ValueError)   exit 2    a wrong argument
    ├── ConfigError         (ValueError)   exit 2    a recipe or setting is invalid
    ├── DataMismatchError   (ValueError)   exit 4    the data does not fit the model or the run
    ├── CheckpointError                    exit 4    a checkpoint is missing or damaged
    ├── NonFiniteLossError  (RuntimeError) exit 5    training produced nan or infinity
    ├── OutOfMemoryError    (MemoryError)  exit 4    the device or the machine has no memory left
    ├── InterruptedRunError                exit 130  stopped by a signal; the run can be resumed
    └── MissingExtraError  (ImportError)   exit 2    an optional dependency is not installed

A message is one line: what went wrong, the value, where, what to do about it.
"""

from __future__ import annotations


class PspmodelError(Exception):
    """Root of the tree; ``exit_code`` is what the command line returns for it."""

    exit_code = 4


class UsageError(PspmodelError, ValueError):
    """An argument has a value that cannot be used."""

    exit_code = 2


class ConfigError(PspmodelError, ValueError):
    """A recipe or setting is invalid; the message lists every fault found."""

    exit_code = 2


class DataMismatchError(PspmodelError, ValueError):
    """The data does not fit the model or the run: another layout, class count, frame count, split.

    Attributes:
        what: the quantity that differs, e.g. ``frame count``.
        expected: what the model or the run needs.
        found: what the data has.
        where: the store, manifest or run that has it.
        advice: what to do.

    >>> str(DataMismatchError("frame count", 50, 64, "ntu.zarr", "prepare it with --frames 50"))
    'frame count of ntu.zarr is 64, expected 50; prepare it with --frames 50'
    """

    def __init__(self, what: str, expected: object, found: object, where: str, advice: str) -> None:
        self.what = what
        self.expected = expected
        self.found = found
        self.where = where
        self.advice = advice
        super().__init__(f"{what} of {where} is {found}, expected {expected}; {advice}")

    def __reduce__(self) -> tuple[type[DataMismatchError], tuple[object, ...]]:
        """Rebuild from the parts, not from the message, when crossing processes."""
        return type(self), (self.what, self.expected, self.found, self.where, self.advice)


class CheckpointError(PspmodelError):
    """A checkpoint is missing, damaged, or of another kind than asked for."""


class NonFiniteLossError(PspmodelError, RuntimeError):
    """Training produced a number that is not finite; the last good checkpoint stays.

    Attributes:
        step: 0-based optimisation step at which it happened.
        term: the loss term, e.g. ``contrast/joint``; ``weights`` where losses were finite still.
        value: what it was: ``nan``, ``inf`` or ``-inf``; of weights always ``nan``.

    >>> str(NonFiniteLossError(120, "contrast/joint", float("nan")))
    "step 120: loss term 'contrast/joint' is nan; lower the learning rate, in a run of its own"
    >>> str(NonFiniteLossError(120, "weights", float("nan")))
    'step 120: weights are nan or infinite; lower the learning rate, in a run of its own'
    """

    exit_code = 5

    def __init__(self, step: int, term: str, value: float) -> None:
        self.step = step
        self.term = term
        self.value = value
        found = f"loss term {term!r} is {value}"
        if term == "weights":
            found = "weights are nan or infinite"
        super().__init__(f"step {step}: {found}; lower the learning rate, in a run of its own")

    def __reduce__(self) -> tuple[type[NonFiniteLossError], tuple[object, ...]]:
        """Rebuild from the parts, not from the message, when crossing processes."""
        return type(self), (self.step, self.term, self.value)


class OutOfMemoryError(PspmodelError, MemoryError):
    """The device or the machine has no memory left; the message says what to lower."""


class InterruptedRunError(PspmodelError):
    """Training was stopped by a signal after saving its state; ``--resume`` continues it."""

    exit_code = 130


class MissingExtraError(PspmodelError, ImportError):
    """An optional dependency is needed and not installed; the message gives the command."""

    exit_code = 2
