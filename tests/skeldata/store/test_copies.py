import pytest

from skeldata import StoreError, copied_from_training, find_copies, open_store
from skeldata.store import copies as copying
from support.copies import store_with_copies
from support.store_files import change, copied

GROUPS = (
    ("a01_s01_e00_v02", "a01_s01_e00_v03"),
    ("a01_s02_e00_v01", "a01_s02_e01_v02"),
    ("a02_s03_e00_v01", "a02_s03_e00_v02", "a02_s03_e00_v03", "a02_s03_e01_v03"),
    ("a02_s04_e00_v03", "a02_s04_e01_v03"),
)
OF_TRAINING = {
    "a01_s01_e00_v03": "a01_s01_e00_v02",
    "a02_s03_e00_v03": "a02_s03_e00_v01",
    "a02_s03_e01_v03": "a02_s03_e00_v01",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_with_copies(tmp_path_factory.mktemp("copies"), GROUPS)


@pytest.mark.parametrize("rows", [7, 2048])
def test_equal_clips_are_found_however_many_rows_are_read_at_a_time(store, monkeypatch, rows):
    monkeypatch.setattr(copying, "_ROWS_PER_READ", rows)
    seen = []
    assert find_copies(store, advanced=lambda *done: seen.append(done)) == GROUPS
    assert seen[-1] == (len(store), len(store))


def test_copies_in_the_test_part_are_told_with_their_training_clip(store):
    assert copied_from_training(store, "xview", GROUPS) == OF_TRAINING
    assert copied_from_training(store, "xview", GROUPS[3:]) == {}


def test_other_recordings_are_no_copies(ntu_store):
    assert find_copies(ntu_store) == ()


@pytest.mark.parametrize("array", ["joint", "present", "length"])
def test_what_differs_in_anything_is_no_copy(store, tmp_path, array):
    path = copied(store.path, tmp_path)
    row = store.names.index(GROUPS[0][1])

    def spoil(values):
        values[row] = 1 - values[row]

    change(path, array, spoil)
    assert find_copies(open_store(path)) == GROUPS[1:]


def test_a_damaged_block_is_an_error(store, tmp_path):
    path = copied(store.path, tmp_path)
    (path / "joint/c/0/0/0/0/0").write_bytes(b"damaged")
    with pytest.raises(StoreError):
        find_copies(open_store(path))
