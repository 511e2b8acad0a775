"""Balance tables: every clip counted once in every factor, and what is empty said."""

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
from io import StringIO

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from skeldata.cli.splits import splits
from skeldata.cli.splits.balance import plain_lines, print_tables
from skeldata.datasets import get_dataset
from skeldata.errors import UsageError
from skeldata.splits import balance, draw, list_split, published, training_names, write_split

UCLA = training_names("nw-ucla", "xview")


def naive(pattern, labelled, training):
    """{text that the pattern finds: (labelled, training)}, counted one by one."""
    counts = {}
    for name in training:
        value = re.search(pattern, name)[1]
        chosen, every = counts.get(value, (0, 0))
        counts[value] = (chosen + (name in labelled), every + 1)
    return counts


UCLA_PATTERNS = {"class": "a(..)", "subject": "s(..)", "camera": "v(..)"}
NTU_PATTERNS = {
    "class": "A(...)", "subject": "P(...)", "camera": "C(...)", "setup": "S(...)", "replication": "R(...)"
}  # fmt: skip


def assert_counted(found, patterns, training):
    labels = get_dataset(found.split.dataset).labels
    assert list(found.factors) == list(patterns)
    for factor, pattern in patterns.items():
        counts = naive(pattern, set(found.split.names), training)
        wanted = [
            (labels[int(value)] if factor == "class" else int(value), *both)
            for value, both in sorted(counts.items())
        ]
        assert [(c.value, c.labelled, c.training) for c in found.factors[factor]] == wanted
        for cell in found.factors[factor]:
            assert cell.share == cell.labelled / cell.training


@given(st.sets(st.sampled_from(UCLA), min_size=1))
def test_cells_are_those_of_a_count_by_hand(names):
    found = balance(list_split("nw-ucla", names, "xview"))
    assert (found.labelled, found.training) == (len(names), 1020)
    assert_counted(found, UCLA_PATTERNS, UCLA)
    for factor, cells in found.factors.items():
        empty = [c for c in cells if not c.labelled]
        said = [w for w in found.warnings if w.startswith(factor)]
        assert bool(empty) == bool(said)
        if empty:
            clips = sum(c.training for c in empty)
            assert f"({clips:,} of 1,020 training clips)" in said[0]


@pytest.mark.parametrize(("dataset", "protocol"), [("ntu60", "xview"), ("ntu120", "xset")])
def test_cells_of_ntu(dataset, protocol):
    found = balance(draw(dataset, protocol, "5%", 1))
    assert_counted(found, NTU_PATTERNS, training_names(dataset, protocol))
    assert found.share == found.split.count / found.split.base_count


def test_empty_cells_are_named():
    train = training_names("ntu60", "xsub")
    names = [n for n in train if n[9:12] not in ("001", "038") and n[-3:] != "060"]
    found = balance(list_split("ntu60", names, "xsub"))
    lost = {key: sum(key in n for n in train) for key in ("P001", "P038", "A060")}
    assert found.warnings == (
        f"classes without a labelled clip: 59 (walking apart from each other) "
        f"({lost['A060']:,} of 40,091 training clips)",
        f"subjects without a labelled clip: 1, 38 "
        f"({lost['P001'] + lost['P038']:,} of 40,091 training clips)",
    )
    assert balance(list_split("ntu60", train, "xsub")).warnings == ()


def test_a_store_s_names_are_counted_against():
    own = [n for n in get_dataset("nw-ucla").official_names() if n[4:7] in ("s01", "s02", "s03")]
    train = training_names("nw-ucla", "xview", own)
    split = draw("nw-ucla", "xview", "15%", names=train)
    found = balance(split, own)
    assert (found.labelled, found.training, found.warnings) == (split.count, len(train), ())
    assert_counted(found, UCLA_PATTERNS, train)
    with pytest.raises(UsageError, match="drawn from a store; give that store"):
        balance(split)
    assert balance(split, own[1:]).warnings[-1].startswith("the split was drawn from other")


def test_names_outside_the_training_part_at_hand_are_not_counted():
    split = list_split("nw-ucla", [*UCLA[:3], "a01_s01_e77_v01"], "xview")
    found = balance(split)
    assert (found.labelled, found.training) == (3, 1020)
    assert "1 labelled names are not among the training names" in found.warnings[-1]
    assert "a01_s01_e77_v01" in found.warnings[-1]


