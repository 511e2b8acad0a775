"""Commands that repeat a run, each tried by resolving or running it."""

import json
import shlex

import pytest
from click.testing import CliRunner

from pspmodel.config import RunConfig
from pspmodel.recipe import load_config, recipe_names
from pspmodel.report.records import RunRecord, read_run
from pspmodel.report.repeat import as_toml, commands, preparation
from skeldata import draw
from skeldata.cli import main
from support.fake_runs import write_run
from support.small_run import tensors, trained_run


def record_of(config, dataset="ntu60", protocol="xsub"):
    split = {"rule": "assl", "ratio": "0.1", "seed": 3, "base": "official", "count": 9,
             "digest": "d" * 64}  # fmt: skip
    data = {"store": "/home/me/ntu.zarr", "store_digest": "a" * 64, "dataset": dataset,
            "protocol": protocol, "split": split}  # fmt: skip
    report = {"finished": True, "steps": 9, "device": "cpu, 1 threads", "processes": 1}
    return RunRecord(None, config.model_dump(mode="json"), data, report)


def options(line, *names):
    """Values of a command's options, those of --set as a list."""
    words = shlex.split(line)
    found = {name: [words[i + 1] for i, word in enumerate(words) if word == name] for name in names}
    return {name: values[0] if values else None for name, values in found.items()} | {
        "--set": [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    }


def resolved(found, folder=None, dataset="ntu60"):
    """What the training command of a run resolves to."""
    given = options(found.lines[-1], "--recipe", "--method", "--seed")
    recipe = given["--recipe"]
    if found.recipe_file:
        assert recipe == found.recipe_file
        (folder / recipe).write_text(found.recipe)
        recipe = folder / recipe
    return load_config(
        recipe, dataset=dataset, method=given["--method"], overrides=given["--set"],
        seed=int(given["--seed"]),
    )  # fmt: skip


@pytest.mark.parametrize("dataset", ["ntu60", "nw-ucla"])
@pytest.mark.parametrize("recipe", [*recipe_names(), "psp-code+b3", "tiny+a1"])
def test_shipped_recipes_need_no_overrides(recipe, dataset):
    config = load_config(recipe, dataset=dataset, seed=7)
    found = commands(record_of(config, dataset), None)
    assert "--set" not in found.lines[-1]
    assert not found.recipe_file
    assert resolved(found, dataset=dataset) == config


@pytest.mark.parametrize(
    ("recipe", "method", "overrides"),
    [
        ("tiny", None, ("optim.lr=0.02", "train.precision=bf16", "train.compile=true")),
        ("tiny", "supervised", ("held_out.subjects=[1, 5]", "optim.betas=[0.8, 0.9]")),
        ("nw-ucla", None, ('data.streams=["joint", "bone"]', "options.temperature=0.5")),
        ("sds-cl", None, ("train.epochs=3", "stage.pretrain.optim.lr=0.5", "augment.yaw=12.5")),
        ("sds-cl", None, ("stage.finetune.train.epochs=2",)),
        ("tiny", None, ("stage.joint.train.epochs=10",)),
        ("psp-code", "supervised", ()),
    ],
)
def test_overrides_are_found_again(tmp_path, recipe, method, overrides):
    config = load_config(recipe, dataset="ntu60", method=method, overrides=overrides, seed=1)
    found = commands(record_of(config), None)
    assert not found.recipe_file
    assert resolved(found) == config
    given = options(found.lines[-1])["--set"]
    assert len(given) <= len(overrides)  # and nothing that follows from the recipe


@pytest.mark.parametrize("extends", ["sds-cl", "tiny"])
def test_a_recipe_of_ones_own_comes_whole(tmp_path, extends):
    own = f'extends = "{extends}"\nsummary = "ours: \\"x\\" = [1]"\n[augment]\nflip = 0.5\n'
    (tmp_path / "ours.toml").write_text(own)
    config = load_config(
        tmp_path / "ours.toml", dataset="ntu60", overrides=("optim.lr=0.0123",), seed=4
    )
    found = commands(record_of(config), None)
    assert found.recipe_file == "ours.toml"
    assert any("save it as ours.toml" in text for text in found.notes)
    (tmp_path / "new").mkdir()
    assert resolved(found, tmp_path / "new") == config
    assert as_toml(config) == found.recipe


def test_a_recipe_that_changed_since_is_overridden_to_what_it_was():
    config = load_config("tiny", dataset="ntu60", seed=0)
    older = RunConfig.model_validate(config.model_dump(mode="json") | {"summary": "older words"})
    found = commands(record_of(older), None)
    assert "--set" not in found.lines[-1]
    older = older.model_copy(update={"optim": older.optim.model_copy(update={"lr": 0.03125})})
    assert options(commands(record_of(older), None).lines[-1])["--set"] == ["optim.lr=0.03125"]


def test_settings_nobody_knows_are_not_guessed():
    record = record_of(load_config("tiny", dataset="ntu60"))
    record.config["optim"]["spin"] = 1
    found = commands(record, None)
    assert not any("train" in line for line in found.lines)
    assert any("does not know the run's settings" in text for text in found.notes)


def test_the_split_command_prints_the_digest_of_the_draw():
    record = record_of(load_config("tiny", dataset="ntu60"))
    (line,) = [line for line in commands(record, None).lines if " splits " in line]
    printed = CliRunner().invoke(main, shlex.split(line)[1:]).stdout.strip()
    assert printed == draw("ntu60", "xsub", "0.1", 3).digest


def test_processes_device_and_an_early_end_are_said():
    record = record_of(load_config("tiny", dataset="ntu60"))
    assert commands(record, None).lines[-1].startswith("pspmodel train --store ntu.zarr ")
    assert commands(record, None).lines[-1].endswith(" --device cpu")
    record.report.update(processes=4, device="NVIDIA H200", finished=False, steps=500)
    line = commands(record, None).lines[-1]
    assert line.startswith("torchrun --nproc-per-node 4 -m pspmodel train ")
    assert line.endswith(" --device cuda --steps 500")


def test_a_list_of_labels_is_taken_from_the_folder(tmp_path):
    folder = write_run(tmp_path / "run", ratio=None, split_seed=None)
    found = commands(read_run(folder), None)
    assert options(found.lines[-1], "--labels", "--ratio") == {
        "--labels": "labelled.txt", "--ratio": None, "--set": [],
    }  # fmt: skip
    assert any("labelled.txt is in the run's folder" in text for text in found.notes)
    assert not any(" splits " in line for line in found.lines)


def test_the_commands_give_the_same_store_and_the_same_weights(
    tmp_path, ntu_store, ntu_store_path, monkeypatch
):
    from pspmodel.cli.train import train
    from skeldata import open_store

    folder = trained_run(tmp_path / "run", ntu_store_path)
    record = read_run(folder)
    assert record.report["preparation"] == preparation(ntu_store)
    prepare, verify, split, training = commands(record, record.report["preparation"]).lines
    monkeypatch.chdir(tmp_path)
    raw = str(ntu_store_path.parent / "ntu.zip")
    for line in (prepare.replace("PATH_OF_THE_RECORDINGS", raw), verify, split):
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
    assert open_store("ntu.zarr").content_digest == record.data["store_digest"]
    (manifest,) = (tmp_path / "splits").glob("*.json")
    assert record.data["split"]["digest"] in manifest.read_text()
    result = CliRunner().invoke(train, [*shlex.split(training)[2:], "--out", "again"])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "again/config.json").read_text())["config"] == record.config
    for name, tensor in tensors(folder).items():
        assert (tensors(tmp_path / "again")[name] == tensor).all(), name


def test_a_preparation_of_ones_own_is_said_to_be_one(ntu_store):
    record = record_of(load_config("tiny", dataset="ntu60"))
    prepared = preparation(ntu_store)
    assert prepared["shipped"] is True
    found = commands(record, {**prepared, "recipe": "ours", "shipped": False})
    assert "--recipe ours.toml" in found.lines[0]
    assert any("ours.toml does not ship" in text for text in found.notes)
    assert "--recipe psp " in commands(record, prepared).lines[0]
