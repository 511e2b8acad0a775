"""A store in the formats that other tools read: HDF5, npz, PYSKL's pickle and CTR-GCN's npz."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from skeldata.errors import UsageError
from skeldata.export.files import Tally, atomic_output
from skeldata.store.read import Store, open_store

Format = Literal["h5", "npz", "pyskl", "ctrgcn"]
FORMATS: tuple[Format, ...] = get_args(Format)

__all__ = ["FORMATS", "Format", "export_store"]


def export_store(
    store: str | Path | Store,
    to: Format,
    out: str | Path,
    *,
    protocol: str | None = None,
    overwrite: bool = False,
    advanced: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a store to one file of another format.

    The file appears whole or not at all. Clips are the store's: selected, normalised and resampled
    to T frames by its recipe, whatever the format.

    Args:
        store: a store or its path; read block by block.
        to: ``h5`` (`skeldata.export.h5`), ``npz`` (`skeldata.export.npz`), ``pyskl``
            (`skeldata.export.pyskl`) or ``ctrgcn`` (`skeldata.export.ctrgcn`).
        out: the file.
        protocol: whose training and test clips; only for ``ctrgcn``, where it may be left out if
            the dataset has one protocol.
        overwrite: replace an existing file.
        advanced: called with (rows written, rows in all) after every block; rows count once for
            each stream.

    Returns:
        The path of the file.

    Raises:
        UsageError: an unknown format or protocol.
        MissingExtraError: ``h5`` and h5py is not installed.
        StoreExistsError: ``out`` exists and ``overwrite`` is off.
        StoreError: the store is unreadable, or ``out`` cannot be written.
    """
    if to not in FORMATS:
        raise UsageError(f"unknown format {to!r}; use one of: {', '.join(FORMATS)}")
    if protocol is not None and to != "ctrgcn":
        raise UsageError(f"{to} holds all protocols; --protocol is for ctrgcn")
    opened = store if isinstance(store, Store) else open_store(store)
    tally = Tally(advanced)
    path = Path(out)
    if to == "h5":
        from skeldata.export.h5 import require_h5py, write_h5

        require_h5py()
        with atomic_output(path, overwrite) as temporary:
            write_h5(opened, temporary, tally)
    elif to == "npz":
        from skeldata.export.npz import write_npz

        with atomic_output(path, overwrite) as temporary:
            write_npz(opened, temporary, tally)
    elif to == "pyskl":
        from skeldata.export.pyskl import write_pyskl

        with atomic_output(path, overwrite) as temporary:
            write_pyskl(opened, temporary, tally)
    else:
        from skeldata.export.ctrgcn import choose_protocol, write_ctrgcn

        chosen = choose_protocol(opened.dataset, protocol)
        with atomic_output(path, overwrite) as temporary:
            write_ctrgcn(opened, temporary, chosen, tally)
    return path