def test_splits_that_cannot_be_balanced():
    with pytest.raises(UsageError, match="says no protocol"):
        balance(list_split("nw-ucla", UCLA[:3]))
    with pytest.raises(UsageError, match="no training names"):
        balance(draw("nw-ucla", "xview", "5%"), ["a01_s01_e00_v03"])
    with pytest.raises(UsageError, match="not a sample name"):
        balance(draw("nw-ucla", "xview", "5%"), ["S001C001P001R001A001"])


# -- the command -----------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(splits, ["balance", *map(str, arguments)])


def test_the_plain_tables_hold_every_number(tmp_path):
    split = draw("ntu60", "xsub", "5%", 2)
    found = balance(split)
    result = run(write_split(split, tmp_path))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == list(plain_lines(found))
    title, digest, *tables = result.stdout.split("\n")
    assert title == "ntu60 xsub 5 % assl seed 2: 1,980 of 40,091 training clips, 4.94 %"
    assert digest == split.digest
    rows = [line for line in tables if line]
    assert len({len(row) for row in rows}) == 1
    wanted = []
    for factor, cells in found.factors.items():
        wanted.append([factor, "labelled", "training", "share"])
        wanted += [
            [
                found.title_of(factor, c),
                f"{c.labelled:,}",
                f"{c.training:,}",
                f"{100 * c.share:.2f} %",
            ]
            for c in cells
        ]
    assert [re.split(r"\s{2,}", row) for row in rows] == wanted
    assert [line for line in result.stderr.splitlines() if line] == [
        f"warning: {w}" for w in found.warnings
    ]


def test_the_tables_of_a_terminal_hold_every_row():
    found = balance(published("x-car"))
    console = Console(file=StringIO(), force_terminal=True, width=100)
    print_tables(found, console)
    text = console.file.getvalue()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    words = [re.split(r"[\s│]{2,}", line.strip()) for line in plain.splitlines()]
    for factor, cells in found.factors.items():
        for cell in cells:
            row = [found.title_of(factor, cell), f"{cell.labelled:,}", f"{cell.training:,}"]
            assert any(line[:3] == row for line in words), row
    empty = sum(not cell.labelled for cells in found.factors.values() for cell in cells)
    assert len([line for line in text.splitlines() if "\x1b[1;31m" in line]) == empty == 9


def test_a_terminal_gets_colours_and_a_pipe_does_not():
    pty = pytest.importorskip("pty")
    command = [sys.executable, "-m", "skeldata", "splits", "balance", "x-car"]
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    master, slave = pty.openpty()
    shown = b""
    with (
        os.fdopen(master, "rb") as terminal,
        subprocess.Popen(command, stdout=slave, env=env | {"TERM": "xterm"}),
        contextlib.suppress(OSError),  # how the end of a terminal's output reads
    ):
        os.close(slave)
        while part := terminal.read1():
            shown += part
    assert b"\x1b[1;31m" in shown
    assert b"\x1b" not in subprocess.run(command, capture_output=True, env=env, check=True).stdout


def test_json_holds_the_same(tmp_path):
    split = draw("nw-ucla", "xview", "5%", 1, "proportional")
    found = balance(split)
    result = run(
        "--dataset", "nw-ucla", "--ratio", "5%", "--seed", 1, "--rule", "proportional", "--json"
    )
    content = json.loads(result.stdout)
    assert content["split"]["digest"] == split.digest
    assert (content["labelled"], content["training"]) == (split.count, 1020)
    for factor, cells in found.factors.items():
        assert content["factors"][factor] == [
            dataclasses.asdict(c) | {"title": found.title_of(factor, c), "share": c.share}
            for c in cells
        ]
    assert content["warnings"] == list(found.warnings)


def test_a_bare_list_needs_its_dataset_and_protocol(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("\n".join(UCLA[:7]))
    assert run(path).exit_code == 4
    assert "nw-ucla xview list of 7: 7 of 1,020" in run(path, "--dataset", "nw-ucla").stdout
    path.write_text("\n".join(draw("ntu60", "xsub", "5%").names))
    assert run(path, "--dataset", "ntu60").exit_code == 2
    assert run(path, "--dataset", "ntu60", "--protocol", "xsub").exit_code == 0
    assert run(path, "--dataset", "ntu60", "--protocol", "xview").exit_code == 4


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ((), "give a split, or --dataset"),
        (("--dataset", "nw-ucla"), "--ratio for a draw"),
        (("x-car", "--ratio", "5%"), "drop --ratio"),
        (("x-car", "--seed", "0", "--rule", "assl"), "drop --seed, --rule"),
    ],
)
def test_wrong_use(wrong, what):
    result = run(*wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert what in result.stderr
