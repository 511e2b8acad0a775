"""The draw against the published counts, the laws it promises, and a naive second writing."""

import gzip
import hashlib
import os
import subprocess
import sys
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from importlib import resources
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeldata.datasets import datasets
from skeldata.errors import UsageError
from skeldata.splits import (
    draw,
    labelled_counts,
    names_digest,
    parse_ratio,
    rank_names,
    training_names,
)

PROTOCOLS = [(d.id, p) for d in datasets().values() for p in d.protocols]
UCLA = training_names("nw-ucla", "xview")
RULES = ["assl", "proportional"]

# Written out from section 4 of the method notes, apart from the package's own tables.
XSUB60 = "1,2,4,5,8,9,13,14,15,16,17,18,19,25,27,28,31,34,35,38"
XSUB120 = (
    XSUB60 + ",45,46,47,49,50,52,53,54,55,56,57,58,59,70,74,78,80,81,82,83,84,85,86,89,91,92,93,"
    "94,95,97,98,100,103"
)


def naive_training_names(dataset, protocol):
    folder = resources.files("skeldata.official")
    if dataset == "nw-ucla":
        every = (folder / "nw-ucla.txt").read_text().split()
        return [n for n in every if n[-3:] in ("v01", "v02")]
    every = gzip.decompress((folder / "ntu120.txt.gz").read_bytes()).decode().split()
    if dataset == "ntu60":
        every = [n for n in every if int(n[1:4]) < 18]
    subjects = [int(s) for s in (XSUB60 if dataset == "ntu60" else XSUB120).split(",")]
    return [
        n
        for n in every
        if (protocol == "xsub" and int(n[9:12]) in subjects)
        or (protocol == "xview" and n[4:8] in ("C002", "C003"))
        or (protocol == "xset" and int(n[1:4]) % 2 == 0)
    ]


def naive_draw(dataset, protocol, ratio, seed, rule, train):
    """The rule of the design page, word for word."""
    ratio = Decimal(ratio)
    group = (lambda n: n[:3]) if dataset == "nw-ucla" else (lambda n: n[-4:])
    classes = {}
    for name in train:
        classes.setdefault(group(name), []).append(name)
    chosen = []
    for members in classes.values():
        if rule == "proportional":
            k = int((ratio * len(members)).to_integral_value(ROUND_HALF_UP))
        elif ratio * 20 == int(ratio * 20):
            k = len(train) // (20 * len(classes)) * int(ratio * 20)
        else:
            k = int((ratio * len(train) / len(classes)).to_integral_value(ROUND_DOWN))
        keys = {}
        for name in members:
            text = f"skeldata-split/1|{dataset}|{protocol}|{seed}|{name}"
            keys[hashlib.sha256(text.encode("utf-8")).hexdigest()] = name
        chosen += [keys[key] for key in sorted(keys)][: max(k, 1)]
    return tuple(sorted(chosen))


@pytest.mark.parametrize(
    ("dataset", "protocol", "ratio", "per_class"),
    [
        ("ntu60", "xsub", "5%", 33), ("ntu60", "xsub", "10%", 66), ("ntu60", "xsub", "20%", 132),
        ("ntu60", "xsub", "40%", 264), ("ntu60", "xview", "5%", 31), ("ntu60", "xview", "10%", 62),
        ("ntu60", "xview", "20%", 124), ("ntu60", "xview", "40%", 248),
        ("nw-ucla", "xview", "5%", 5),
        ("nw-ucla", "xview", "15%", 15), ("nw-ucla", "xview", "30%", 30),
        ("nw-ucla", "xview", "40%", 40),
        # Not a multiple of 5 %: floor(ratio N / K).
        ("ntu60", "xsub", "1%", 6),
        ("ntu60", "xsub", "0.399", 266),
        ("ntu120", "xsub", "1%", 5),
        ("ntu120", "xset", "1%", 4),
    ],
)  # fmt: skip
def test_published_counts_per_class(dataset, protocol, ratio, per_class):
    classes = len(datasets()[dataset].classes)
    split = draw(dataset, protocol, ratio)
    assert split.per_class == (per_class,) * classes
    assert split.count == per_class * classes
    assert labelled_counts(dataset, protocol, ratio) == dict.fromkeys(range(classes), per_class)
    assert not split.warnings


