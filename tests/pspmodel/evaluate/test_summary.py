import json
import re

import numpy as np
import pytest

from pspmodel.cli.evaluate import evaluate
from pspmodel.evaluate.scores import load_scores
from pspmodel.evaluate.summary import confusions, evaluate_run
from pspmodel.train.setup import load_run
from support.command_line import run as run_command
from support.small_run import trained_run


def run(*arguments):
    return run_command(evaluate, *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, ntu_store_path):
    return trained_run(tmp_path_factory.mktemp("runs") / "run", ntu_store_path)


@pytest.fixture(scope="module")
def result(folder):
    return evaluate_run(load_run(folder, device="cpu"), "last", probe=True, neighbours=2)


def test_all_numbers_are_those_of_the_saved_scores(folder, result):
    _, scores = load_scores(folder / "scores.npz")
    report = json.loads((folder / "report.json").read_text())
    assert result["top1"] == scores.top(1) == report["accuracy"]["last"]
    assert result["top5"] == report["top5"]
    assert result["streams"]["both"] == {"top1": result["top1"], "top5": result["top5"]}
    assert set(result["streams"]) == {"both", "joint", "motion"}
    assert result["per_class"] == report["per_class"]
    counts = np.array(result["confusion"])
    np.testing.assert_array_equal(counts, scores.confusion())
    assert np.trace(counts) / counts.sum() == pytest.approx(result["top1"])


def test_probes_are_apart_and_say_whose_labels_they_saw(folder, result, ntu_store):
    frozen = result["frozen_features"]
    report = json.loads((folder / "report.json").read_text())
    assert frozen["labels"] == "split"
    assert frozen["labelled_clips"] == report["clips"]["labelled"]
    assert frozen["nearest_neighbours"]["k"] == 2
    everything = evaluate_run(load_run(folder, device="cpu"), "last", probe=True, labels="all")
    frozen = everything["frozen_features"]
    assert frozen["labelled_clips"] == len(ntu_store) - report["clips"]["test"]
    assert "nearest_neighbours" not in frozen
    assert everything["top1"] == result["top1"]
    assert "frozen_features" not in evaluate_run(load_run(folder, device="cpu"), "last")


def test_errors_are_listed_by_how_often_they_happen():
    result = {"classes": ["a", "b", "c"], "confusion": [[5, 1, 0], [3, 2, 0], [0, 4, 0]]}
    assert confusions(result, 10) == [("c", "b", 4, 4), ("b", "a", 3, 5), ("a", "b", 1, 6)]
    assert len(confusions(result, 2)) == 2


def test_what_the_command_prints(folder):
    text = run(folder, "--per-class", "--probe", "--knn", "3", "--labels", "all").stdout
    for pattern in (
        r"^last \(step 6\): top-1 [\d.]+%, top-5 [\d.]+% of \d+ test clips$",
        r"^one stream alone, top-1: joint [\d.]+%, motion [\d.]+%$",
        r"^  drop +[\d.]+%$",
        r"labels of all training clips \(\d+\); another protocol than above$",
        r"^  linear probe: top-1 [\d.]+%, top-5 [\d.]+%$",
        r"^  3 nearest neighbours, cosine: top-1 [\d.]+%$",
    ):
        assert re.search(pattern, text, re.MULTILINE), (pattern, text)


def test_json_is_whole_and_its_confusion_matrix_readable(folder, result):
    printed = run(folder, "--probe", "--knn", "2", "--json")
    assert printed.exit_code == 0, printed.output
    assert json.loads(printed.stdout) == result
    assert len(printed.stdout.splitlines()) < 400


def test_precision_is_said_and_too_many_neighbours_are_one_line(folder):
    assert json.loads(run(folder, "--precision", "bf16", "--json").stdout)["precision"] == "bf16"
    refused = run(folder, "--knn", "1000")
    assert refused.exit_code == 2
    assert re.search(r"error: --knn 1000: \d+ clips have labels to vote with", refused.stderr)
