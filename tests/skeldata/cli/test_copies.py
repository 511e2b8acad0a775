"""``skeldata copies`` as people and scripts see it."""

import json

import pytest

from skeldata.cli.copies import copies
from support.command_line import assert_one_error, run
from support.copies import store_with_copies

GROUPS = (
    ("a01_s01_e00_v02", "a01_s01_e00_v03"),
    ("a02_s03_e00_v01", "a02_s03_e00_v02", "a02_s03_e00_v03"),
)
OF_TRAINING = {"a01_s01_e00_v03": "a01_s01_e00_v02", "a02_s03_e00_v03": "a02_s03_e00_v01"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_with_copies(tmp_path_factory.mktemp("copies"), GROUPS)


def test_the_command_lists_groups_and_counts(store):
    result = run(copies, store.path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [" ".join(names) for names in GROUPS]
    tested = int((~store.train_mask("xview")).sum())
    assert result.stderr.splitlines()[-2:] == [
        f"{store.path}: 2 recordings under several names",
        f"  xview: 2 of {tested} test clips are training clips as well",
    ]
    found = json.loads(run(copies, store.path, "--json").stdout)
    assert found["copies"] == [list(names) for names in GROUPS]
    assert found["test"] == {"xview": OF_TRAINING}


def test_no_copies_are_no_lines(ntu_store_path):
    result = run(copies, ntu_store_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"{ntu_store_path}: 0 recordings under several names" in result.stderr


def test_a_path_without_a_store_is_one_error(tmp_path):
    assert_one_error(run(copies, tmp_path / "none.zarr"), 4, "no store at ")
