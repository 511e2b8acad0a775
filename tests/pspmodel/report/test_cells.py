import itertools
import json
import re
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pspmodel.errors import CheckpointError
from pspmodel.report.cells import cells, series_labels, spread, warnings
from pspmodel.report.records import find_runs, read_run
from support.fake_runs import write_run

ACCURACY = st.floats(0, 1)


def make(folder, **each):
    """Runs as the product of the values given, e.g. ``split_seed=(0, 1)``."""
    varied = {key: value for key, value in each.items() if isinstance(value, tuple | range)}
    fixed = {key: value for key, value in each.items() if key not in varied}
    records = []
    for place, values in enumerate(itertools.product(*varied.values())):
        name = f"run{len(list(folder.iterdir()))}-{place}"
        write_run(folder / name, **dict(zip(varied, values, strict=True)), **fixed)
        records.append(read_run(folder / name))
    return records


@given(st.lists(st.lists(ACCURACY, min_size=1, max_size=3), min_size=1, max_size=6))
def test_spread_is_over_draws_of_means_over_seeds(draws):
    pairs = [(str(place), value) for place, runs in enumerate(draws) for value in runs]
    found = spread(pairs[::-1])
    means = [sum(runs) / len(runs) for runs in draws]
    assert found.mean == pytest.approx(sum(means) / len(means))
    assert (found.draws, found.runs) == (len(draws), len(pairs))
    if len(draws) == 1:
        assert found.sd is None
    else:
        middle = sum(means) / len(means)
        variance = sum((mean - middle) ** 2 for mean in means) / (len(means) - 1)
        assert found.sd == pytest.approx(variance**0.5, abs=1e-9)


def test_runs_without_the_accuracy_do_not_count():
    assert spread([("0", None), ("1", None)]) is None
    assert spread([("0", None), ("1", 0.5)]) == (0.5, None, 1, 1)


def test_cells_gather_what_differs_in_draw_and_seed_alone(tmp_path):
    records = make(tmp_path, ratio=("0.05", "0.15"), split_seed=(0, 1, 10), seed=(0, 1))
    records += make(tmp_path, recipe="psp-code", accuracy=((0.7, None, 0.8),))
    found = cells(records)
    assert [(c.series, c.share, len(c.records)) for c in found] == [
        ("psp-code", "5 %", 1), ("tiny", "5 %", 6), ("tiny", "15 %", 6),
    ]  # fmt: skip
    assert found[1].draws == ("0", "1", "10")
    assert found[0].spread("held_out_best") is None
    assert found[0].spread("test_oracle").mean == 0.8
    assert found[1].spread("last").draws == 3


def test_unfinished_runs_are_left_out_and_named(tmp_path):
    records = make(tmp_path, split_seed=(0, 1))
    records += make(tmp_path, split_seed=(2,), finished=False)
    assert [len(cell.records) for cell in cells(records)] == [2]
    assert warnings(records) == [
        f"1 run not finished and left out: {records[2].folder.name} (step 20)"
    ]  # fmt: skip


def test_settings_that_differ_are_different_series_named_by_what_differs(tmp_path):
    records = make(tmp_path, seed=(0, 1))
    records += make(tmp_path, seed=(0, 1), overrides=["optim.lr=0.5", "options.temperature=0.5"])
    records += make(tmp_path, recipe="psp-code")
    labels = series_labels(records)
    assert [labels[record.folder] for record in records] == [
        *["tiny, optim.lr=0.05"] * 2,
        *["tiny, optim.lr=0.5, options.temperature=0.5"] * 2,
        "psp-code",
    ]
    assert [len(cell.records) for cell in cells(records)] == [1, 2, 2]


def test_settings_are_compared_within_a_dataset(tmp_path):
    records = make(tmp_path, recipe="psp-code", dataset=("nw-ucla",))
    records += make(tmp_path, recipe="psp-code", dataset=("ntu60",))
    assert records[0].config["options"] != records[1].config["options"]
    assert set(series_labels(records).values()) == {"psp-code"}


