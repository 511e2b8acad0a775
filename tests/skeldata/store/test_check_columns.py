"""Names, and columns and splits that do not follow from them."""

import re

import pytest
import zarr

from skeldata import open_store
from support.store_files import change, change_attributes, name_of, told


def swap(values):
    values[[3, 4]] = values[[4, 3]]


@pytest.mark.parametrize(
    ("row", "name", "problem"),
    [
        (4, "S001C001P001R001A061", "is not a sample name of ntu60"),
        (4, "S001C001P001R001", "is not a sample name of ntu60"),
        (4, "S001C001P001R001A001", "does not sort behind the name before it"),
        (0, "S001C002P005R002A008", "is on the official missing list"),
    ],
)
def test_names_are_valid_sorted_and_not_missing(store, row, name, problem):
    def rename(values):
        values[row] = name

    change(store, "name", rename)
    assert f"name, row {row} ({name}): {problem}" in told(store)


def test_names_are_there_once(store):
    names = open_store(store).names

    def repeat(values):
        values[5] = names[4]

    change(store, "name", repeat)
    assert f"name, row 5 ({names[4]}): does not sort behind the name before it" in told(store)


def test_a_valid_but_wrong_name_contradicts_columns_and_digest(store):
    names = open_store(store).names
    other = names[8][:17] + ("050" if names[8].endswith("005") else "005")
    assert names[7] < other < names[9]

    def rename(values):
        values[8] = other

    change(store, "name", rename)
    assert f"label, row 8 ({other}): is " in told(store)
    assert "content_digest is" in told(store)


@pytest.mark.parametrize("column", ["label", "subject", "camera", "replication", "setup"])
def test_columns_follow_from_the_name(store, column):
    def step(values):
        values[9:] += 1

    before = zarr.open_array(store / column)[9]
    change(store, column, step)
    expected = f"{column}, row 9 ({name_of(store, 9)}): is {before + 1}, the name gives {before} (and 4 more rows)"
    assert told(store) == expected


def test_lengths_are_positive_and_enter_the_digest(store):
    def longer(values):
        values[1] += 1

    change(store, "length", longer)
    assert re.fullmatch("attributes: content_digest is .*", told(store))

    def none(values):
        values[1] = 0

    change(store, "length", none)
    assert f"length, row 1 ({name_of(store, 1)}): is below 1" in told(store)


@pytest.mark.parametrize("protocol", ["xsub", "xview"])
def test_splits_follow_from_the_rule(store, protocol):
    def flip(values):
        values[2] = ~values[2]

    change(store, f"splits/{protocol}/train", flip)
    pattern = rf"splits/{protocol}/train, row 2 \(.*\): is (True|False), the rule of {protocol} gives (?!\1)"
    assert re.fullmatch(pattern + "(True|False)", told(store))


def test_ranks_follow_from_the_draw(store):
    def next_seed(values):
        values[:, 3] = values[:, 4]

    change(store, "splits/xview/rank", next_seed)
    assert re.match(
        r"splits/xview/rank, row \d+ \(.*\): is \[.*\], the draw gives \[.*\]", told(store)
    )


@pytest.mark.parametrize(
    "edit",
    [
        lambda a: a.update(base="official"),
        lambda a: a["seeds"].append(5),
        lambda a: a.pop("base"),
        lambda a: a.update(more=1),
    ],
)
def test_attributes_of_a_split_follow_from_the_draw(store, edit):
    change_attributes(store, edit, "splits/xsub")
    assert re.fullmatch(r"splits/xsub: attributes are .*, not \{.*", told(store))
