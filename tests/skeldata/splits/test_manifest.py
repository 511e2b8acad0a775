"""Splits written to disk and read back: round trips, and every way a file can be wrong."""

import dataclasses
import gzip
import hashlib
import json
import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError
from skeldata.splits import (
    draw,
    import_list,
    is_bare,
    list_split,
    read_index,
    read_manifest,
    training_names,
    write_split,
)
from skeldata.splits.jsonfile import json_lines
from skeldata.splits.listing import list_bytes, write_atomically

UCLA = training_names("nw-ucla", "xview")


def edit(path, **changes):
    """Write a manifest again with some keys changed; None takes a key out."""
    content = {**json.loads(path.read_text()), **changes}
    path.write_bytes(json_lines({k: v for k, v in content.items() if v is not ...}))


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


# -- indexes ---------------------------------------------------------------------------------------


@pytest.fixture
def indexed(tmp_path):
    """A folder like data_manifests with two lists below an index."""
    splits = [draw("nw-ucla", "xview", "5%", seed) for seed in (0, 1)]
    train, every = UCLA, get_dataset("nw-ucla").official_names()
    test = [name for name in every if name not in set(train)]
    rows = []
    for split in splits:
        file = f"nw-ucla/xview/assl/seed{split.seed}.txt"
        write_atomically(tmp_path / file, list_bytes(split.names))
        rows.append({
            "dataset": "nw-ucla", "protocol": "xview", "rule": "assl", "ratio": "0.05",
            "seed": split.seed, "count": split.count, "digest": split.digest, "file": file,
        })  # fmt: skip
    part = {
        "dataset": "nw-ucla", "protocol": "xview", "rule": "views", "train": len(train),
        "test": len(test), "train_digest": hashlib.sha256(list_bytes(train)).hexdigest(),
        "test_digest": hashlib.sha256(list_bytes(test)).hexdigest(),
    }  # fmt: skip
    index = {"format": "skeldata-split-index", "version": 1, "about": "test", "names": [],
             "protocols": [part], "splits": rows}  # fmt: skip
    (tmp_path / "index.json").write_bytes(json_lines(index))
    return tmp_path


def test_an_index_and_a_list_below_it_are_read(indexed):
    splits = read_index(indexed / "index.json")
    assert splits == tuple(draw("nw-ucla", "xview", "5%", seed) for seed in (0, 1))
    assert read_manifest(indexed / "nw-ucla/xview/assl/seed1.txt") == splits[1]
    with pytest.raises(ManifestError, match=r"index of 2 lists; name one, e\.g\. .*seed0\.txt"):
        read_manifest(indexed / "index.json")
    edit(
        indexed / "index.json",
        splits=json.loads((indexed / "index.json").read_text())["splits"][1:],
    )
    assert read_manifest(indexed / "index.json") == splits[1]


def test_a_tampered_list_below_an_index_is_refused(indexed):
    path = indexed / "nw-ucla/xview/assl/seed1.txt"
    path.write_bytes((indexed / "nw-ucla/xview/assl/seed0.txt").read_bytes())
    for read in (lambda: read_manifest(path), lambda: read_index(indexed / "index.json")):
        with pytest.raises(ManifestError, match=r"seed1\.txt: digest is .* index\.json says"):
            read()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"file": "../secret.txt"}, "plain path"),
        ({"file": "/etc/passwd"}, "plain path"),
        ({"file": "nw-ucla/xview/assl/seed0.txt"}, "listed 2 times"),
        ({"digest": "0"}, r"line 11: splits\.1\.digest"),
        ({"extra": 1}, r"line 11: splits\.1\.extra"),
        ({"seed": None}, r"line 11: splits\.1: seed must be given"),
    ],
)
def test_a_wrong_index_is_refused(indexed, changes, what):
    path = indexed / "index.json"
    rows = json.loads(path.read_text())["splits"]
    edit(path, splits=[rows[0], rows[1] | changes])
    with pytest.raises(ManifestError, match=what):
        read_index(path)


def test_a_name_list_of_an_index_has_a_plain_file_name(indexed):
    path = indexed / "index.json"
    entry = {"dataset": "nw-ucla", "kind": "names", "count": 1, "digest": "0" * 64}
    edit(path, names=[entry | {"file": "a\0b"}])
    with pytest.raises(ManifestError, match=r"line \d+: names\.0: file 'a\\x00b' has control"):
        read_index(path)


def test_a_list_the_index_does_not_name_is_a_bare_one(indexed):
    path = indexed / "nw-ucla/mine.txt"
    path.write_bytes(list_bytes(UCLA[:3]))
    assert read_manifest(path, dataset="nw-ucla").rule == "list"
    with pytest.raises(ManifestError, match="bare list"):
        read_manifest(path)


def test_splits_cannot_be_changed():
    split = draw("nw-ucla", "xview", "5%")
    with pytest.raises(dataclasses.FrozenInstanceError):
        split.names = ()