def test_many_differences_still_give_names_of_their_own(tmp_path):
    changes = ["optim.lr=0.5", "optim.momentum=0.5", "train.epochs=3", "train.labelled_batch=2"]
    records = make(tmp_path)
    for value in (1, 2):
        records += make(tmp_path, overrides=[*changes, f"train.steps_per_epoch={value}"])
    labels = list(series_labels(records).values())
    assert len(set(labels)) == 3
    assert all(label.count(",") == 5 for label in labels)


def test_lists_of_names_are_columns_of_their_own(tmp_path):
    records = make(tmp_path, ratio=None, split_seed=None, split_digest=("c" * 64, "d" * 64))
    records += make(tmp_path, ratio="0.05")
    assert [cell.share for cell in cells(records)] == [
        "5 %", "list of 50 (cccccccc)", "list of 50 (dddddddd)",
    ]  # fmt: skip
    assert warnings(records) == []


def test_runs_on_a_part_of_the_official_set_are_told_apart(tmp_path):
    part = {"official_clips": ((300, 1484),)}
    records = make(tmp_path, split_seed=(0, 1), **part)
    (cell,) = cells(records)
    assert not cell.whole
    assert cell.series == "tiny"
    assert warnings(records) == [
        "nw-ucla xview: 2 runs on a store with 300 of the 1,484 official clips; published numbers are "
        "of all of them and are not set beside"
    ]
    records += make(tmp_path, split_seed=(0, 1), official_clips=((1484, 1484),))
    both = {cell.series: cell for cell in cells(records)}
    assert {name: len(cell.records) for name, cell in both.items()} == {
        "tiny": 2, "tiny, on 300 of the 1,484 official clips": 2,
    }  # fmt: skip
    assert both["tiny"].whole


def test_equal_runs_of_two_settings_are_comparable(tmp_path):
    records = make(tmp_path, recipe=("tiny", "psp-code"), split_seed=(0, 1), ratio=("0.05", "0.3"))
    assert warnings(records) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {"store_digest": "b" * 64, "split_seed": 1},
         r"nw-ucla xview: runs on 2 different stores \(aaaaaaaaaaaa: 1, bbbbbbbbbbbb: 1\)"),
        ({}, {"store_digest": "b" * 64, "ratio": "0.15"}, "runs on 2 different stores"),
        ({}, {"split_digest": "e" * 64, "recipe": "psp-code"},
         r"5 %: split seed 0 stands for 2 different label sets \(.*eeeeeeeeeeee: 1"),
        ({}, {"split_seed": 1, "recipe": "psp-code"},
         r"5 %: means over different label draws \(psp-code: 1; tiny: 0\)"),
        ({}, {}, r"2 runs of tiny with split seed 0 and seed 0; the same run may be counted twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(tmp_path, one, other, expected):
    records = [*make(tmp_path, **one), *make(tmp_path, **other)]
    found = warnings(records)
    assert len(found) == 1, found
    assert re.search(expected, found[0]), found[0]


def test_runs_of_other_tables_do_not_disturb(tmp_path):
    records = make(tmp_path, dataset=("nw-ucla",))
    records += make(tmp_path, dataset=("ntu60",), protocol="xsub", store_digest="b" * 64)
    assert warnings(records) == []


def test_a_folder_of_runs_stands_for_them_once_each(tmp_path):
    records = make(tmp_path, split_seed=(0, 1))
    (tmp_path / "logs").mkdir()
    folders = [record.folder for record in records]
    assert find_runs([tmp_path]) == folders
    assert find_runs([folders[1], tmp_path]) == [folders[1], folders[0]]
    with pytest.raises(CheckpointError, match=r"no run at .*logs: neither it nor a folder in it"):
        find_runs([tmp_path / "logs"])
    with pytest.raises(CheckpointError, match="no run at"):
        find_runs([tmp_path / "none"])


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("report.json", "{", "is damaged"),
        ("report.json", "[]", "is damaged"),
        ("report.json", '{"accuracy": {}}', "lacks 'finished'"),
        ("config.json", "{}", "lacks 'config'"),
    ],
)
def test_damaged_files_are_named(tmp_path, file, content, expected):
    write_run(tmp_path / "run")
    (tmp_path / "run" / file).write_text(content)
    with pytest.raises(CheckpointError, match=f"{file} {expected}"):
        read_run(tmp_path / "run")


