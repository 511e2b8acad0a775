"""HDF5: the store's arrays as data sets under their own paths.

Streams are chunked by rows, compressed with gzip and guarded by Fletcher checksums, which every
HDF5 library reads. ``name`` is variable-length UTF-8 text, ``present`` and train masks are HDF5
booleans (an enumeration of 0 and 1), ``attributes`` is the store's attributes as one JSON text; the
root's own attributes repeat format, dataset and digests. Groups ``splits/xsub`` carry ``seeds``,
the seeds of the columns of ``rank``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from skeldata.errors import MissingExtraError
from skeldata.export.files import Tally, blocks
from skeldata.export.npz import small_arrays
from skeldata.store.read import Store
from skeldata.store.schema import SPLIT_SEEDS, stream_shape

_ROWS_PER_CHUNK = 16  # half a megabyte of NTU joints: HDF5 caches whole chunks, 1 MB by default
_REPEATED = ("format", "format_version", "dataset", "content_digest", "source_digest")


def require_h5py() -> None:
    """Raise `MissingExtraError` if h5py cannot be imported."""
    try:
        import h5py  # noqa: F401
    except ImportError:
        raise MissingExtraError("HDF5 needs h5py: pip install 'skeldata[h5]'") from None


def write_h5(store: Store, path: Path, tally: Tally) -> None:
    """Write a store as HDF5."""
    import h5py

    tally.total = len(store) * len(store.streams)
    text = h5py.string_dtype("utf-8")
    with h5py.File(path, "w") as file:
        for key in _REPEATED:
            file.attrs[key] = store.attributes[key]
        for stream in store.streams:
            shape = stream_shape(store.dataset, len(store), store.frames)
            data = file.create_dataset(
                stream,
                shape=shape,
                dtype="<f4",
                chunks=(min(_ROWS_PER_CHUNK, shape[0]), *shape[1:]),
                compression="gzip",
                compression_opts=1,
                shuffle=True,
                fletcher32=True,
            )
            for part, values in blocks(store, stream, tally):
                data[part] = values
        for key, values in small_arrays(store).items():
            if key == "name":
                file.create_dataset(key, data=list(store.names), dtype=text)
            else:
                file.create_dataset(key, data=values)
        for protocol in store.dataset.protocols:
            file[f"splits/{protocol}"].attrs["seeds"] = np.array(SPLIT_SEEDS)
        file.create_dataset("attributes", data=json.dumps(store.attributes), dtype=text)
