"""The store of format 1 that is kept for ever, read through the package and through its page."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from skeldata import load_recipe, motion, open_store
from skeldata.store.verify import verify_store

ROOT = Path(__file__).parents[3]
KEPT = ROOT / "tests/data/format-1.zarr"
PAGE = ROOT / "docs/store-format.md"
NAMES = (
    "S001C001P001R001A001",
    "S001C002P003R001A001",
    "S002C001P003R002A050",
    "S003C002P016R002A050",
)


@pytest.fixture(scope="module")
def store():
    return open_store(KEPT)


def test_it_is_sound():
    assert verify_store(KEPT) == []


def test_it_reads_as_it_was_written(store):
    assert (store.dataset.id, store.names) == ("ntu60", NAMES)
    assert store.labels.tolist() == [0, 0, 49, 49]
    assert store.column("subject").tolist() == [1, 3, 3, 16]
    assert store.column("camera").tolist() == [1, 2, 1, 2]
    assert store.column("setup").tolist() == [1, 1, 2, 3]
    assert store.lengths.tolist() == [12] * 4
    assert store.train_mask("xsub").tolist() == [True, False, False, True]
    assert store.train_mask("xview").tolist() == [False, True, False, True]
    joint, present = store.read(), store.read_present()
    assert joint.shape == (4, 2, 3, 25, 3)
    assert present.any(axis=2).tolist() == [
        [True, False],
        [True, False],
        [True, True],
        [True, True],
    ]
    np.testing.assert_array_equal(store.read(stream="motion"), motion(joint, present))
    # Recipe psp: hip of the main body's first frame at the origin, its spine of length 1 along +z.
    np.testing.assert_allclose(joint[:, 0, 0, 0], 0, atol=1e-6)
    np.testing.assert_allclose(joint[:, 0, 0, 20], [[0, 0, 1]] * 4, atol=1e-6)
    assert store.recipe["name"] == "psp"
    assert store.recipe["normalise"] == load_recipe("psp").model_dump(mode="json")["normalise"]
    assert [r["name"] for r in store.attributes["rejected"]] == ["S001C001P002R001A001"]
    assert store.attributes["missing"] == ["S001C002P005R002A008"]
    assert [i["path"] for i in store.attributes["ignored"]] == ["notes.txt"]


def test_its_digest_is_that_of_the_bytes_the_page_names(store):
    text = "skeldata-content/1|ntu60\n"
    for row, name in enumerate(store.names):
        body = f"skeldata-row/1|{name}|{store.labels[row]}|{store.lengths[row]}\n".encode()
        body += bytes(store.read_present([row]).ravel().tolist())
        body += b"".join(np.float32(value).tobytes() for value in store.read([row]).ravel())
        text += f"{name} {hashlib.sha256(body).hexdigest()}\n"
    assert hashlib.sha256(text.encode()).hexdigest() == store.content_digest


def test_the_examples_of_the_page_run(store, monkeypatch, tmp_path, capsys):
    (tmp_path / "ntu.zarr").symlink_to(KEPT)
    monkeypatch.chdir(tmp_path)
    one_row, digest = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found = {}
    exec(one_row, found)
    np.testing.assert_array_equal(np.reshape(found["values"], (2, 3, 25, 3)), store.read([2])[0])
    assert float(capsys.readouterr().out) == store.read([2])[0, 0, 1, 3, 2]
    exec(digest, {})
    assert capsys.readouterr().out == "True\n"


def test_the_page_names_every_attribute_and_array(store):
    page = PAGE.read_text()
    arrays = [path.parent.relative_to(KEPT) for path in KEPT.rglob("zarr.json")]
    for word in [
        *store.attributes,
        *[a.name for a in arrays if a.name and "splits" not in a.parts],
    ]:
        assert f"`{word}`" in page, word