def test_published_totals_at_five_percent():
    assert draw("ntu60", "xsub", "0.05").count == 1980
    assert draw("ntu60", "xview", "0.05").count == 1860
    assert draw("nw-ucla", "xview", "0.05").count == 50


@pytest.mark.parametrize(
    ("protocol", "ratio", "total"),
    [
        ("xsub", "1%", 419), ("xsub", "5%", 2006), ("xsub", "20%", 8014), ("xsub", "40%", 16038),
        ("xview", "1%", 360), ("xview", "5%", 1885), ("xview", "20%", 7523),
        ("xview", "40%", 15059),
    ],
)  # fmt: skip
def test_published_totals_of_the_proportional_family(protocol, ratio, total):
    assert draw("ntu60", protocol, ratio, rule="proportional").count == total


@pytest.mark.parametrize(("dataset", "protocol"), PROTOCOLS)
@pytest.mark.parametrize(
    ("ratio", "rule", "seed"), [("0.1", "assl", 0), ("0.03", "proportional", 7)]
)
def test_official_draws_equal_the_naive_rule(dataset, protocol, ratio, rule, seed):
    train = naive_training_names(dataset, protocol)
    assert tuple(train) == training_names(dataset, protocol)
    split = draw(dataset, protocol, ratio, seed, rule)
    assert split.names == naive_draw(dataset, protocol, ratio, seed, rule, train)
    assert (split.base, split.base_count) == ("official", len(train))
    assert split.base_digest == names_digest(train)


