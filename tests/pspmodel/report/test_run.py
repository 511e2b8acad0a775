"""The page of one run: as text, and what its weights add."""

import json
import re
import shutil
import sys

import pytest

from pspmodel.errors import CheckpointError, DataMismatchError
from pspmodel.evaluate.scores import load_scores
from pspmodel.evaluate.summary import evaluate_run
from pspmodel.report import render_run, write_report
from pspmodel.train.loop import train
from pspmodel.train.setup import load_run, new_run
from skeldata import get_dataset, prepare
from skeldata.errors import StoreError
from skeldata.synth import write_ntu
from support.html_tables import tables
from support.skeattnclr import SMALL as SMALL_STAGES
from support.small_run import trained_run

PICTURE = "data:image/png;base64,"
QUICK = "Not looked at during training"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, ntu_store_path):
    return trained_run(tmp_path_factory.mktemp("runs") / "run", ntu_store_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, folder):
    """The page with what the weights have to say."""
    pytest.importorskip("sklearn.manifold")
    return render_run(folder, tmp_path_factory.mktemp("page") / "page.html").read_text()


@pytest.fixture
def copied(tmp_path, folder):
    return shutil.copytree(folder, tmp_path / "copied")


def section(text, head):
    return re.search(rf"<h2>{head}</h2>(.*?)</section>", text, re.DOTALL)[1]


def table_under(text, head):
    return tables(section(text, head))[0]


def test_training_leaves_the_weights_out(folder):
    text = (folder / "report.html").read_text()
    assert text.count(QUICK) == 3
    assert text.count(PICTURE) == 3
    assert text.count("<h2>") == 11


def test_the_page_is_made_again_from_the_files_alone(tmp_path, folder):
    before = (folder / "report.html").read_text()
    again = render_run(folder, tmp_path / "new" / "page.html", weights=False).read_text()
    told = f"{QUICK}; pspmodel report on this run does."
    assert again == before.replace(told, "Left out on request.")


def test_by_default_it_replaces_the_page_of_the_run(copied):
    assert render_run(copied, weights=False) == copied / "report.html"
    assert QUICK not in (copied / "report.html").read_text()


def test_the_weights_are_asked_for_streams_attention_and_features(folder, whole):
    assert whole.count(PICTURE) == 6
    wanted = evaluate_run(load_run(folder, device="cpu"), "last")["streams"]
    rows = table_under(whole, "Each stream alone")[1:]
    assert [row[0] for row in rows] == ["joint", "motion", "all together"]
    for row, name in zip(rows, ("joint", "motion", "both"), strict=True):
        assert row[1:] == [f"{100 * wanted[name][top]:.1f} %" for top in ("top1", "top5")]
    attention = section(whole, "What the pyramid attends to")
    assert re.findall(r"<figcaption>The (\w+) stream on (\w+): ", attention) == [
        (stream, load_scores(folder / "scores.npz")[0][0]) for stream in ("joint", "motion")
    ]
    assert "never trained" not in attention
    assert "of all test clips" in section(whole, "Features of the test clips")


def test_the_page_repeats_byte_for_byte(tmp_path, folder, whole):
    assert render_run(folder, tmp_path / "page.html").read_text() == whole


def test_progress_counts_all_test_clips(tmp_path, folder):
    told = []
    render_run(folder, tmp_path / "page.html", advanced=lambda *done: told.append(done))
    clips = json.loads((folder / "report.json").read_text())["clips"]["test"]
    assert told == [(clips, clips)]


def test_without_its_store_the_page_says_so(tmp_path, copied, ntu_store_path):
    saved = json.loads((copied / "config.json").read_text())
    saved["data"]["store"] = str(tmp_path / "gone.zarr")
    (copied / "config.json").write_text(json.dumps(saved))
    text = render_run(copied).read_text()
    assert text.count(PICTURE) == 2
    assert text.count("The store is not at hand; give it with --store.") == 4
    assert str(tmp_path) not in text
    found = render_run(copied, store=ntu_store_path, weights=False).read_text()
    assert found.count(PICTURE) == 3
    with pytest.raises(StoreError):
        render_run(copied, store=tmp_path / "gone.zarr")


