"""Small stores for tests, and ways to change what lies in them behind zarr's back or with it."""

import json
import shutil

import numpy as np
import pytest
import zarr

from skeldata import open_store, prepare
from skeldata.store import write
from skeldata.store.seal import SEAL, attributes_digest
from skeldata.store.verify import verify_store


def prepared(family, raw, out, *, block=5, **options):
    """A store with blocks of few rows, so that few recordings make several blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "ROWS_PER_BLOCK", block)
        prepare(family, [raw], out, workers=1, **options)
    return out


def copied(store, folder):
    return shutil.copytree(store, folder / "copy.zarr")


def change(store, path, edit):
    """Let ``edit`` change the values of an array in place, or return new ones."""
    array = zarr.open_array(store / path, mode="r+", config={"write_empty_chunks": True})
    values = array[...]
    edited = edit(values)
    array[...] = values if edited is None else edited


def change_attributes(store, edit, path=".", *, seal=True):
    """Let ``edit`` change the attributes of a group in place; the root's are sealed again."""

    def edited(content):
        edit(content["attributes"])
        if seal and path == ".":
            content["attributes"][SEAL] = attributes_digest(content["attributes"])

    change_json(store / path / "zarr.json", edited)


def change_json(file, edit):
    content = json.loads(file.read_bytes())
    edit(content)
    file.write_text(json.dumps(content, indent=2))


def rewrite(store, path, values=None, **options):
    """Replace an array by one that is made anew, e.g. with other chunks, codecs or type."""
    old = zarr.open_array(store / path, mode="r")
    values = old[...] if values is None else values
    options = {"chunks": old.chunks, "dtype": old.dtype} | options
    shutil.rmtree(store / path)
    array = zarr.create_array(
        store / path,
        shape=np.shape(values),
        zarr_format=3,
        config={"write_empty_chunks": True},
        **options,
    )
    array[...] = values


def told(store, **options):
    """Findings of `verify_store`, a line each."""
    return "\n".join(map(str, verify_store(store, **options)))


def name_of(store, row):
    """Sample name of a row."""
    return open_store(store).names[row]
