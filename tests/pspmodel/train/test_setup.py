import json

import pytest

from pspmodel.errors import (
    CheckpointError,
    DataMismatchError,
    UsageError,
)
from pspmodel.train.loop import train
from pspmodel.train.setup import load_run, new_run
from support.tiny_runs import SMALL, assert_same, run_at


def test_a_folder_belongs_to_one_run(tmp_path, ntu_store_path, undisturbed):
    folder = undisturbed[0]
    with pytest.raises(UsageError, match="holds a run already; add --resume"):
        run_at(folder, ntu_store_path)
    with pytest.raises(
        DataMismatchError, match=r"config\.optim\.lr of this command is 0\.5, expected 0\.05"
    ):
        run_at(folder, ntu_store_path, "optim.lr=0.5", resume=True)
    with pytest.raises(DataMismatchError, match=r"data\.split\.digest of this command"):
        run_at(folder, ntu_store_path, resume=True, split_seed=1)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is not empty and holds no run"):
        run_at(tmp_path, ntu_store_path)


def test_a_changed_label_list_is_noticed(tmp_path, ntu_store_path):
    folder = tmp_path / "run"
    run_at(folder, ntu_store_path)
    names = (folder / "labelled.txt").read_text().splitlines()
    (folder / "labelled.txt").write_text("\n".join(names[1:]) + "\n")
    with pytest.raises(DataMismatchError, match="split digest"):
        load_run(folder)


def test_a_run_of_another_version_names_the_keys_that_are_unknown(tmp_path, ntu_store_path):
    folder = tmp_path / "run"
    run_at(folder, ntu_store_path)
    saved = json.loads((folder / "config.json").read_text())
    saved["config"]["optim"]["lookahead"] = 3
    (folder / "config.json").write_text(json.dumps(saved))
    with pytest.raises(
        CheckpointError,
        match=r"run/config\.json was written by another version .* cannot read 'optim\.lookahead'; ",
    ):
        load_run(folder)


def forget_new_settings(folder):
    """Leave a run as a version without some of today's options would have written it."""
    saved = json.loads((folder / "config.json").read_text())
    del saved["config"]["pseudo_labels"]["cameras"]
    del saved["config"]["network"]["tcn"]
    (folder / "config.json").write_text(json.dumps(saved))


def test_a_run_of_an_earlier_version_is_resumed(tmp_path, ntu_store_path, undisturbed):
    folder = tmp_path / "old"
    train(run_at(folder, ntu_store_path), stop_at=5)
    forget_new_settings(folder)
    assert load_run(folder, device="cpu").config.pseudo_labels.cameras == "same"
    assert train(run_at(folder, ntu_store_path, resume=True), resume=True).finished
    assert_same(folder, undisturbed[0])
    with pytest.raises(DataMismatchError, match=r"network\.tcn\.depth"):
        run_at(folder, ntu_store_path, "network.tcn.depth=3", resume=True)


def test_a_pool_without_unlabelled_clips_is_refused_before_anything_is_made(
    tmp_path, ntu_store, ntu_store_path
):
    train_names = [
        n for n, t in zip(ntu_store.names, ntu_store.train_mask("xsub"), strict=True) if t
    ]
    (tmp_path / "all.txt").write_text("".join(f"{name}\n" for name in train_names))
    words = {"recipe": "tiny", "device": "cpu", "ratio": None, "labels": tmp_path / "all.txt"}
    rest = (*SMALL, "data.unlabelled=rest")
    with pytest.raises(
        UsageError,
        match=rf"all {len(train_names)} training clips are labelled; set data\.unlabelled=all$",
    ):
        new_run(ntu_store_path, overrides=rest, out=tmp_path / "run", **words)
    assert not (tmp_path / "run").exists()
    alone = (*rest, "train.unlabelled_batch=0")
    train(new_run(ntu_store_path, overrides=alone, out=tmp_path / "run", **words), stop_at=1)


def test_a_run_is_named_by_the_decimal_of_its_ratio(tmp_path, ntu_store_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for written in ("20%", "0.20", ".2"):
        run = new_run(
            ntu_store_path, ratio=written, recipe="tiny", overrides=SMALL, device="cpu", resume=True
        )
        assert run.folder.name == "ntu60-xsub-tiny-0.2-split0-seed0"


def test_a_store_prepared_otherwise_than_the_recipe_expects_is_noted(tmp_path, ntu_store_path):
    few = run_at(tmp_path / "a", ntu_store_path, "data.prepared=psp").selection.warnings
    *others, note = run_at(tmp_path / "b", ntu_store_path, "data.prepared=yaw").selection.warnings
    assert tuple(others) == few  # of the draw, not of the recipe
    assert not any("recipe" in text for text in few)
    assert "made for stores of `skeldata prepare --recipe yaw`" in note
    assert note.endswith("is of psp: expect a little less")


def test_a_store_that_was_moved_is_asked_for(tmp_path, ntu_store_path, monkeypatch):
    monkeypatch.chdir(ntu_store_path.parent)
    run_at(tmp_path / "run", type(ntu_store_path)(ntu_store_path.name))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataMismatchError, match=r"is not to be found, .*say where it is with --store"
    ):
        load_run(tmp_path / "run")
    assert load_run(tmp_path / "run", store=ntu_store_path).store.content_digest