def test_another_store_is_refused_or_ignored(tmp_path, copied):
    write_ntu(tmp_path / "other.zip", 12, seed=2, actions=[5, 9])
    prepare("ntu", [tmp_path / "other.zip"], tmp_path / "other.zarr", workers=1)
    with pytest.raises(DataMismatchError, match="give the store of the run"):
        render_run(copied, store=tmp_path / "other.zarr")
    saved = json.loads((copied / "config.json").read_text())
    saved["data"]["store"] = str(tmp_path / "other.zarr")
    (copied / "config.json").write_text(json.dumps(saved))
    assert "The store is not at hand" in render_run(copied).read_text()


def test_without_its_weights_the_page_says_so(tmp_path, copied):
    shutil.rmtree(copied / "checkpoints")
    text = render_run(copied).read_text()
    assert text.count("The weights could not be had: ") == 3
    assert text.count(PICTURE) == 3
    assert str(tmp_path) not in text


def test_without_scikit_learn_the_map_alone_is_missing(monkeypatch, tmp_path, folder):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.manifold", raising=False)
    text = render_run(folder, tmp_path / "page.html").read_text()
    assert "pip install &#x27;pspmodel[analysis]&#x27;" in section(
        text, "Features of the test clips"
    )
    assert text.count(PICTURE) == 5


def test_an_untrained_pyramid_is_called_so(tmp_path, ntu_store_path):
    run = trained_run(tmp_path / "run", ntu_store_path, "train.unlabelled_batch=0")
    assert "was never trained" in render_run(run).read_text()


def test_accuracies_lie_beside_published_ones_with_their_rule(copied):
    report = json.loads((copied / "report.json").read_text())
    report["official_clips"] = {"held": 56578, "official": 56578}  # see test_coverage.py
    (copied / "report.json").write_text(json.dumps(report))
    text = render_run(copied, weights=False).read_text()
    values = [report["accuracy"][rule] for rule in ("last", "held_out_best", "test_oracle")]
    stated = ["last step", "best on held-out", "best on test (oracle)"]
    shown = table_under(text, "Top-1 accuracy on the test set")[1:]
    assert [row[:2] for row in shown] == [
        [rule, f"{100 * value:.1f} %"] for rule, value in zip(stated, values, strict=True)
    ]
    beside = table_under(text, "Beside the published numbers")[1:]
    assert beside[:3] == [
        ["psp", f"{100 * value:.1f}", rule] for rule, value in zip(stated, values, strict=True)
    ]
    assert beside[3] == ["PSP arXiv 2023", "82.6", "best on test (oracle)"]
    assert len(beside) > 8
    assert {row[2] for row in beside[4:]} == {"not stated"}
    assert "The PSP paper reports 82.6 % here" in text
    assert "best accuracy on the test set itself: an oracle" in text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda c: c["data"]["split"].update(rule="proportional"),
            ["The labels were drawn by rule proportional.", ", proportional, split seed"],
        ),
        (
            lambda c: c["config"]["pseudo_labels"].update(cameras="other", weight=1.0),
            ["The teacher saw other cameras&#x27; recordings of the same performances"],
        ),
    ],
)
def test_runs_of_another_setting_have_no_published_numbers_beside(copied, change, told):
    whole = {"held": 56578, "official": 56578}
    for file, each in (
        ("report.json", lambda c: c.update(official_clips=whole)),
        ("config.json", change),
    ):
        content = json.loads((copied / file).read_text())
        each(content)
        (copied / file).write_text(json.dumps(content))
    text = render_run(copied, weights=False).read_text()
    assert all(words in text for words in told)
    assert "The PSP paper reports" not in text


