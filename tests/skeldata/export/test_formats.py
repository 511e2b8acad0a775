"""Every format is read back with the library its users have, and compared with the store."""

import json
import pickle
import pickletools
import zipfile

import h5py
import numpy as np
import pytest

from skeldata import open_store
from skeldata.errors import MissingExtraError, StoreError, StoreExistsError, UsageError
from skeldata.export import FORMATS, export_store
from skeldata.export import files as export_files
from skeldata.synth import write_ntu, write_ucla
from support.store_files import copied, prepared


@pytest.fixture(scope="module", params=["ntu", "ucla"])
def store(request, tmp_path_factory):
    """11 rows of 6 frames, the NTU ones with bones too."""
    folder = tmp_path_factory.mktemp("export")
    if request.param == "ntu":
        write_ntu(folder / "raw.zip", 11, seed=1, actions=[5, 50])
        streams = ["bone"]
    else:
        write_ucla(folder / "raw.zip", 11, seed=1)
        streams = []
    out = folder / "s.zarr"
    return open_store(prepared(request.param, folder / "raw.zip", out, frames=6, streams=streams))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(export_files, "_ROWS_AT_ONCE", 4)


def expected(store):
    arrays = {name: store.read(stream=name) for name in store.streams}
    arrays |= {"present": store.read_present(), "label": store.labels, "length": store.lengths}
    arrays |= {name: store.column(name) for name in store.attributes["columns"]}
    for protocol in store.dataset.protocols:
        arrays[f"splits/{protocol}/train"] = store.train_mask(protocol)
        ranks = [store.ranks(protocol, seed) for seed in range(5)]
        arrays[f"splits/{protocol}/rank"] = np.stack(ranks, axis=1)
    return arrays


def test_npz_holds_every_array_and_nothing_pickled(store, tmp_path):
    calls = []
    path = export_store(store, "npz", tmp_path / "s.npz", advanced=lambda *call: calls.append(call))
    arrays = expected(store)
    with np.load(path) as found:  # allow_pickle is off
        assert set(found) == {*arrays, "name", "attributes"}
        for key, values in arrays.items():
            np.testing.assert_array_equal(found[key], values, err_msg=key)
        assert found["joint"].dtype == np.float32
        assert found["name"].tolist() == list(store.names)
        assert json.loads(str(found["attributes"])) == store.attributes
    total = 11 * len(store.streams)
    assert calls[0] == (4, total)
    assert calls[-1] == (total, total)


def test_equal_stores_give_equal_npz_files(store, tmp_path):
    a, b = (export_store(store, "npz", tmp_path / f"{name}.npz").read_bytes() for name in "ab")
    assert a == b
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_h5_holds_every_array_with_attributes(store, tmp_path):
    path = export_store(store, "h5", tmp_path / "s.h5")
    arrays = expected(store)
    with h5py.File(path) as found:
        for key, values in arrays.items():
            np.testing.assert_array_equal(found[key][...], values, err_msg=key)
        assert found["joint"].dtype == np.float32
        assert found["present"].dtype == np.bool_
        assert found["joint"].fletcher32
        assert found["name"].asstr()[...].tolist() == list(store.names)
        assert json.loads(found["attributes"].asstr()[()]) == store.attributes
        assert found.attrs["content_digest"] == store.content_digest
        for protocol in store.dataset.protocols:
            assert found[f"splits/{protocol}"].attrs["seeds"].tolist() == [0, 1, 2, 3, 4]


def test_pyskl_has_its_layout(store, tmp_path):
    path = export_store(store, "pyskl", tmp_path / "s.pkl")
    with path.open("rb") as file:
        content = pickle.load(file)
    assert list(content) == ["split", "annotations"]
    train = {p: store.train_mask(p) for p in store.dataset.protocols}
    assert set(content["split"]) == {f"{p}_{part}" for p in train for part in ("train", "val")}
    for protocol, mask in train.items():
        for part, rows in (("train", mask), ("val", ~mask)):
            names = [store.names[row] for row in np.flatnonzero(rows)]
            assert content["split"][f"{protocol}_{part}"] == names
    assert type(content["annotations"]) is list
    joint, present = store.read(), store.read_present()
    for row, annotation in enumerate(content["annotations"]):
        assert set(annotation) == {"frame_dir", "label", "total_frames", "keypoint"}
        assert annotation["frame_dir"] == store.names[row]
        assert annotation["label"] == store.labels[row]
        assert type(annotation["label"]) is int
        assert annotation["total_frames"] == 6
        keypoint = annotation["keypoint"]
        bodies = present[row].any(axis=1).sum()
        assert keypoint.shape == (bodies, 6, store.layout.joint_count, 3)
        assert keypoint.dtype == np.float16
        np.testing.assert_array_equal(keypoint, joint[row, :bodies].astype(np.float16))
        keypoint += 1  # PYSKL's augmentations write in place
    assert row == 10


