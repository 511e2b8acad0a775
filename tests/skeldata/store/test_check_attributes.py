"""Attributes of a store that are wrong or contradict each other."""

import re

import pytest

from skeldata.store.seal import SEAL
from support.store_files import change_attributes, name_of, told

ATTRIBUTE_CHANGES = {
    "content_digest is 0{64}, the rows give": lambda a: a.update(content_digest="0" * 64),
    "content_digest: String should match": lambda a: a.update(content_digest="X" * 64),
    "source_digest: String should match": lambda a: a.update(source_digest="abc"),
    "recipe_digest is .*, the recipe gives": lambda a: a["recipe"]["selector"].update(keep_ratio=0.8),
    "recipe_digest is 0{64}": lambda a: a.update(recipe_digest="0" * 64),
    "counts.rows is 13, there are 14": lambda a: a["counts"].update(rows=13, files=13),
    "counts.files is 15, not the 14 rows": lambda a: a["counts"].update(files=15),
    "counts.train.xsub is 1, not": lambda a: a["counts"]["train"].update(xsub=1),
    "counts.train is of xsub, not xsub, xview": lambda a: a["counts"]["train"].pop("xview"),
    "counts.missing is 1, 0 are listed": lambda a: a["counts"].update(missing=1),
    "counts.rejected is 0, 1 are listed": lambda a: a["rejected"].append(
        {"name": "S001C001P001R001A001", "line": 3, "reason": "x"}
    ),
    "counts.ignored is 1, 0 are listed": lambda a: a["counts"].update(ignored=1),
    "rejected: 'x' is not a sample name": lambda a: a["rejected"].append(
        {"name": "x", "line": None, "reason": "x"}
    ),
    "missing: 'S001C001P001R001A001' is not on": lambda a: a["missing"].append("S001C001P001R001A001"),
    "classes are not those of ntu60": lambda a: a["classes"].reverse(),
    "columns are camera, ": lambda a: a["columns"].sort(),
    "streams are motion, joint": lambda a: a["streams"].__setitem__(slice(0, 2), ["motion", "joint"]),
    "streams: unknown stream 'velocity'": lambda a: a["streams"].append("velocity"),
    "this file is no part of the store": lambda a: a["streams"].remove("bone"),
    "tools.skeldata: Field required": lambda a: a["tools"].pop("skeldata"),
    "counts.rows: Input should be a valid integer": lambda a: a["counts"].update(rows="14"),
    "recipe: Field required": lambda a: a.pop("recipe"),
    "more: Extra inputs are not permitted": lambda a: a.update(more=1),
    "has format 2; this skeldata reads format 1": lambda a: a.update(format_version=2),
    "has another joint layout": lambda a: a["layout"]["joints"].reverse(),
    "another joint layout": lambda a: a.update(dataset="nw-ucla"),
    "unknown dataset": lambda a: a.update(dataset="ntu61"),
    "not one that skeldata wrote": lambda a: a.update(format="skeletons"),
}  # fmt: skip


@pytest.mark.parametrize("problem", ATTRIBUTE_CHANGES)
def test_a_changed_attribute_is_found(store, problem):
    change_attributes(store, ATTRIBUTE_CHANGES[problem])
    assert re.search(problem, told(store)), told(store)


def test_frames_are_those_of_the_recipe(store):
    def retell(attributes):
        attributes["recipe"]["frames"] = 5

    change_attributes(store, retell)
    assert "recipe_digest is" in told(store)
    stated = re.search("the recipe gives ([0-9a-f]{64})", told(store))[1]
    change_attributes(store, lambda a: a.update(recipe_digest=stated))
    assert told(store) == "attributes: recipe.frames is 5, clips have 4 frames"


def test_a_rejected_name_is_not_a_row(store):
    def reject(attributes):
        attributes["counts"].update(rejected=1, files=15)
        attributes["rejected"] = [{"name": name_of(store, 6), "line": None, "reason": "x"}]

    change_attributes(store, reject)
    assert told(store) == f"attributes, row 6 ({name_of(store, 6)}): is listed as rejected"


def test_sealed_attributes_cannot_change_at_all(store):
    for edit in (
        lambda a: a.update(source_digest="0" * 64),
        lambda a: a["tools"].update(numpy="1"),
    ):
        (store / "zarr.json.keep").write_bytes((store / "zarr.json").read_bytes())
        change_attributes(store, edit, seal=False)
        assert f"attributes: {SEAL} is " in told(store)
        (store / "zarr.json.keep").rename(store / "zarr.json")
