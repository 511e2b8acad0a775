import json
import shutil

import pytest

from pspmodel.errors import CheckpointError
from pspmodel.report import render_run
from skeldata.errors import StoreError
from support.small_run import trained_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory, ntu_store_path):
    return trained_run(tmp_path_factory.mktemp("runs") / "run", ntu_store_path)


def test_the_page_is_made_again_from_the_files_alone(tmp_path, folder):
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert render_run(folder) == folder / "report.html"
    assert (folder / "report.html").read_bytes() == before
    assert render_run(folder, tmp_path / "new" / "page.html").read_bytes() == before


def test_without_its_store_the_page_lacks_one_picture(tmp_path, folder, ntu_store_path):
    moved = tmp_path / "run"
    shutil.copytree(folder, moved)
    saved = json.loads((moved / "config.json").read_text())
    saved["data"]["store"] = str(tmp_path / "gone.zarr")
    (moved / "config.json").write_text(json.dumps(saved))
    pictures = "data:image/png;base64,"
    assert render_run(moved).read_text().count(pictures) == 2
    assert render_run(moved, store=ntu_store_path).read_text().count(pictures) == 3
    with pytest.raises(StoreError):
        render_run(moved, store=tmp_path / "gone.zarr")


def test_each_class_and_accuracy_is_on_the_page(folder):
    report = json.loads((folder / "report.json").read_text())
    text = (folder / "report.html").read_text()
    for value in report["accuracy"].values():
        assert f"{100 * value:.1f} %" in text
    for name in report["per_class"]:
        assert name in text
    assert "best accuracy on the test set itself: an oracle" in text
    assert "The PSP paper reports 82.6 % here" in text
    assert report["split_digest"] in text


def test_a_run_that_never_reported_is_told_how_to_go_on(tmp_path, folder):
    (tmp_path / "run").mkdir()
    shutil.copy(folder / "config.json", tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"no report\.json yet; .* --resume"):
        render_run(tmp_path / "run")
    with pytest.raises(CheckpointError, match="no run at"):
        render_run(tmp_path)


def test_damaged_scores_are_named(tmp_path, folder):
    shutil.copytree(folder, tmp_path / "run")
    (tmp_path / "run" / "scores.npz").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"scores\.npz is missing or damaged"):
        render_run(tmp_path / "run")
