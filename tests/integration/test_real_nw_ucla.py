"""The real NW-UCLA recordings, where they are at hand: NW_UCLA_ZIP names all_sqe.zip."""

import os
import zipfile

import numpy as np
import pytest

from skeldata import copied_from_training, draw, find_copies, open_store, prepare
from support import preparation_oracle as oracle

ARCHIVE = os.environ.get("NW_UCLA_ZIP", "")
pytestmark = pytest.mark.skipif(
    not os.path.isfile(ARCHIVE), reason="set NW_UCLA_ZIP to the real all_sqe.zip"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("real") / "ucla.zarr"
    report = prepare("ucla", [ARCHIVE], path)
    assert report.rejected == ()
    assert report.ignored == ()
    return open_store(path)


def test_it_is_the_published_set(store):
    assert store.names == store.dataset.official_names()
    train = store.train_mask("xview")
    assert (len(store), train.sum(), (~train).sum()) == (1484, 1020, 464)
    assert (store.lengths.min(), store.lengths.max()) == (1, 201)
    assert np.bincount(store.labels[train]).tolist() == [
        102,
        102,
        96,
        124,
        101,
        102,
        99,
        99,
        98,
        97,
    ]
    assert np.bincount(store.labels[~train]).tolist() == [48, 50, 45, 49, 47, 47, 43, 43, 47, 45]


def test_every_seventh_clip_equals_the_contract(store):
    with zipfile.ZipFile(ARCHIVE) as archive:
        for row in range(0, len(store), 7):
            name = store.names[row]
            joint, motion, present, length = oracle.prepared_ucla(
                archive.read(f"all_sqe/{name}.json")
            )
            np.testing.assert_allclose(store.read([row])[0], joint, rtol=0, atol=2e-4, err_msg=name)
            np.testing.assert_allclose(store.read([row], "motion")[0], motion, rtol=0, atol=2e-4)
            np.testing.assert_array_equal(store.read_present([row])[0], present)
            assert store.lengths[row] == length


def test_its_draw_is_the_official_one(store):
    train = store.train_mask("xview")
    names = [name for name, inside in zip(store.names, train, strict=True) if inside]
    split = draw("nw-ucla", "xview", "0.05", names=names)
    assert split.base == "official"
    assert split.digest == draw("nw-ucla", "xview", "0.05").digest
    ranks = store.ranks("xview", 0)
    assert {store.names[row] for row in np.flatnonzero((ranks >= 0) & (ranks < 5))} == set(
        split.names
    )


def test_view_3_of_two_classes_is_view_2(store):
    copies = find_copies(store)
    copied = copied_from_training(store, "xview", copies)
    test = [n for n, train in zip(store.names, store.train_mask("xview"), strict=True) if not train]
    assert list(copied) == [name for name in test if name.startswith(("a02", "a03"))]
    assert copied == {name: f"{name[:-1]}2" for name in copied}
    assert (len(copies), len(copied), len(test)) == (95, 95, 464)
