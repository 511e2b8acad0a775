"""Raw skeleton recordings to one zarr store, with label splits that any lab reproduces."""

__version__ = "0.1.0"