some_names = st.sets(st.sampled_from(UCLA), min_size=1, max_size=len(UCLA) * 9 // 10)
ratios = st.integers(1, 200).map(lambda n: str(Decimal(n) / 200))
seeds = st.integers(0, 2**63 - 1)


@settings(max_examples=60)
@given(some_names, ratios, seeds, st.sampled_from(RULES))
def test_a_small_stores_draw_equals_the_naive_rule(names, ratio, seed, rule):
    split = draw("nw-ucla", "xview", ratio, seed, rule, names)
    assert split.base == "store"
    assert split.base_digest == names_digest(names)
    assert split.names == naive_draw("nw-ucla", "xview", ratio, seed, rule, sorted(names))


@given(some_names, ratios, seeds, st.sampled_from(RULES), st.randoms(use_true_random=False))
def test_the_order_of_the_names_does_not_matter(names, ratio, seed, rule, random):
    shuffled = list(names)
    random.shuffle(shuffled)
    assert draw("nw-ucla", "xview", ratio, seed, rule, shuffled) == draw(
        "nw-ucla", "xview", ratio, seed, rule, sorted(names)
    )
    assert rank_names("nw-ucla", "xview", seed, shuffled) == rank_names(
        "nw-ucla", "xview", seed, sorted(names)
    )


@given(some_names, seeds, st.sampled_from(RULES), st.sets(st.integers(1, 20), min_size=2))
def test_a_smaller_ratio_lies_inside_a_larger_one(names, seed, rule, twentieths):
    inner, outer = (
        draw("nw-ucla", "xview", str(Decimal(n) / 20), seed, rule, names)
        for n in (min(twentieths), max(twentieths))
    )
    assert set(inner.names) <= set(outer.names)


@pytest.mark.parametrize(("dataset", "protocol"), PROTOCOLS)
def test_official_ratios_are_nested_and_seeds_differ(dataset, protocol):
    splits = [set(draw(dataset, protocol, r).names) for r in ("5%", "10%", "20%", "40%")]
    for inner, outer in pairwise(splits):
        assert inner < outer
    assert draw(dataset, protocol, "5%", 0).digest != draw(dataset, protocol, "5%", 1).digest


@given(some_names, ratios, seeds, st.sampled_from(RULES))
def test_rank_below_count_is_the_draw(names, ratio, seed, rule):
    facts = datasets()["nw-ucla"]
    ranks = rank_names("nw-ucla", "xview", seed, names)
    counts = labelled_counts("nw-ucla", "xview", ratio, rule, names)
    split = draw("nw-ucla", "xview", ratio, seed, rule, names)
    assert set(ranks) == names
    assert split.names == tuple(n for n, r in ranks.items() if r < counts[facts.label_of(n)])
    assert split.per_class == tuple(counts.get(label, 0) for label in range(10))
    by_class = {}
    for name, rank in ranks.items():
        by_class.setdefault(facts.label_of(name), []).append(rank)
    assert all(sorted(found) == list(range(len(found))) for found in by_class.values())
    assert set(by_class) == set(counts)


def test_seed_protocol_and_dataset_each_change_the_keys():
    names = [n for n in training_names("ntu60", "xsub") if n[4:8] != "C001"][:2000]
    digests = {
        draw(dataset, protocol, "5%", seed, names=names).digest
        for dataset, protocol, seed in [
            ("ntu60", "xsub", 0), ("ntu60", "xsub", 1), ("ntu60", "xview", 0),
            ("ntu120", "xsub", 0),
        ]
    }  # fmt: skip
    assert len(digests) == 4


def test_digest_is_of_the_names_one_a_line():
    split = draw("nw-ucla", "xview", "5%")
    assert list(split.names) == sorted(split.names)
    text = "\n".join(split.names) + "\n"
    assert split.digest == hashlib.sha256(text.encode()).hexdigest()


def test_a_class_smaller_than_k_gives_all_it_has_and_says_so():
    split = draw("ntu60", "xsub", "1")  # 20 x 33 = 660 a class; the smallest has 632
    sizes = dict.fromkeys(range(60), 0)
    for name in training_names("ntu60", "xsub"):
        sizes[int(name[-3:]) - 1] += 1
    assert split.per_class == tuple(min(660, size) for size in sizes.values())
    assert labelled_counts("ntu60", "xsub", "1") == dict(enumerate(split.per_class))
    small = [label for label, size in sizes.items() if size < 660]
    assert len(split.warnings) == len(small) > 0
    for label, warning in zip(small, split.warnings, strict=True):
        assert warning.startswith(f"class {label} (")
        assert f"only {sizes[label]} training names where 660 are wanted" in warning


@pytest.mark.parametrize("dropped", [0, 10, 11])
def test_ninety_nine_percent_decides_the_base(dropped):
    # 1,020 official training names: 1,010 are 99.02 %, 1,009 are 98.92 %.
    held = UCLA[dropped:]
    split = draw("nw-ucla", "xview", "40%", names=held)
    official = draw("nw-ucla", "xview", "40%")
    if dropped == 11:
        assert (split.base, split.base_count) == ("store", len(held))
        assert set(split.names) <= set(held)
        return
    assert (split.base, split.digest) == ("official", official.digest)
    assert split.lacking == tuple(sorted(set(official.names) - set(held)))
    assert bool(split.lacking) == bool(dropped)
    assert [f"lacks {len(split.lacking)} labelled names: {split.lacking[0]}" in w
            for w in split.warnings] == [True] * bool(dropped)  # fmt: skip
    ranks, all_ranks = rank_names("nw-ucla", "xview", 0, held), rank_names("nw-ucla", "xview", 0)
    assert ranks == {name: all_ranks[name] for name in held}


def test_the_boundary_of_ninety_nine_percent_is_exact():
    train = training_names("ntu60", "xview")  # 37,646: 99 % is 37,269.54
    assert draw("ntu60", "xview", "5%", names=train[:37270]).base == "official"
    assert draw("ntu60", "xview", "5%", names=train[:37269]).base == "store"


def test_names_beyond_the_official_list_are_never_labelled():
    foreign = "a03_s01_e99_v01"  # of the one class that is smaller than the k of 100 %, 100
    names = [*UCLA, foreign]
    split = draw("nw-ucla", "xview", "1", names=names)
    assert (split.base, split.digest) == ("official", draw("nw-ucla", "xview", "1").digest)
    assert foreign not in split.names
    assert any(foreign in warning and "never labelled" in warning for warning in split.warnings)
    ranks = rank_names("nw-ucla", "xview", 0, names)
    counts = labelled_counts("nw-ucla", "xview", "1", names=names)
    assert ranks[foreign] == sum(n.startswith("a03") for n in UCLA) == counts[2] == 96
    assert tuple(n for n in UCLA if ranks[n] < counts[datasets()["nw-ucla"].label_of(n)]) == (
        split.names
    )


def test_names_beyond_the_official_list_rank_by_key_behind_it():
    foreign = [f"a03_s01_e{event}_v01" for event in (97, 98, 99)]
    for seed in range(3):
        ranks = rank_names("nw-ucla", "xview", seed, [*UCLA, *foreign])
        keys = {
            name: hashlib.sha256(f"skeldata-split/1|nw-ucla|xview|{seed}|{name}".encode()).digest()
            for name in foreign
        }
        assert [ranks[name] for name in sorted(foreign, key=keys.get)] == [96, 97, 98]


def test_only_the_classes_present_share_the_labels():
    two_classes = [n for n in UCLA if n[:3] in ("a01", "a02")]  # 204 names: k05 = 204 // 40
    split = draw("nw-ucla", "xview", "10%", names=two_classes)
    assert split.per_class == (10, 10) + (0,) * 8


def test_at_least_one_of_each_class():
    names = [n for n in UCLA if n[4:7] == "s01"][:60]
    present = len({n[:3] for n in names})
    for rule in RULES:
        assert draw("nw-ucla", "xview", "0.001", rule=rule, names=names).count == present
    assert draw("nw-ucla", "xview", "0.001", rule="proportional").count == 10


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ([UCLA[0], UCLA[1], UCLA[0]], f"{UCLA[0]} is given twice"),
        ([UCLA[0], "a01_s01_e00_v03"], "a01_s01_e00_v03 is not a training name"),
        ([UCLA[0], "S001C001P001R001A001"], "S001C001P001R001A001.* is not a sample name"),
        ([UCLA[0], "A01_s01_e00_v01"], "A01_s01_e00_v01.* is not a sample name"),
        ([], "no training names"),
    ],
)
def test_names_that_do_not_belong_are_refused(names, what):
    for refused in (
        lambda: draw("nw-ucla", "xview", "5%", names=names),
        lambda: rank_names("nw-ucla", "xview", 0, names),
        lambda: labelled_counts("nw-ucla", "xview", "5%", "assl", names),
    ):
        with pytest.raises(UsageError, match=what):
            refused()


