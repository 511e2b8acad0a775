"""Splits written to disk and read back: round trips, and every way a file can be wrong."""

import dataclasses
import hashlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata.errors import ManifestError
from skeldata.splits import (
    draw,
    list_split,
    read_manifest,
    training_names,
    write_split,
)
from skeldata.splits.listing import write_atomically
from support.split_files import edit

UCLA = training_names("nw-ucla", "xview")


some_splits = st.one_of(
    st.builds(
        draw,
        st.just("nw-ucla"),
        st.just("xview"),
        st.sampled_from(["5%", "0.123", "1"]),
        st.integers(0, 2**63 - 1),
        st.sampled_from(["assl", "proportional"]),
        st.sampled_from([None, UCLA[::3], UCLA[5:], [*UCLA, "a01_s01_e99_v01"]]),
    ),
    st.builds(
        list_split,
        st.just("nw-ucla"),
        st.sets(st.sampled_from(UCLA), min_size=1),
        st.sampled_from([None, "xview"]),
        source=st.sampled_from([None, "https://example.org/ü"]),
        credit=st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=20)),
    ),
)


@given(some_splits)
def test_what_is_written_is_read_back(tmp_path_factory, split):
    path = write_split(split, tmp_path_factory.mktemp("splits"))
    assert read_manifest(path) == split
    assert read_manifest(path.with_suffix(".txt")) == split
    assert sorted(f.suffix for f in path.parent.iterdir()) == [".json", ".txt"]


def test_sha256_of_the_list_is_the_digest(tmp_path):
    split = draw("ntu60", "xsub", "5%")
    path = write_split(split, tmp_path / "new" / "folder")
    data = path.with_suffix(".txt").read_bytes()
    assert hashlib.sha256(data).hexdigest() == split.digest
    assert data == ("\n".join(split.names) + "\n").encode()
    content = json.loads(path.read_text())
    assert list(content)[:2] == ["format", "version"]
    assert (content["ratio"], content["count"]) == ("0.05", 1980)
    assert content["per_class"] == [33] * 60


def test_writing_again_gives_the_same_bytes_and_other_splits_other_files(tmp_path):
    base = {
        "official": draw("nw-ucla", "xview", "5%"),
        "seed": draw("nw-ucla", "xview", "5%", 1),
        "ratio": draw("nw-ucla", "xview", "15%"),
        "rule": draw("nw-ucla", "xview", "5%", rule="proportional"),
        "store": draw("nw-ucla", "xview", "5%", names=UCLA[::2]),
        "other store": draw("nw-ucla", "xview", "5%", names=UCLA[1::2]),
        "list": list_split("nw-ucla", UCLA[:5], "xview"),
        "other list": list_split("nw-ucla", UCLA[:6], "xview"),
    }
    first = {kind: write_split(split, tmp_path) for kind, split in base.items()}
    assert len({p.name for p in first.values()}) == len(base)
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    for split in base.values():
        write_split(split, tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_failed_write_leaves_the_old_file_and_no_trace(tmp_path, monkeypatch):
    path = tmp_path / "list.txt"
    write_atomically(path, b"old\n")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        ManifestError, match=f"^cannot write {path}: No space left on device; choose"
    ):
        write_atomically(path, b"new\n")
    assert path.read_bytes() == b"old\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("below", ["", "deeper"])
@pytest.mark.parametrize("name", [None, "ours"])
def test_a_folder_that_cannot_be_one_is_refused_in_one_line(tmp_path, below, name):
    file = tmp_path / "file"
    file.write_bytes(b"mine")
    with pytest.raises(ManifestError, match=r"^cannot write .*\.txt: .*; choose a folder .*$"):
        write_split(draw("nw-ucla", "xview", "5%"), file / below, name)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


def test_a_folder_where_a_file_would_be_is_refused_in_one_line(tmp_path):
    (tmp_path / "ours.txt").mkdir()
    with pytest.raises(ManifestError, match=r"cannot write .*ours\.txt: Is a directory; choose"):
        write_split(draw("nw-ucla", "xview", "5%"), tmp_path, "ours")


