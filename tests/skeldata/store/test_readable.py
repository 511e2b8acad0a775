"""Stores whose metadata is damaged are refused by whoever reads them, and examined by `verify`."""

import shutil

import pytest

from skeldata import StoreError, open_store
from skeldata.cli.diff import diff
from skeldata.cli.export import export
from skeldata.cli.info import info
from skeldata.cli.report import report
from skeldata.cli.splits import splits
from skeldata.cli.verify import verify
from skeldata.cli.view import view
from support.command_line import assert_one_error, run
from support.store_files import change_attributes, name_of, told

ATTRIBUTES = (
    "streams", "columns", "recipe", "recipe_digest", "content_digest", "source_digest", "tools",
    "counts", "missing", "rejected", "ignored",
)  # fmt: skip
INSIDE = {
    "recipe.name": lambda a: a["recipe"].pop("name"),
    "recipe.version": lambda a: a["recipe"].update(version="1"),
    "recipe.summary": lambda a: a["recipe"].update(summary=None),
    "recipe.normalise": lambda a: a["recipe"].update(normalise=[]),
    "counts.rejected": lambda a: a["counts"].pop("rejected"),
    "rejected.0.reason": lambda a: a["rejected"].append({"name": "x", "line": None}),
    "ignored.0.path": lambda a: a["ignored"].append({"reason": "x"}),
    "streams.2": lambda a: a["streams"].__setitem__(2, "label"),
    "columns.0": lambda a: a["columns"].__setitem__(0, "label"),
}


@pytest.mark.parametrize("value", ["missing", None, 7])
@pytest.mark.parametrize("key", ATTRIBUTES)
def test_an_attribute_that_is_missing_or_of_another_form_is_named(store, key, value):
    change_attributes(store, lambda a: a.pop(key) if value == "missing" else a.update({key: value}))
    fault = f" lacks the attribute '{key}'" if value == "missing" else f": the attribute '{key}' is"
    with pytest.raises(StoreError, match=f"^{store}{fault}.*; `skeldata verify {store}` says "):
        open_store(store)
    assert f"attributes: {key}: " in told(store)


@pytest.mark.parametrize("key", INSIDE)
def test_what_readers_use_of_an_attribute_is_named(store, key):
    change_attributes(store, INSIDE[key])
    with pytest.raises(StoreError, match=f"the attribute '{key}'"):
        open_store(store)
    assert told(store)


def commands(store, tmp_path):
    """Every command that reads a store."""
    return {
        info: [store],
        diff: [store, store],
        export: [store, "--to", "npz", "-o", tmp_path / "x.npz"],
        view: [store, "x", "-o", tmp_path / "x.html"],
        report: [store, "-o", tmp_path / "x.html"],
        splits: ["make", "--store", store, "--protocol", "xsub", "--ratio", "5%", "-o", tmp_path],
    }


def test_every_command_tells_it_in_one_line(store, tmp_path):
    change_attributes(store, lambda a: a.pop("counts"))
    for command, arguments in commands(store, tmp_path).items():
        assert_one_error(run(command, *arguments), 4, "lacks the attribute 'counts'")
    assert run(verify, store).stdout == "attributes: counts: Field required\n"


@pytest.mark.parametrize("content", ["[]", "{}", "null", "5", "{", ""])
@pytest.mark.parametrize("path", ["name", "motion", "."])
def test_metadata_that_is_none_is_told_in_one_line(store, tmp_path, path, content):
    (store / path / "zarr.json").write_text(content)
    text = " a zarr store" if path == "." else f"array {path!r} cannot be opened"
    for command, arguments in commands(store, tmp_path).items():
        assert_one_error(run(command, *arguments), 4, text)
    result = run(verify, store)
    assert result.exit_code == 4
    assert "Traceback" not in result.output


@pytest.mark.parametrize("content", ["[]", "{}", "null"])
def test_a_label_array_that_is_none_is_told(store, content):
    (store / "label" / "zarr.json").write_text(content)
    with pytest.raises(StoreError, match="'label' cannot be opened"):
        _ = open_store(store).labels


def test_a_dataset_that_is_no_text_is_told(store):
    change_attributes(store, lambda a: a.update(dataset=["ntu60"]))
    with pytest.raises(StoreError, match="holds the unknown dataset"):
        open_store(store)


def test_splits_that_are_gone_are_told(store, tmp_path):
    shutil.rmtree(store / "splits")
    opened = open_store(store)
    with pytest.raises(StoreError, match="lacks 'splits/xview'; prepare it again"):
        opened.ranks("xview", 0)
    with pytest.raises(StoreError, match="lacks 'splits/xview/train'; prepare it again"):
        opened.train_mask("xview")
    exported = run(export, store, "--to", "pyskl", "-o", tmp_path / "x.pkl")
    assert_one_error(exported, 4, "lacks 'splits/")
    shown = run(view, store, name_of(store, 3), "-o", tmp_path / "x.html")
    assert_one_error(shown, 4, "lacks 'splits/")


@pytest.mark.parametrize("seeds", [None, 5, [0, 1]])
def test_seeds_that_are_not_those_of_the_ranks_are_told(store, seeds):
    path = "splits/xview"
    change_attributes(
        store, lambda a: a.pop("seeds") if seeds is None else a.update(seeds=seeds), path
    )
    with pytest.raises(StoreError, match="attribute 'seeds' of 'splits/xview' is "):
        open_store(store).ranks("xview", 0)
