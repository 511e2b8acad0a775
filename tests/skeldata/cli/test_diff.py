"""``skeldata diff`` as scripts see it."""

import json
import re

import pytest

from skeldata import open_store
from skeldata.cli.diff import diff
from skeldata.synth import write_ntu
from support.command_line import assert_one_error, run
from support.store_files import change, copied, prepared


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The same 9 recordings by two recipes."""
    folder = tmp_path_factory.mktemp("diff")
    write_ntu(folder / "raw.zip", 9, seed=3, actions=[5, 50])
    return [
        prepared("ntu", folder / "raw.zip", folder / f"{recipe}.zarr", frames=4, recipe=recipe)
        for recipe in ("psp", "yaw")
    ]


def test_identical_stores_exit_0(stores):
    result = run(diff, stores[0], stores[0])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "identical"
    assert "samples in both: 9 the same, 0 differ" in result.stdout
    assert json.loads(run(diff, stores[0], stores[0], "--json").stdout)["identical"] is True


def test_different_stores_exit_1_and_say_where(stores):
    result = run(diff, *stores)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == [f"A: {stores[0]}", f"B: {stores[1]}"]
    assert "recipe name: psp | yaw" in lines
    assert "names: 9 in both, 0 only in A, 0 only in B" in lines
    assert any(
        re.fullmatch(r"  normalisation  9, joints up to [\d.]+ apart", line) for line in lines
    )
    assert lines[-1] == "different"
    named = run(diff, *stores, "--names").stdout.splitlines()
    samples = [
        line for line in named if re.match(r"S\d{3}.*: normalisation: scaled by 1, turned", line)
    ]
    assert [line[:20] for line in samples] == list(open_store(stores[0]).names)
    assert len(named) == len(lines) + 9


def test_json_has_every_sample(stores):
    result = run(diff, *stores, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert set(found["samples"]) == set(open_store(stores[0]).names)
    assert {p["step"] for p in found["samples"].values()} == {"normalisation"}
    assert found["recipe"]["name"] == ["psp", "yaw"]
    assert found["identical"] is False


def test_a_difference_in_columns_alone_exits_1(stores, tmp_path):
    copy = copied(stores[0], tmp_path)

    def step(values):
        values[2:4] += 1

    change(copy, "label", step)
    result = run(diff, stores[0], copy)
    assert result.exit_code == 1
    assert "column label: 2 rows differ" in result.stdout
    assert result.stdout.splitlines()[-1] == "different"


def test_unreadable_stores_exit_4(stores, tmp_path):
    assert_one_error(run(diff, stores[0], tmp_path / "absent"), 4, "no store at")
    assert_one_error(run(diff, tmp_path, stores[0]), 4, "is not a zarr store")


def test_help_gives_an_example():
    assert "  skeldata diff ours.zarr theirs.zarr --names" in run(diff, "--help").stdout
