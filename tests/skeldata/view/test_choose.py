"""Names and classes as people write them."""

import numpy as np
import pytest

from skeldata import UsageError, get_dataset
from skeldata.view.choose import label_of, near, one_of_each, row_of, rows_of_class


def test_a_name_is_found_and_a_wrong_one_guessed(ntu_store):
    name = ntu_store.names[17]
    assert row_of(ntu_store, name) == 17
    with pytest.raises(UsageError, match=f"no sample '{name[:-1]}', did you mean '{name[:15]}"):
        row_of(ntu_store, name[:-1])
    with pytest.raises(UsageError, match=r"no sample 'x'$"):
        row_of(ntu_store, "x")


@pytest.mark.parametrize(
    ("text", "label"),
    [("sit down", 4), ("SIT  Down", 4), ("a08", 6), ("8", 6), ("A012", 9), ("carry", 9)],
)
def test_classes_go_by_name_and_by_the_number_in_sample_names(text, label):
    assert label_of(get_dataset("nw-ucla"), text) == label


@pytest.mark.parametrize("dataset", ["ntu60", "ntu120", "nw-ucla"])
def test_every_class_is_found_by_its_name_and_its_number(dataset):
    facts = get_dataset(dataset)
    for action, label in facts.labels.items():
        assert label_of(facts, facts.classes[label]) == label
        assert label_of(facts, f"A{action:03d}") == label


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("sitdown", "did you mean 'sit down'"),
        ("around", "did you mean 'walk around'"),
        ("a07", "skeldata info"),
        ("", "skeldata info"),
    ],
)
def test_a_wrong_class_is_guessed(text, guess):
    with pytest.raises(UsageError, match=guess):
        label_of(get_dataset("nw-ucla"), text)


def test_clips_of_a_class_are_spread_over_it(ntu_store):
    rows = rows_of_class(ntu_store, 22, 4)
    inside = np.flatnonzero(ntu_store.labels == 22).tolist()
    assert rows[0] == inside[0]
    assert rows[-1] == inside[-1]
    assert len(set(rows) & set(inside)) == 4
    assert rows_of_class(ntu_store, 22, 99) == inside
    with pytest.raises(UsageError, match="no clip of class 'drink water'"):
        rows_of_class(ntu_store, 0, 4)


def test_one_clip_of_median_length_stands_for_each_class(ntu_store):
    rows = one_of_each(ntu_store)
    assert ntu_store.labels[rows].tolist() == np.unique(ntu_store.labels).tolist()
    for row in rows:
        lengths = np.sort(ntu_store.lengths[ntu_store.labels == ntu_store.labels[row]])
        assert ntu_store.lengths[row] == lengths[(len(lengths) - 1) // 2]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("S001C001P001R001A0600", "S001C001P001R001A060"),
        ("S0171C003P020R002A060", "S017C003P020R002A060"),
        ("SO05C002P010R001A023", "S005C002P010R001A023"),
        ("s010C002P017R001A040", "S010C002P017R001A040"),
    ],
)
def test_a_guess_among_all_official_names_is_the_one_that_was_meant(wrong, right):
    names = get_dataset("ntu120").official_names()
    assert right in names
    assert near(wrong, names) == f", did you mean {right!r}?"
