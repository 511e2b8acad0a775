"""The error tree: exit codes, built-in parents, and that errors survive a process border."""

from __future__ import annotations

import inspect
import math
import pickle
from typing import Any

import pytest

from pspmodel import errors

EXIT_CODES = {
    "PspmodelError": 4,
    "UsageError": 2,
    "ConfigError": 2,
    "DataMismatchError": 4,
    "CheckpointError": 4,
    "NonFiniteLossError": 5,
    "OutOfMemoryError": 4,
    "InterruptedRunError": 130,
    "MissingExtraError": 2,
}


def test_every_error_has_the_exit_code_that_the_tree_shows() -> None:
    classes: dict[str, Any] = dict(inspect.getmembers(errors, inspect.isclass))
    assert {name: kind.exit_code for name, kind in classes.items()} == EXIT_CODES
    for name, kind in classes.items():
        assert issubclass(kind, errors.PspmodelError)
        line = next(line for line in errors.__doc__.splitlines() if f" {name} " in line)
        assert f"exit {kind.exit_code} " in line
        for base in (ValueError, RuntimeError, MemoryError):
            assert issubclass(kind, base) == (f"({base.__name__})" in line)


@pytest.mark.parametrize(
    "error",
    [
        errors.DataMismatchError("class count", 60, 10, "ucla.zarr", "give another store"),
        errors.NonFiniteLossError(7, "contrast/body", math.inf),
        errors.ConfigError("optimiser.lr is -1; it must be positive"),
    ],
)
def test_errors_cross_processes_unchanged(error: errors.PspmodelError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_a_mismatch_names_both_numbers() -> None:
    message = str(errors.DataMismatchError("class count", 60, 10, "ucla.zarr", "give another"))
    assert message == "class count of ucla.zarr is 10, expected 60; give another"
