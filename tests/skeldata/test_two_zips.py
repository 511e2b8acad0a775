"""NTU-120 as it is downloaded: two zips, prepared in one call of the real command line."""

import subprocess
import sys
import zipfile

import pytest

from skeldata import open_store
from skeldata.store.verify import verify_store
from skeldata.synth import ntu_bytes

FIRST = [f"S{setup:03}C00{camera}P001R001A001" for setup in (1, 9, 17) for camera in (1, 2)]
SECOND = [f"S{setup:03}C00{camera}P041R001A061" for setup in (18, 25, 32) for camera in (2, 3)]
SHARED = FIRST[3]


def raw(name, seed=0):
    return ntu_bytes(name, seed, frames=20, quirks=False)


def write_zip(path, contents, folder="nturgb+d_skeletons"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(f"{folder}/{name}.skeleton", data)
    return path


@pytest.fixture
def first(tmp_path):
    return write_zip(
        tmp_path / "nturgbd_skeletons_s001_to_s017.zip", {name: raw(name) for name in FIRST}
    )


def prepare(out, *archives):
    command = [sys.executable, "-m", "skeldata", "prepare", "ntu", "--out", str(out)]
    for archive in archives:
        command += ["--raw", str(archive)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def second(folder, **more):
    contents = {name: raw(name) for name in SECOND} | more
    return write_zip(folder / "nturgbd_skeletons_s018_to_s032.zip", contents, "skeletons")


def test_two_zips_are_one_dataset(first, tmp_path):
    done = prepare(tmp_path / "o.zarr", first, second(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "NTU RGB+D 120: 12 rows" in done.stderr
    store = open_store(tmp_path / "o.zarr")
    assert store.names == tuple(sorted(FIRST + SECOND))
    assert store.dataset.id == "ntu120"
    train = store.train_mask("xset")
    assert [int(name[1:4]) % 2 == 0 for name in store.names] == train.tolist()
    assert verify_store(tmp_path / "o.zarr") == []

    whole = write_zip(tmp_path / "whole.zip", {name: raw(name) for name in SECOND + FIRST})
    assert prepare(tmp_path / "w.zarr", whole).returncode == 0
    assert open_store(tmp_path / "w.zarr").content_digest == store.content_digest
    assert prepare(tmp_path / "x.zarr", second(tmp_path), first).returncode == 0
    assert open_store(tmp_path / "x.zarr").content_digest == store.content_digest


def test_a_recording_that_lies_in_both_counts_once(first, tmp_path):
    done = prepare(tmp_path / "o.zarr", first, second(tmp_path, **{SHARED: raw(SHARED)}))
    assert done.returncode == 0, done.stderr
    assert "NTU RGB+D 120: 12 rows" in done.stderr
    assert "(1 ignored)" in done.stderr
    (ignored,) = open_store(tmp_path / "o.zarr").attributes["ignored"]
    assert ignored == {
        "path": f"nturgbd_skeletons_s018_to_s032.zip:skeletons/{SHARED}.skeleton",
        "reason": "same bytes as nturgbd_skeletons_s001_to_s017.zip:"
        f"nturgb+d_skeletons/{SHARED}.skeleton",
    }


def test_two_recordings_of_one_name_are_refused(first, tmp_path):
    other = second(tmp_path, **{SHARED: raw(SHARED, seed=1)})
    done = prepare(tmp_path / "o.zarr", first, other)
    assert done.returncode == 4
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line == (
        f"error: {SHARED} stands twice with different content: "
        f"{first}:nturgb+d_skeletons/{SHARED}.skeleton and "
        f"{other}:skeletons/{SHARED}.skeleton; give only one"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.name, other.name])


def test_the_same_zip_twice_is_taken_once(first, tmp_path):
    done = prepare(tmp_path / "o.zarr", first, first)
    assert done.returncode == 0, done.stderr
    assert "NTU RGB+D 60: 6 rows" in done.stderr
    assert "(6 ignored)" in done.stderr