@pytest.mark.parametrize(
    "arguments",
    [
        ("ntu6", "xsub", "5%"), ("ntu60", "xset", "5%"), ("ntu60", "xsub", 0.05),
        ("ntu60", "xsub", "5%", -1), ("ntu60", "xsub", "5%", True), ("ntu60", "xsub", "5%", 1.0),
        ("ntu60", "xsub", "5%", 2**63), ("ntu60", "xsub", "5%", 0, "random"),
        ("ntu60", "xsub", "5%", 0, "list"),
    ],
)  # fmt: skip
def test_wrong_use(arguments):
    with pytest.raises(UsageError):
        draw(*arguments)


def test_training_names_of_a_store_leave_its_test_names_out():
    names = datasets()["nw-ucla"].official_names()
    assert training_names("nw-ucla", "xview", names[::-1]) == UCLA
    with pytest.raises(UsageError, match="S001"):
        training_names("nw-ucla", "xview", [*names, "S001C001P001R001A001"])


def test_spelling_of_the_ratio_changes_nothing():
    assert draw("nw-ucla", "xview", "0.050") == draw("nw-ucla", "xview", "5%")
    assert draw("nw-ucla", "xview", "5%").ratio == parse_ratio("0.05")


def test_processes_with_other_hash_seeds_agree():
    code = (
        "from skeldata.splits import draw, training_names;"
        "names = set(training_names('nw-ucla', 'xview')[::2]);"
        "print(draw('nw-ucla', 'xview', '15%', 3, names=names).digest,"
        "draw('nw-ucla', 'xview', '15%', 3).digest)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    here = [
        draw("nw-ucla", "xview", "15%", 3, names=UCLA[::2]).digest,
        draw("nw-ucla", "xview", "15%", 3).digest,
    ]
    assert printed == {" ".join(here) + "\n"}
