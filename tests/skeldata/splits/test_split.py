from decimal import Decimal

import pytest

from skeldata.datasets import get_dataset
from skeldata.errors import UsageError
from skeldata.splits import Split, compare_splits, draw, list_split, names_digest, training_names

UCLA = training_names("nw-ucla", "xview")


def test_a_list_from_elsewhere_in_any_order():
    names = [UCLA[5], UCLA[0], UCLA[-1]]
    split = list_split("nw-ucla", iter(names), "xview", source="a page", credit="A. Author")
    assert split.names == tuple(sorted(names))
    assert (split.rule, split.ratio, split.seed, split.base) == ("list", None, None, None)
    assert split.per_class == (2,) + (0,) * 8 + (1,)
    assert split.digest == names_digest(names)
    assert (split.source, split.credit) == ("a page", "A. Author")


@pytest.mark.parametrize(
    ("names", "protocol", "what"),
    [
        ([], None, "no names"),
        (["a07_s01_e00_v01"], None, "not a sample name"),
        ([UCLA[0], UCLA[0]], None, "already"),
        (["a01_s01_e00_v03"], "xview", "no training sample"),
        ([UCLA[0]], "xsub", "no protocol"),
        (["über"], None, "not a sample name"),
    ],
)
def test_lists_that_are_refused(names, protocol, what):
    with pytest.raises(UsageError, match=what):
        list_split("nw-ucla", names, protocol)


def test_without_a_protocol_test_names_may_be_listed():
    assert list_split("nw-ucla", ["a01_s01_e00_v03"]).protocol is None


def test_titles_say_what_it_is():
    assert draw("nw-ucla", "xview", "5%", 2).title == "nw-ucla xview 5 % assl seed 2"
    assert list_split("nw-ucla", UCLA[:3]).title == "nw-ucla list of 3"


@pytest.mark.parametrize(
    ("per_class", "total", "ratio", "told"),
    [
        ((1, 1), 40, "0.05", "1 labelled clip a class: 2 of 40 training clips are labelled, 5 %"),
        ((1, 1), 10, "0.05", ", 20 %, not the 5 % asked for"),
        (
            (3, 3),
            58,
            "0.15",
            "3 labelled clips a class: 6 of 58 training clips are labelled, 10.3 %",
        ),
        ((2, 3), 60, "0.05", "2 to 3 labelled clips a class: 5 of 60 "),
        ((3, 3), 60, "0.11", None),  # 9.1 % less than asked for
        ((3, 3), 60, "0.12", "10 %, not the 12 % asked for"),
        ((2, 3), 5, "1", None),
    ],
)
def test_a_share_far_from_the_ratio_is_told(per_class, total, ratio, told):
    names = tuple(
        f"a{label + 1:02}_s01_e{e:02}_v01" for label, n in enumerate(per_class) for e in range(n)
    )
    split = Split(
        "nw-ucla", "xview", "assl", names, per_class, Decimal(ratio), 0, "store", total
    )  # fmt: skip
    assert (split.rounding is None) if told is None else (told in split.rounding)


@pytest.mark.parametrize("dataset", ["ntu60", "ntu120", "nw-ucla"])
def test_usual_ratios_of_the_official_sets_are_what_was_asked_for(dataset):
    for protocol in get_dataset(dataset).protocols:
        for ratio in ("0.05", "0.1", "0.15", "0.2", "0.3", "0.4"):
            assert draw(dataset, protocol, ratio).rounding is None


def test_the_origin_of_a_draw_in_words():
    own = training_names("nw-ucla", "xview")[::2]
    assert draw("nw-ucla", "xview", "5%").origin == "the official 1,020 training names"
    assert draw("nw-ucla", "xview", "5%", names=own).origin == "the store's own 510 training names"
    listed = list_split("nw-ucla", own)
    assert (listed.origin, listed.rounding) == (None, None)


def test_compare_counts_by_class():
    a = list_split("nw-ucla", ["a01_s01_e00_v01", "a02_s01_e00_v01", "a12_s01_e00_v01"])
    b = list_split("nw-ucla", ["a01_s01_e00_v01", "a02_s01_e00_v02", "a02_s01_e00_v01"])
    found = compare_splits(a, b)
    assert found.only_a == ("a12_s01_e00_v01",)
    assert found.only_b == ("a02_s01_e00_v02",)
    assert found.both == ("a01_s01_e00_v01", "a02_s01_e00_v01")
    assert found.per_class == {1: (0, 1, 1), 9: (1, 0, 0)}
    assert not found.identical
    assert compare_splits(a, a).identical
    assert compare_splits(a, a).per_class == {}


def test_compare_across_the_two_ntu_sets_but_not_across_kinds():
    small = list_split("ntu60", ["S001C001P001R001A001"])
    large = list_split("ntu120", ["S001C001P001R001A001", "S018C001P001R001A120"])
    assert compare_splits(small, large).per_class == {119: (0, 1, 0)}
    with pytest.raises(UsageError, match="cannot compare"):
        compare_splits(small, list_split("nw-ucla", UCLA[:1]))


@pytest.mark.parametrize(
    ("b", "verdict", "differ"),
    [
        (draw("nw-ucla", "xview", "5%"), "the same split", {}),
        (draw("nw-ucla", "xview", "5%", 1), "different", {"seed": (0, 1)}),
        (draw("nw-ucla", "xview", "15%"), "different: A is part of B", {"ratio": ("0.05", "0.15")}),
        (draw("nw-ucla", "xview", "1%"), "different: B is part of A", {"ratio": ("0.05", "0.01")}),
        (
            list_split("nw-ucla", draw("nw-ucla", "xview", "5%").names),
            "the same names, described differently",
            {"protocol": ("xview", None), "rule": ("assl", "list")},
        ),
        (
            list_split("nw-ucla", {*UCLA} - {*draw("nw-ucla", "xview", "5%").names}, "xview"),
            "different: no name in common",
            {"rule": ("assl", "list")},
        ),
    ],
)
def test_compare_says_how_two_splits_relate_and_what_they_state_differently(b, verdict, differ):
    found = compare_splits(draw("nw-ucla", "xview", "5%"), b)
    assert (found.verdict, found.differ) == (verdict, differ)
    assert found.identical == verdict.startswith("the same")


def test_compare_says_what_was_drawn_from():
    official, store = (draw("nw-ucla", "xview", "1%", names=n) for n in (None, UCLA[::2]))
    differ = compare_splits(official, store).differ
    assert differ == {
        "base": ("official", "store"),
        "base_count": (1020, 510),
        "base_digest": (names_digest(UCLA), names_digest(UCLA[::2])),
    }
