import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata import UsageError, get_dataset
from skeldata.datasets import datasets
from skeldata.names import parse_ntu_name, parse_ucla_name

COUNTS = {  # published: (all, missing, {protocol: (train, test)})
    "ntu60": (56_578, 302, {"xsub": (40_091, 16_487), "xview": (37_646, 18_932)}),
    "ntu120": (113_945, 535, {"xsub": (63_026, 50_919), "xset": (54_468, 59_477)}),
    "nw-ucla": (1_484, 0, {"xview": (1_020, 464)}),
}


@pytest.mark.parametrize("id", COUNTS)
def test_official_counts(id):
    every, missing, protocols = COUNTS[id]
    dataset = get_dataset(id)
    names = dataset.official_names()
    assert len(names) == len(set(names)) == every
    assert list(names) == sorted(names)
    assert len(dataset.missing_names()) == missing
    assert not dataset.missing_names().intersection(names)
    assert dataset.protocols.keys() == protocols.keys()
    for protocol, counts in protocols.items():
        train = sum(dataset.protocol(protocol).is_train(dataset.require_name(n)) for n in names)
        assert (train, every - train) == counts


def test_class_sizes_of_nw_ucla_are_the_published_ones():
    dataset = get_dataset("nw-ucla")
    train, test = [0] * 10, [0] * 10
    for text in dataset.official_names():
        name = dataset.require_name(text)
        side = train if dataset.protocol("xview").is_train(name) else test
        side[dataset.label_of(text)] += 1
    assert train == [102, 102, 96, 124, 101, 102, 99, 99, 98, 97]
    assert test == [48, 50, 45, 49, 47, 47, 43, 43, 47, 45]


def test_labels_are_action_minus_one_and_skip_what_does_not_exist():
    assert get_dataset("ntu120").label_of("S018C001P008R001A120") == 119
    labels = [get_dataset("nw-ucla").labels[a] for a in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)]
    assert labels == list(range(10))
    assert get_dataset("nw-ucla").classes[labels[-1]] == "carry"


@pytest.mark.parametrize("text", [
    "S001C001P001R001A001.skeleton", "s001C001P001R001A001", "S001C001P001R001A121",
    "S033C001P001R001A001", "S001C001P107R001A001", "S001C001P001R003A001", "S001C000P001R001A001",
    "S001C001P001R001A0011", " S001C001P001R001A001", "S001C001P001R001A001\n", "",
    "S\uff10\uff10\uff11C001P001R001A001",
])  # fmt: skip
def test_names_that_are_none_of_ntu(text):
    assert parse_ntu_name(text) is None


@pytest.mark.parametrize("text", [
    "a07_s01_e00_v01", "a01_s11_e00_v01", "a01_s01_e00_v04", "a1_s01_e00_v01", "a01_s01_e00_v01 ",
    "a01_s00_e00_v01", "A01_s01_e00_v01",
])  # fmt: skip
def test_names_that_are_none_of_nw_ucla(text):
    assert parse_ucla_name(text) is None


def test_ntu60_refuses_the_rest_of_ntu120():
    assert get_dataset("ntu60").parse_name("S018C001P008R001A061") is None
    assert get_dataset("ntu60").parse_name("S001C001P001R001A061") is None
    assert get_dataset("ntu120").parse_name("S018C001P008R001A061") is not None
    with pytest.raises(UsageError, match=r"is not a sample name of ntu60; expected e\.g\. S001"):
        get_dataset("ntu60").require_name("S018C001P008R001A061")


@given(
    st.integers(1, 32),
    st.integers(1, 3),
    st.integers(1, 106),
    st.integers(1, 2),
    st.integers(1, 120),
)
def test_ntu_names_round_trip(setup, camera, subject, replication, action):
    text = f"S{setup:03}C{camera:03}P{subject:03}R{replication:03}A{action:03}"
    name = parse_ntu_name(text)
    found = (name.setup, name.camera, name.subject, name.replication, name.action)
    assert found == (setup, camera, subject, replication, action)


def test_unknown_ids_name_the_known_ones():
    with pytest.raises(UsageError, match="use one of: ntu60, ntu120, nw-ucla"):
        get_dataset("ntu")
    with pytest.raises(UsageError, match="ntu60 has no protocol 'xset'; use one of: xsub, xview"):
        get_dataset("ntu60").protocol("xset")
    assert list(datasets()) == ["ntu60", "ntu120", "nw-ucla"]