# -- manifests that are wrong ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"speed": 3}, r"line \d+: speed: Extra inputs"),
        ({"version": 2}, r"line 3: version: .*1"),
        ({"count": "50"}, r"line \d+: count: .*integer"),
        ({"count": True}, r"line \d+: count: .*integer"),
        ({"seed": 1.0}, r"line \d+: seed: .*integer"),
        ({"seed": -1}, r"line \d+: seed"),
        ({"dataset": "ntu6"}, "unknown dataset 'ntu6'"),
        ({"protocol": "xsub"}, "no protocol 'xsub'"),
        ({"protocol": None}, "protocol must be given"),
        ({"rule": "random"}, r"line \d+: rule: "),
        ({"rule": "list"}, "ratio must be null"),
        ({"rule": "list", "ratio": None, "seed": None}, "base must be null"),
        ({"ratio": "0.050"}, "must be written '0.05'"),
        ({"ratio": 0.05}, r"line \d+: ratio: .*string"),
        ({"ratio": "2"}, "0 < ratio <= 1"),
        ({"base": None}, "base must be given"),
        ({"digest": "f" * 63}, r"line \d+: digest: "),
        ({"digest": "F" * 64}, r"line \d+: digest: "),
        ({"file": "../list.txt"}, "must lie beside"),
        ({"file": "/etc/passwd"}, "must lie beside"),
        ({"file": "..\\list.txt"}, "must lie beside"),
        ({"file": "gone.txt"}, "cannot read the list"),
        ({"file": "a\0b"}, r"file 'a\\x00b' has control characters"),
        ({"file": "a\nb"}, r"file 'a\\nb' has control characters"),
        ({"count": 0}, "count is 0: a split labels one name at least"),
        (
            {"lacking": ["a01_s01_e00_v03"]},
            "lacking has 1 names that are not in the list, the first a01",
        ),
        ({"lacking": ["x", "x"]}, "lacking has a name more than once"),
        ({"file": ...}, "file: Field required"),
        ({"format": "else"}, "not a split manifest: format is 'else'"),
        ({"count": 49}, "50 names, .*json says 49"),
        ({"digest": "0" * 64}, "digest is .* says 0000"),
        ({"per_class": [5] * 9 + [4]}, "per_class"),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path, changes, what):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    edit(path, **changes)
    with pytest.raises(ManifestError, match=what) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_broken_json_names_its_line(tmp_path):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:6]) + "oops\n" + "".join(lines[6:]))
    with pytest.raises(ManifestError, match=r"\.json, line 7: not JSON"):
        read_manifest(path)


@pytest.mark.parametrize("content", [b"[]", b"3", b"\xff\xfe", b""])
def test_json_that_is_no_manifest(tmp_path, content):
    path = tmp_path / "split.json"
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=r"split\.json"):
        read_manifest(path)


def test_a_key_that_stands_there_twice_is_refused(tmp_path):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1,\n  "seed": 0'))
    with pytest.raises(ManifestError, match="key 'seed' stands there more than once; keep one"):
        read_manifest(path)


def test_a_list_that_a_store_lacks_whole_is_refused(tmp_path):
    split = draw("nw-ucla", "xview", "5%")
    path = write_split(split, tmp_path)
    edit(path, lacking=list(split.names))
    with pytest.raises(ManifestError, match="lacking has all 50 names: none is labelled"):
        read_manifest(path)
    edit(path, lacking=list(split.names[1:]))
    assert read_manifest(path).lacking == split.names[1:]


def test_missing_files(tmp_path):
    for name in ("gone.json", "gone.txt", "gone.txt.gz"):
        with pytest.raises(ManifestError, match=r"gone\..*cannot read"):
            read_manifest(tmp_path / name, dataset="nw-ucla")


# -- lists that were tampered with -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("tamper", "what"),
    [
        (lambda n: [*n[:2], "a01_s01_e00_v03", *n[3:]], r"line 3: a01_s01_e00_v03 is no training"),
        (lambda n: [*n[:2], "S001C001P001R001A001", *n[3:]], r"line 3: .* not a sample name"),
        (lambda n: [*n, n[-1]], r"line 51: .* is already on line 50"),
        (lambda n: n[:-1], "49 names"),
        (lambda n: sorted([*n[1:], next(u for u in UCLA if u not in n)]), "digest is"),
        (lambda n: [n[1], n[0], *n[2:]], r"line 1: not a canonical list"),
        (lambda n: [*n[:4], n[4] + "\r", *n[5:]], r"line 5: not a canonical list"),
        (lambda n: [*n[:4], "", *n[4:]], r"line 5: not a canonical list"),
        (lambda n: [*n, ""], r"line 51: not a canonical list"),
    ],
)
def test_a_tampered_list_is_refused(tmp_path, tamper, what):
    split = draw("nw-ucla", "xview", "5%")
    path = write_split(split, tmp_path)
    listing = path.with_suffix(".txt")
    listing.write_bytes("".join(f"{n}\n" for n in tamper(list(split.names))).encode())
    for named in (path, listing):
        with pytest.raises(ManifestError, match=what) as caught:
            read_manifest(named)
        assert str(listing) in str(caught.value) or path.name in str(caught.value)


def test_a_list_without_its_last_newline_is_not_canonical(tmp_path):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    listing = path.with_suffix(".txt")
    listing.write_bytes(listing.read_bytes()[:-1])
    with pytest.raises(ManifestError, match="line 50: not a canonical list"):
        read_manifest(path)


# -- bare lists ------------------------------------------------------------------------------------


# -- indexes ---------------------------------------------------------------------------------------


def test_splits_cannot_be_changed():
    split = draw("nw-ucla", "xview", "5%")
    with pytest.raises(dataclasses.FrozenInstanceError):
        split.names = ()