def test_each_class_has_its_share_and_what_it_is_taken_for(folder):
    text = (folder / "report.html").read_text()
    counts = load_scores(folder / "scores.npz")[1].confusion()
    classes = get_dataset("ntu60").classes
    rows = table_under(text, "Each class, last step")[1:]
    shares = [float(row[1].split()[0]) for row in rows]
    assert shares == sorted(shares)
    assert {row[0] for row in rows} == {classes[k] for k in counts.sum(axis=1).nonzero()[0]}
    for row in rows:
        label = classes.index(row[0])
        assert row[3] == f"{counts[label].sum()}"
        assert row[1] == f"{100 * counts[label, label] / counts[label].sum():.1f} %"
        for name, count in re.findall(r"([^,].*?) \((\d+)\)", row[4]):
            assert counts[label, classes.index(name.strip())] == int(count)
            assert name.strip() != row[0]
        assert bool(row[4]) == (counts[label, label] < counts[label].sum())


def test_what_the_run_was_and_its_digests_are_told(copied, ntu_store):
    text = (copied / "report.html").read_text()
    facts = dict(table_under(text, "The run"))
    assert facts["Device"].startswith("1 process, cpu, ")
    assert facts["Streams"] == "joint, motion"
    digests = dict(table_under(text, "Repeat it"))
    assert digests["Store"] == ntu_store.content_digest
    assert digests["Recordings"] == ntu_store.source_digest
    assert digests["Recipe of the store"] == ntu_store.attributes["recipe_digest"]
    assert len(digests["Split"]) == 64
    typed = re.sub("</?span>", "", section(text, "Repeat it"))
    assert "<code>pspmodel train --store ntu.zarr --protocol xsub --ratio 0.2 " in typed
    lr = json.loads((copied / "config.json").read_text())["config"]["optim"]["lr"]
    assert f"<code>optim.lr = {lr}</code>" in text
    report = json.loads((copied / "report.json").read_text())
    (copied / "report.json").write_text(json.dumps(report | {"processes": 2}))
    text = render_run(copied, weights=False).read_text()
    assert "<td>2 processes, cpu, " in text
    assert "torchrun <span>--nproc-per-node</span> 2 -m pspmodel train" in text


def test_reports_of_before_still_have_their_page(copied, ntu_store):
    report = json.loads((copied / "report.json").read_text())
    for key in ("stages", "preparation", "processes"):
        del report[key]
    (copied / "report.json").write_text(json.dumps(report))
    text = render_run(copied, weights=False).read_text()
    assert "skeldata prepare ntu " in text
    assert ntu_store.source_digest in text


def test_stages_are_told_and_kept(tmp_path, ntu_store_path):
    steps = (
        "stage.pretrain.train.epochs=1",
        "stage.pretrain.train.steps_per_epoch=3",
        "stage.pretrain.train.unlabelled_batch=4",
        "train.epochs=1",
        "train.steps_per_epoch=2",
        "train.labelled_batch=4",
    )
    run = new_run(
        ntu_store_path, ratio="0.2", recipe="skeattnclr", overrides=(*SMALL_STAGES, *steps),
        out=tmp_path / "run", device="cpu",
    )  # fmt: skip
    content = write_report(run, train(run))
    assert content["stages"] == [
        {"name": "pretrain", "first": 0, "end": 3}, {"name": "finetune", "first": 3, "end": 5},
    ]  # fmt: skip
    text = render_run(tmp_path / "run").read_text()
    assert "Stages: pretrain to step 3, finetune to step 5." in text
    assert "skeattnclr has no attention pyramid" in text
    assert "The run has one stream, joint." in text


def test_where_no_run_is_there_is_no_page(tmp_path):
    with pytest.raises(CheckpointError, match="no run at"):
        render_run(tmp_path)


def test_damaged_scores_are_named(copied):
    (copied / "scores.npz").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"scores\.npz is missing or damaged"):
        render_run(copied)


def test_the_report_of_an_earlier_version_is_completed(copied, tmp_path):
    report = json.loads((copied / "report.json").read_text())
    old = {key: value for key, value in report.items() if key != "without_copies"}
    (copied / "report.json").write_text(json.dumps(old))
    render_run(copied, tmp_path / "elsewhere.html", weights=False)
    assert json.loads((copied / "report.json").read_text()) == old
    render_run(copied, weights=False)
    assert json.loads((copied / "report.json").read_text()) == report
    assert report["without_copies"]["copies"] == 0