def test_a_run_without_report_is_unfinished(tmp_path):
    write_run(tmp_path / "run")
    (tmp_path / "run" / "report.json").unlink()
    record = read_run(tmp_path / "run")
    assert not record.finished
    assert record.accuracy("last") is None
    assert record.row()["last"] is None
    assert statistics.fmean(line["step"] for line in record.metrics()) == 15


def test_another_rule_is_another_cell_and_published_numbers_are_not_for_it(tmp_path):
    records = make(tmp_path, ratio="0.1", split_seed=(0, 1))
    records += make(
        tmp_path, ratio="0.1", split_seed=(0, 1), split_rule="proportional", split_digest="c" * 64
    )
    found = cells(records)
    assert [(c.share, c.split_rule, len(c.records), c.comparable) for c in found] == [
        ("10 %", "assl", 2, True), ("10 %, proportional", "proportional", 2, False),
    ]  # fmt: skip
    assert warnings(records) == [
        "nw-ucla xview: 2 runs on labels drawn by rule proportional; published numbers are not set "
        "beside"
    ]


def test_published_numbers_are_not_for_runs_that_know_the_cameras(tmp_path):
    known = ["pseudo_labels.weight=1", "pseudo_labels.cameras=other"]
    records = make(tmp_path, split_seed=(0, 1), overrides=known[:1])
    records += make(tmp_path, split_seed=(0, 1), overrides=known)
    assert [(c.series, c.share, c.comparable) for c in cells(records)] == [
        ("tiny, pseudo_labels.cameras=other", "5 %, cameras known", False),
        ("tiny, pseudo_labels.cameras=same", "5 %", True),
    ]
    assert warnings(records) == [
        "nw-ucla xview: 2 runs with a teacher that knows which recordings are of one performance "
        "(pseudo_labels.cameras); published numbers are not set beside"
    ]


def test_a_run_without_a_teacher_knows_no_cameras(tmp_path):
    known = ["pseudo_labels.weight=1", "pseudo_labels.cameras=other", "method=supervised"]
    write_run(tmp_path / "twin", recipe="nw-ucla-cameras", overrides=known[2:])
    assert not read_run(tmp_path / "twin").knows_cameras
    write_run(tmp_path / "taught", recipe="nw-ucla-cameras")
    assert read_run(tmp_path / "taught").knows_cameras


def test_runs_of_an_earlier_version_stand_in_one_cell_with_those_of_today(tmp_path):
    make(tmp_path, split_seed=(0, 1))
    config = tmp_path / "run0-0" / "config.json"
    saved = json.loads(config.read_text())
    del saved["config"]["pseudo_labels"]["cameras"]
    config.write_text(json.dumps(saved))
    records = [read_run(folder) for folder in find_runs([tmp_path])]
    assert [(cell.series, len(cell.records)) for cell in cells(records)] == [("tiny", 2)]


def test_accuracy_without_copies_is_averaged_where_there_are_copies(tmp_path):
    without = make(tmp_path, split_seed=(0, 1), copies=[0, 464, 0.5])
    write_run(tmp_path / "a", ratio="0.15", copies=(95, 369, 0.7))
    write_run(tmp_path / "b", ratio="0.15", split_seed=1, copies=(95, 369, 0.8))
    records = [read_run(tmp_path / name) for name in "ab"]
    (cell,) = cells(records)
    assert cell.rules == ("last", "held_out_best", "test_oracle", "last_without_copies")
    assert cell.spread("last_without_copies").mean == pytest.approx(0.75)
    assert cells(without)[0].rules == ("last", "held_out_best", "test_oracle")
    assert warnings([*without, *records])[0] == (
        "nw-ucla xview: 95 of the 464 test clips are training clips under another name; published "
        "numbers are of all"
    )
    assert warnings(without) == []
    write_run(
        tmp_path / "old", ratio="0.15", split_seed=2
    )  # of a version that did not look for any
    mixed = cells([*records, read_run(tmp_path / "old")])
    assert [cell.rules for cell in mixed] == [("last", "held_out_best", "test_oracle")]
