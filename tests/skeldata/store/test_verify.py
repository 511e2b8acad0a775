"""Verification of a store: sound ones pass, and manifests belong to theirs."""

import json
import re

import numpy as np
import pytest
import zarr

from skeldata import StoreError, UsageError, draw, open_store
from skeldata.splits import training_names, write_split
from skeldata.splits.split import list_split
from skeldata.store.verify import verify_store
from skeldata.synth import ntu_bytes, write_ucla
from support.store_files import prepared, told


def test_sound_stores_have_no_findings_and_progress_reaches_the_end(
    sound, ntu_store_path, tmp_path
):
    calls = []
    assert verify_store(sound, advanced=lambda *call: calls.append(call)) == []
    assert calls == [(5, 14), (10, 14), (14, 14)]
    assert verify_store(ntu_store_path) == []
    write_ucla(tmp_path / "raw", 7, seed=1)
    assert verify_store(prepared("ucla", tmp_path / "raw", tmp_path / "u.zarr", block=3)) == []


def test_a_store_of_test_rows_only_is_sound(tmp_path):
    """Its masks and ranks are all of one value, for which zarr may write no chunk."""
    (tmp_path / "raw").mkdir()
    for name in ("S001C001P003R001A001", "S001C001P003R002A001"):
        (tmp_path / "raw" / f"{name}.skeleton").write_bytes(ntu_bytes(name, frames=4))
    path = prepared("ntu", tmp_path / "raw", tmp_path / "t.zarr", frames=3)
    assert not open_store(path).train_mask("xsub").any()
    assert verify_store(path) == []


def test_not_more_than_a_block_of_an_array_is_read_at_once(sound, monkeypatch):
    read = []
    get = zarr.Array.__getitem__

    def watched(array, selection):
        values = get(array, selection)
        if np.ndim(values) >= 3:
            read.append(len(values))
        return values

    monkeypatch.setattr(zarr.Array, "__getitem__", watched)
    assert verify_store(sound) == []
    assert set(read) == {5}
    assert len(read) == 3 * 5  # three blocks of four streams and presence, each read once


def test_nothing_and_no_store(tmp_path):
    with pytest.raises(StoreError, match=r"no store at .*; make one with"):
        verify_store(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "is not a zarr store" in told(tmp_path / "empty")
    (tmp_path / "file").write_text("x")
    assert "is not a zarr store" in told(tmp_path / "file")


@pytest.fixture
def manifest(sound, tmp_path):
    names = training_names("ntu60", "xsub", open_store(sound).names)
    return write_split(draw("ntu60", "xsub", "0.4", 1, names=names), tmp_path / "splits")


def test_a_manifest_of_the_store_belongs_to_it(sound, manifest):
    assert verify_store(sound, manifests=[manifest, manifest.with_suffix(".txt")]) == []


def test_a_list_of_the_stores_names_belongs_to_it(sound, tmp_path):
    names = training_names("ntu60", "xsub", open_store(sound).names)[:3]
    path = write_split(list_split("ntu60", names, "xsub"), tmp_path)
    assert verify_store(sound, manifests=[path]) == []


def test_a_foreign_manifest_is_found(sound, manifest, tmp_path):
    ucla = write_split(draw("nw-ucla", "xview", "0.05"), tmp_path)
    assert "dataset is nw-ucla, not ntu60" in told(sound, manifests=[ucla])
    official = write_split(draw("ntu60", "xsub", "0.05"), tmp_path)
    assert re.search(
        r"the store lacks [\d,]+ (of the )?labelled names", told(sound, manifests=[official])
    )


def test_an_edited_manifest_is_found(sound, manifest):
    listing = manifest.with_suffix(".txt")
    names = listing.read_text().splitlines()
    listing.write_text("\n".join(names[1:]) + "\n")
    assert f"{listing}: {len(names) - 1} names, {manifest.name} says {len(names)}" in told(
        sound, manifests=[manifest]
    )


def test_a_manifest_drawn_by_another_seed_is_found(sound, manifest):
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"seed": 2}))
    assert "what the rule draws" in told(sound, manifests=[manifest])


def test_a_manifest_that_is_not_there_is_wrong_use(sound, tmp_path):
    with pytest.raises(UsageError, match="no such manifest"):
        verify_store(sound, manifests=[tmp_path / "x.json"])
