"""Bare lists of names: read in any form and order, refused with a line."""

import dataclasses
import gzip
import pickle

import pytest

from skeldata.errors import ManifestError
from skeldata.splits import (
    draw,
    import_list,
    is_bare,
    list_split,
    read_manifest,
    training_names,
    write_split,
)
from skeldata.splits.listing import list_bytes

UCLA = training_names("nw-ucla", "xview")


def test_a_bare_list_in_any_order_and_line_ends(tmp_path):
    path = tmp_path / "theirs.txt"
    path.write_bytes(b"\r\n  a02_s01_e00_v01 \r\na01_s01_e00_v02\r\n\na01_s01_e00_v01")
    split = read_manifest(path, dataset="nw-ucla", protocol="xview")
    assert split.names == ("a01_s01_e00_v01", "a01_s01_e00_v02", "a02_s01_e00_v01")
    assert (split.rule, split.protocol) == ("list", "xview")
    plain = list_split("nw-ucla", split.names, "xview")
    assert dataclasses.replace(split, warnings=()) == plain
    assert split.warnings == (
        "8 classes have no labelled name: 2 (drop trash), 3 (walk around), 4 (sit down) and 5 more",
    )
    assert read_manifest(path, dataset="nw-ucla").protocol is None


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("old.csv", "file,label\r\na01_s01_e00_v01.json,0\r\nraw/a12_s02_e00_v01.json,9\r\n"),
        ("old.txt", "# chosen by hand\nD:\\raw\\a12_s02_e00_v01.json 9\na01_s01_e00_v01 0\n"),
        ("old.json", '["a12_s02_e00_v01", "a01_s01_e00_v01"]'),
        ("pair.json", '[["a12_s02_e00_v01", "a01_s01_e00_v01"], [9, 0]]'),
        ("keyed.json", '{"names": ["a12_s02_e00_v01", "a01_s01_e00_v01"]}'),
        ("old.pkl", pickle.dumps((["a12_s02_e00_v01", "a01_s01_e00_v01"], [9, 0]))),
        ("old.txt.gz", gzip.compress(b"a12_s02_e00_v01\na01_s01_e00_v01\n", mtime=0)),
    ],
)
def test_what_import_reads_is_read_as_a_bare_list_too(tmp_path, file, content):
    path = tmp_path / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    split = read_manifest(path, dataset="nw-ucla", protocol="xview")
    assert split.names == ("a01_s01_e00_v01", "a12_s02_e00_v01")
    imported = import_list(path, source="x", dataset="nw-ucla", protocol="xview")
    assert split == dataclasses.replace(imported, source=None)
    assert is_bare(path)
    with pytest.raises(ManifestError, match="does not say its dataset"):
        read_manifest(path)


def test_a_bare_list_with_several_faults_names_the_first_and_how_many_more(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("a01_s01_e00_v01\nx\ny\na01_s01_e00_v03\n")
    with pytest.raises(ManifestError, match=r"line 2: 'x' is .*; 2 more, `skeldata splits import`"):
        read_manifest(path, dataset="nw-ucla", protocol="xview")


def test_a_packed_bare_list(tmp_path):
    path = tmp_path / "theirs.txt.gz"
    path.write_bytes(gzip.compress(list_bytes(UCLA[:9])))
    assert read_manifest(path, dataset="nw-ucla").names == UCLA[:9]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ManifestError, match="cannot read"):
        read_manifest(path, dataset="nw-ucla")


@pytest.mark.parametrize(
    ("text", "options", "what"),
    [
        ("a01_s01_e00_v01\n", {}, "does not say its dataset"),
        ("a01_s01_e00_v01\nbanana\n", {"dataset": "nw-ucla"}, "line 2: 'banana' is not a sample"),
        ("a01_s01_e00_v01\n\n\xff\n", {"dataset": "nw-ucla"}, "line 3: .*xff.* not a sample"),
        (
            "a01_s01_e00_v03\n",
            {"dataset": "nw-ucla", "protocol": "xview"},
            "line 1: .* no training",
        ),
        ("a01_s01_e00_v01\na01_s01_e00_v01\n", {"dataset": "nw-ucla"}, r"line 2: .* in line 1"),
        ("\n", {"dataset": "nw-ucla"}, "no names"),
    ],
)
def test_bare_lists_that_are_refused(tmp_path, text, options, what):
    path = tmp_path / "list.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ManifestError, match=what):
        read_manifest(path, **options)


def test_a_json_of_another_kind_beside_a_bare_list_is_passed_by(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(list_bytes(UCLA[:4]))
    path.with_suffix(".json").write_text('{"format": "something else"}')
    (tmp_path / "index.json").write_text("not even JSON")
    assert read_manifest(path, dataset="nw-ucla").count == 4


@pytest.mark.parametrize("asked", [{"dataset": "ntu60"}, {"protocol": "xsub"}])
def test_a_split_of_another_dataset_or_protocol_is_refused(tmp_path, asked):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    with pytest.raises(ManifestError, match=f"{next(iter(asked))} is .* not"):
        read_manifest(path, **asked)
