"""Names from elsewhere as a manifest: what is accepted, and every reason to refuse."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError, UsageError
from skeldata.splits import (
    draw,
    examine,
    examine_list,
    import_list,
    list_split,
    read_manifest,
    training_names,
    write_split,
)
from skeldata.splits.listing import list_bytes

UCLA = training_names("nw-ucla", "xview")
NTU60 = get_dataset("ntu60")
XSUB = draw("ntu60", "xsub", "5%").names
_TRAIN = frozenset(training_names("ntu60", "xsub"))
TESTED = tuple(name for name in NTU60.official_names() if name not in _TRAIN)


def written(folder, *lines):
    path = folder / "list.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def faults(path, **terms):
    """(line, what) of everything wrong."""
    found = examine_list(path, source="a lab", **terms)
    assert found.split is None
    assert {finding.file for finding in found.findings} == {str(path)}
    return [(finding.line, finding.problem) for finding in found.findings]


@given(st.lists(st.sampled_from(UCLA), min_size=1, unique=True), st.randoms())
def test_any_training_names_become_the_list_split_of_them(tmp_path_factory, names, order):
    folder = tmp_path_factory.mktemp("lists")
    shuffled = list(names)
    order.shuffle(shuffled)
    split = import_list(written(folder, *shuffled), source=" our  lab,\n2021 ", credit="A. Author")
    plain = list_split("nw-ucla", names, "xview", source="our lab, 2021", credit="A. Author")
    assert (split.names, split.per_class, split.digest) == (
        plain.names, plain.per_class, plain.digest,
    )  # fmt: skip
    assert (split.rule, split.protocol, split.source, split.credit) == (
        "list", "xview", "our lab, 2021", "A. Author",
    )  # fmt: skip
    path = write_split(split, folder / "out", "ours")
    assert path.name == "ours.json"
    assert read_manifest(path) == read_manifest(path.with_suffix(".txt")) == split
    result = examine(folder / "out")
    assert (result.lists, result.redrawn, result.findings) == (1, 0, [])


@pytest.mark.parametrize(
    ("dataset", "protocol"),
    [("ntu60", "xsub"), ("ntu60", "xview"), ("ntu120", "xsub"), ("ntu120", "xset"), ("nw-ucla", "xview")],
)  # fmt: skip
def test_dataset_and_protocol_are_found_from_the_names(tmp_path, dataset, protocol):
    names = draw(dataset, protocol, "5%", 3).names
    found = examine_list(written(tmp_path, *names), source="a lab")
    assert found.split is not None
    assert (found.split.dataset, found.split.protocol) == (dataset, protocol)
    assert found.split.names == names
    assert f"dataset {dataset}, found from the names" in found.notes


def test_what_is_said_is_not_found_out(tmp_path):
    path = written(tmp_path, *XSUB)
    found = examine_list(path, source="a lab", dataset="ntu120", protocol="xsub")
    assert found.split is not None
    assert (found.split.dataset, found.notes) == ("ntu120", ())
    assert [line for line, _ in faults(path, protocol="xview")] == [
        line for line, name in enumerate(XSUB, start=1) if name[4:8] == "C001"
    ]


def test_names_that_do_not_say_the_protocol(tmp_path):
    both = [n for n in XSUB if n[4:8] != "C001"][:5]
    with pytest.raises(UsageError, match=r"xsub and xview have 0 test names .*give the protocol"):
        import_list(written(tmp_path, *both), source="a lab")
    assert import_list(written(tmp_path, *both), source="a lab", protocol="xview").count == 5


def test_every_fault_is_named_with_its_line(tmp_path):
    missing = min(n for n in NTU60.missing_names() if NTU60.protocols["xsub"].is_train(NTU60.parse_name(n)))  # fmt: skip
    tested = TESTED[0]
    lines = [
        *XSUB[:40], "# a comment", "banana", f"{XSUB[3]}.skeleton", "", missing, tested,
        f"{XSUB[50]} {XSUB[51]}", "S018C001P008R001A061", "a01_s01_e00_v01", "S001C001P003R001A999",
    ]  # fmt: skip
    found = faults(written(tmp_path, *lines), protocol="xsub")
    assert [line for line, _ in found] == [42, 43, 45, 46, 47, 48, 49, 50]
    for (_, problem), what in zip(
        found,
        [
            "'banana' is not a sample name of ntu60, e.g. S001C001P001R001A001",
            f"{XSUB[3]} is already in line 4",
            f"{missing} is officially missing",
            f"{tested} is no training sample of ntu60 xsub",
            f"holds several sample names: {XSUB[50]}, {XSUB[51]}",
            "'S018C001P008R001A061' is not a sample name of ntu60",
            "'a01_s01_e00_v01' is not a sample name of ntu60",
            "'S001C001P003R001A999' is not a sample name of ntu60",
        ],
        strict=True,
    ):
        assert what in problem
    with pytest.raises(ManifestError) as error:
        import_list(written(tmp_path, *lines), source="a lab", protocol="xsub")
    assert str(error.value).splitlines() == [
        f"{tmp_path / 'list.txt'}, line {n}: {p}" for n, p in found
    ]


def test_a_few_strays_do_not_change_the_dataset(tmp_path):
    """One name of NTU-120 in a list of NTU-60 is a fault; a tenth of them is NTU-120."""
    only120 = [n for n in draw("ntu120", "xsub", "5%").names if n[1:4] > "017"]
    (fault,) = faults(written(tmp_path, *XSUB[:91], *only120[:9], only120[0]), dataset="ntu60")[:1]
    assert fault[0] == 92
    assert faults(written(tmp_path, *XSUB[:91], *only120[:9]), protocol="xsub")[0] == fault
    found = examine_list(
        written(tmp_path, *XSUB[:90], *only120[:10]), source="a lab", protocol="xsub"
    )
    assert found.split is not None
    assert found.split.dataset == "ntu120"


def test_a_list_with_test_names_is_measured_by_the_nearest_protocol(tmp_path):
    found = examine_list(written(tmp_path, *XSUB, *TESTED[:2]), source="a lab")
    assert found.split is None
    assert [f.line for f in found.findings] == [len(XSUB) + 1, len(XSUB) + 2]
    assert found.notes == (
        "dataset ntu60, found from the names",
        "protocol xsub, found from the names",
    )


def test_long_lists_of_faults_are_cut_short_in_the_error_only(tmp_path):
    path = written(tmp_path, *UCLA[:5], *(["banana"] * 30))
    assert len(faults(path)) == 30
    with pytest.raises(ManifestError) as error:
        import_list(path, source="a lab")
    lines = str(error.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 10 more"


def test_faults_in_a_list_without_lines_say_the_item(tmp_path):
    path = tmp_path / "list.json"
    path.write_text('{"names": ["a01_s01_e00_v01", "a01_s01_e00_v01.json", "a01_s01_e00_v03"]}')
    assert faults(path) == [
        (None, "item 2: a01_s01_e00_v01 is already in item 1"),
        (None, "item 3: a01_s01_e00_v03 is no training sample of nw-ucla xview (views 1 and 2 train, view 3 tests)"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "terms", "error", "what"),
    [
        (["# nothing"], {}, ManifestError, "no names"),
        (["apple", "banana"], {}, ManifestError, "line 1: 'apple' holds no sample name"),
        ([UCLA[0]], {"source": " "}, UsageError, "source is empty"),
        ([UCLA[0]], {"credit": ""}, UsageError, "credit is empty"),
        ([UCLA[0]], {"dataset": "ucla"}, UsageError, "unknown dataset"),
        ([UCLA[0]], {"protocol": "xsub"}, UsageError, "no protocol 'xsub'"),
        ([UCLA[0]], {"dataset": "ntu60"}, UsageError, "do not say the protocol"),
        ([UCLA[0]], {"dataset": "ntu60", "protocol": "xsub"}, ManifestError, "line 1: .* ntu60"),
    ],
)
def test_lists_that_cannot_be_imported(tmp_path, lines, terms, error, what):
    with pytest.raises(error, match=what):
        import_list(written(tmp_path, *lines), **({"source": "a lab"} | terms))


def test_names_beyond_the_official_list_and_empty_classes_are_warned_of(tmp_path):
    names = [
        *(n for n in UCLA if n[:3] not in ("a01", "a12")),
        "a02_s01_e77_v01",
        "a02_s01_e78_v01",
    ]
    split = import_list(written(tmp_path, *names), source="a lab")
    assert split.warnings == (
        "2 names are not on the official list of nw-ucla: a02_s01_e77_v01, a02_s01_e78_v01",
        "2 classes have no labelled name: 0 (pick up with one hand), 9 (carry)",
    )
    path = write_split(split, tmp_path / "out")
    assert read_manifest(path).warnings == split.warnings
    assert examine(path).findings == []
    assert import_list(written(tmp_path, *UCLA), source="a lab").warnings == ()


def test_verify_finds_officially_missing_names_in_a_list_made_by_hand(tmp_path):
    missing = sorted(NTU60.missing_names())[:2]
    path = write_split(list_split("ntu60", [*XSUB[:9], *missing]), tmp_path)
    assert [f.problem for f in examine(path).findings] == [
        f"2 names are officially missing, the first {missing[0]}"
    ]


@pytest.mark.parametrize(
    "name", ["", "a/b", "../x", ".hidden", "x.json", "x.txt", "ü", "a b", "a\n"]
)
def test_names_of_files_that_are_refused(tmp_path, name):
    with pytest.raises(UsageError, match="no plain file name"):
        write_split(draw("nw-ucla", "xview", "5%"), tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_not_used_for_two_splits(tmp_path):
    first, second = (import_list(written(tmp_path, *UCLA[:k]), source="a lab") for k in (5, 6))
    path = write_split(first, tmp_path / "out", "ours-0.05")
    assert (path.name, path.with_suffix(".txt").read_bytes()) == (
        "ours-0.05.json",
        list_bytes(UCLA[:5]),
    )
    assert write_split(first, tmp_path / "out", "ours-0.05") == path
    with pytest.raises(UsageError, match=r"ours-0\.05\.txt is already there and differs"):
        write_split(second, tmp_path / "out", "ours-0.05")
    credited = import_list(written(tmp_path, *UCLA[:5]), source="a lab", credit="A. Author")
    with pytest.raises(UsageError, match=r"ours-0\.05\.json is already there and differs"):
        write_split(credited, tmp_path / "out", "ours-0.05")
    assert read_manifest(path) == first


def test_order_does_not_matter_for_what_is_found(tmp_path):
    names = list(XSUB)
    random.Random(0).shuffle(names)
    assert (
        import_list(written(tmp_path, *names), source="a lab").digest
        == draw("ntu60", "xsub", "5%").digest
    )
