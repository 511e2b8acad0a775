"""What may be written, or replaced, at the place that a store is to have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from skeldata.errors import StoreExistsError, UsageError
from skeldata.store.schema import FORMAT


def real_target(target: Path, raw: Sequence[Path] = ()) -> Path:
    """The place to write to: behind a link, so that a store on another disk is replaced there.

    Raises:
        UsageError: ``target`` has no name of its own, or recordings that are to be read lie in it.
    """
    if target.name in ("", ".."):
        raise UsageError(
            f"{str(target)!r} names no store; give one, e.g. --out {target / 'x.zarr'}"
        )
    real = target.resolve() if target.is_symlink() else target
    for root in raw:
        if root.resolve().is_relative_to(real.resolve()):
            raise UsageError(f"{target} holds the recordings ({root}); choose another --out")
    return real


def check_replaceable(target: Path, *, overwrite: bool) -> None:
    """Refuse to write over what is there, unless it is a store, or empty, and ``overwrite`` is on.

    Raises:
        StoreExistsError: something that must stay is at ``target``.
    """
    if not target.exists():
        return
    if not _is_store(target) and not _is_empty(target):
        raise StoreExistsError(
            f"{target} already exists and is no skeldata store; remove it, or choose another --out"
        )
    if not overwrite:
        raise StoreExistsError(f"{target} already exists; add --overwrite to replace it")


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _is_store(path: Path) -> bool:
    """Whether its root says so; nothing else needs to be right, since it is to be replaced."""
    try:
        content = json.loads((path / "zarr.json").read_bytes())
        return bool(content["attributes"]["format"] == FORMAT)
    except (OSError, ValueError, TypeError, KeyError):
        return False
