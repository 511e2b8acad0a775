"""Lists below an index, and every way an index can be wrong."""

import hashlib
import json

import pytest

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError
from skeldata.splits import (
    draw,
    read_index,
    read_manifest,
    training_names,
)
from skeldata.splits.jsonfile import json_lines
from skeldata.splits.listing import list_bytes, write_atomically
from support.split_files import edit

UCLA = training_names("nw-ucla", "xview")


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
