"""The store: one zarr v3 group a dataset, format 1 (docs/store-format.md is the contract).

What reads it is loaded when first used: worker processes, which make rows, need no zarr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skeldata.store.read import Store, open_store

__all__ = ["Store", "open_store"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'skeldata.store' has no attribute {name!r}")
    from skeldata.store import read

    return getattr(read, name)
