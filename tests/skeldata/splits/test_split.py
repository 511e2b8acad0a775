import pytest

from skeldata.errors import UsageError
from skeldata.splits import compare_splits, draw, list_split, names_digest, training_names

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