def test_pyskl_names_nothing_that_another_numpy_lacks(store, tmp_path):
    data = export_store(store, "pyskl", tmp_path / "s.pkl").read_bytes()
    strings, named = [], set()
    for op, argument, _ in pickletools.genops(data):
        if "UNICODE" in op.name:
            strings.append(argument)
        if op.name == "STACK_GLOBAL":
            named.add(".".join(strings[-2:]))
        if op.name == "PROTO":
            assert argument == 4
    assert named == {"builtins.list", "builtins.bytearray", "numpy.ndarray"}


def test_ctrgcn_has_its_layout(store, tmp_path):
    protocol = list(store.dataset.protocols)[-1]
    path = export_store(store, "ctrgcn", tmp_path / "c.npz", protocol=protocol)
    joint, persons = store.read(), store.persons
    joints = store.layout.joint_count
    mask = store.train_mask(protocol)
    with np.load(path) as found:
        for part, rows in (("train", mask), ("test", ~mask)):
            x, y = found[f"x_{part}"], found[f"y_{part}"]
            assert x.shape == (rows.sum(), 6, persons * joints * 3)
            # As their feeder takes it apart: (N, T, M, V, C) -> (N, C, T, V, M).
            again = x.reshape(-1, 6, persons, joints, 3).transpose(0, 4, 1, 3, 2)
            np.testing.assert_array_equal(again, joint[rows].transpose(0, 4, 2, 3, 1))
            assert y.shape == (rows.sum(), len(store.dataset.classes))
            np.testing.assert_array_equal(np.where(y > 0)[1], store.labels[rows])
            assert y.sum() == rows.sum()
            names = [store.names[row] for row in np.flatnonzero(rows)]
            assert found[f"name_{part}"].tolist() == names


def test_a_part_without_rows_is_an_empty_array(store, tmp_path):
    class AllTrain(type(store)):
        def train_mask(self, protocol):
            return np.ones(len(self), dtype=bool)

    full = AllTrain(store.path, store._group, store.attributes)
    protocol = next(iter(store.dataset.protocols))
    with np.load(export_store(full, "ctrgcn", tmp_path / "c.npz", protocol=protocol)) as found:
        assert found["x_test"].shape[0] == found["y_test"].shape[0] == len(found["name_test"]) == 0


# ---- what all formats share ----------------------------------------------------------------------


@pytest.mark.parametrize("to", FORMATS)
def test_a_file_is_only_replaced_when_asked_and_never_half_written(
    store, to, tmp_path, monkeypatch
):
    protocol = "xview" if to == "ctrgcn" else None
    out = tmp_path / "deep" / "file"
    export_store(store, to, out, protocol=protocol)
    first = out.read_bytes()
    with pytest.raises(StoreExistsError, match="already exists; add --overwrite"):
        export_store(store, to, out, protocol=protocol)

    class Breaking(type(store)):
        def read(self, rows=None, stream="joint"):
            if len(self.seen) == 2:
                raise OSError(28, "No space left on device")
            self.seen.append(rows)
            return super().read(rows, stream)

    breaking = Breaking(store.path, store._group, store.attributes)
    breaking.seen = []
    with pytest.raises(StoreError, match=f"cannot write {out}: no space left on the disk"):
        export_store(breaking, to, out, protocol=protocol, overwrite=True)
    assert out.read_bytes() == first
    assert [path.name for path in out.parent.iterdir()] == ["file"]
    export_store(store, to, out, protocol=protocol, overwrite=True)
    assert [path.name for path in out.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("to", FORMATS)
def test_an_interruption_leaves_nothing(store, to, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    protocol = "xview" if to == "ctrgcn" else None
    with pytest.raises(KeyboardInterrupt):
        export_store(store, to, tmp_path / "file", protocol=protocol, advanced=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_is_told(store, tmp_path):
    with pytest.raises(
        UsageError, match="unknown format 'mat'; use one of: h5, npz, pyskl, ctrgcn"
    ):
        export_store(store, "mat", tmp_path / "x")
    with pytest.raises(UsageError, match="npz holds all protocols"):
        export_store(store, "npz", tmp_path / "x", protocol="xview")
    with pytest.raises(UsageError, match="has no protocol 'xset'"):
        export_store(store, "ctrgcn", tmp_path / "x", protocol="xset")
    if len(store.dataset.protocols) > 1:
        with pytest.raises(UsageError, match="give --protocol, one of: xsub, xview"):
            export_store(store, "ctrgcn", tmp_path / "x")
    else:
        export_store(store, "ctrgcn", tmp_path / "x")
    with pytest.raises(StoreError, match="is a folder; give a file"):
        export_store(store, "npz", tmp_path)


def test_without_h5py_the_extra_is_named(store, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"HDF5 needs h5py: pip install 'skeldata\[h5\]'"):
        export_store(store, "h5", tmp_path / "x.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_block_is_not_exported_as_zeros(store, tmp_path):
    copy = copied(store.path, tmp_path)
    (copy / "joint/c/1/0/0/0/0").unlink()
    with pytest.raises(StoreError, match="block 1 of joint is missing"):
        export_store(copy, "npz", tmp_path / "x.npz")
