"""What a new store may replace, and what it never touches."""

import json

import pytest

from skeldata.errors import StoreExistsError, UsageError
from skeldata.store.target import check_replaceable, real_target


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_store_is_never_replaced(tmp_path, overwrite):
    folder, file, foreign = tmp_path / "results", tmp_path / "a.zip", tmp_path / "other.zarr"
    folder.mkdir()
    (folder / "thesis.tex").write_text("precious")
    file.write_bytes(b"PK")
    foreign.mkdir()
    (foreign / "zarr.json").write_text(json.dumps({"attributes": {"format": "ome"}}))
    for target in (folder, file, foreign):
        with pytest.raises(StoreExistsError, match=r"is no skeldata store; remove it, or choose"):
            check_replaceable(target, overwrite=overwrite)


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", '{"attributes": []}', "\xff"])
def test_metadata_that_does_not_say_so_is_no_store(tmp_path, content):
    (tmp_path / "zarr.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(StoreExistsError, match="no skeldata store"):
        check_replaceable(tmp_path, overwrite=True)


def test_a_store_or_an_empty_folder_is_replaced_if_asked(ntu_store_path, tmp_path):
    check_replaceable(tmp_path / "nothing", overwrite=False)
    for target in (ntu_store_path, tmp_path):
        check_replaceable(target, overwrite=True)
        with pytest.raises(StoreExistsError, match="add --overwrite"):
            check_replaceable(target, overwrite=False)


@pytest.mark.parametrize("out", [".", "", "/", "..", "a/.."])
def test_a_place_without_a_name_is_refused(monkeypatch, tmp_path, out):
    from pathlib import Path

    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"names no store; give one, e\.g\. --out "):
        real_target(Path(out))


def test_recordings_are_not_written_over(tmp_path):
    raw = tmp_path / "raw"
    (raw / "deep").mkdir(parents=True)
    for out in (raw, tmp_path / "deep" / ".." / "raw"):
        with pytest.raises(UsageError, match=r"holds the recordings .*; choose another --out"):
            real_target(out, [raw / "deep"])
    assert real_target(raw / "ucla.zarr", [raw]) == raw / "ucla.zarr"


def test_behind_a_link_lies_the_place(tmp_path):
    (tmp_path / "link.zarr").symlink_to(tmp_path / "disk" / "s.zarr")
    assert real_target(tmp_path / "link.zarr") == tmp_path / "disk" / "s.zarr"
