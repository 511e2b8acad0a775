"""The store: one zarr v3 group a dataset, format 1 (docs/store-format.md is the contract)."""

from skeldata.store.read import Store, open_store

__all__ = ["Store", "open_store"]
