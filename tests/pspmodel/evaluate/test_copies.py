import json

import numpy as np
import pytest

from pspmodel.cli.evaluate import evaluate
from pspmodel.cli.train import train
from pspmodel.evaluate.copies import told, without_copies
from pspmodel.evaluate.scores import Scores, load_scores
from pspmodel.report.records import read_run
from skeldata import open_store
from support.command_line import run
from support.copies import store_with_copies
from support.small_run import SMALL
from support.store_files import change_attributes, copied


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    groups = [("a01_s01_e00_v02", "a01_s01_e00_v03"), ("a02_s03_e00_v01", "a02_s03_e00_v03")]
    return store_with_copies(tmp_path_factory.mktemp("copies"), groups)


def test_the_others_alone_are_counted(store):
    names = [
        n for n, train in zip(store.names, store.train_mask("xview"), strict=True) if not train
    ]
    twins = {"a01_s01_e00_v03", "a02_s03_e00_v03"}
    others = len(names) - 2
    labels = np.zeros(len(names), dtype=np.int64)
    right = [name in twins for name in names]  # right on the copies and on one other clip
    right[next(place for place, name in enumerate(names) if name not in twins)] = True
    logits = np.where(np.array(right)[:, None], [[2.0, 1.0]], [[1.0, 2.0]]).astype(np.float32)
    found = without_copies(store, "xview", names, Scores(logits, labels))
    assert found == {"copies": 2, "others": others, "top1": pytest.approx(1 / others)}
    unknown = {"copies": None, "others": None, "top1": None}
    assert without_copies(store, "xview", names, None) == unknown
    only = sorted(twins)
    rows = [names.index(name) for name in only]
    nothing_else = without_copies(store, "xview", only, Scores(logits[rows], labels[rows]))
    assert nothing_else == {"copies": 2, "others": 0, "top1": None}


def test_a_damaged_block_costs_no_run_its_report(store, tmp_path):
    path = copied(store.path, tmp_path)
    change_attributes(path, lambda content: content.update(content_digest="0" * 64))
    (path / "joint/c/0/0/0/0/0").write_bytes(b"damaged")
    scores = Scores(np.zeros((1, 2), dtype=np.float32), np.zeros(1, dtype=np.int64))
    found = without_copies(open_store(path), "xview", ["a01_s01_e00_v03"], scores)
    assert found == {"copies": None, "others": None, "top1": None}
    assert told(found, "last") == ""


def test_in_words():
    content = {"copies": 95, "others": 1369, "top1": 0.8617}
    known = "95 of the 1,464 test clips are training clips under another name"
    assert told(content, "last") == f"{known}; last on the other 1,369: 86.2 %"
    assert told({**content, "top1": None}, "last") == known
    assert told({**content, "copies": 0}, "last") == ""
    assert told({}, "last") == ""


def test_training_page_json_and_evaluation_tell_of_them(store, tmp_path):
    folder = tmp_path / "run"
    settings = [part for text in SMALL for part in ("--set", text)]
    options = ("--ratio", "0.2", "--recipe", "tiny", "--out", folder, *settings)
    trained = run(train, "--store", store.path, *options)
    report = json.loads((folder / "report.json").read_text())
    found = report["without_copies"]
    names, scores = load_scores(folder / "scores.npz")
    assert found == without_copies(store, "xview", names, scores)
    assert found["copies"] == 2
    assert told(found, "last") in trained.stderr.splitlines()
    page = (folder / "report.html").read_text()
    assert f"<p>{told(found, 'top-1 of the last step')}.</p>" in page
    assert told(found, "top-1") in run(evaluate, folder, "--device", "cpu").stdout.splitlines()
    assert read_run(folder).row()["last_without_copies"] == found["top1"]
