"""Differences between stores: names, samples, recipes, columns and splits."""

import numpy as np
import pytest

from skeldata import StoreError, open_store
from skeldata.store.diff import diff_stores
from skeldata.synth import ntu_bytes, write_ntu, write_ucla
from support.store_files import change, change_attributes, copied, prepared


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    path = tmp_path_factory.mktemp("raw") / "ntu"
    write_ntu(path, 12, seed=1, actions=[5, 50])
    return path


@pytest.fixture(scope="module")
def plain(raw):
    return prepared("ntu", raw, raw.parent / "plain.zarr", frames=7)


def test_a_store_is_identical_to_itself_whatever_its_blocks(raw, plain, tmp_path):
    other = prepared("ntu", raw, tmp_path / "o.zarr", block=4, frames=7)
    calls = []
    found = diff_stores(plain, open_store(other), advanced=lambda *call: calls.append(call))
    assert found.identical
    assert (found.common, found.only_a, found.only_b, dict(found.samples)) == (12, (), (), {})
    assert not found.recipe
    assert calls == [(12, 12)]


def test_names_that_one_store_lacks(raw, plain, tmp_path):
    names = open_store(plain).names
    folder = tmp_path / "raw"
    folder.mkdir()
    for file in raw.rglob("*.skeleton"):
        if file.stem not in names[2:4]:
            (folder / file.name).write_bytes(file.read_bytes())
    extra = "S001C001P001R001A050"
    (folder / f"{extra}.skeleton").write_bytes(ntu_bytes(extra, frames=9))
    found = diff_stores(plain, prepared("ntu", folder, tmp_path / "o.zarr", frames=7))
    assert not found.identical
    assert (found.only_a, found.only_b) == (names[2:4], (extra,))
    assert (found.common, dict(found.samples)) == (10, {})
    assert found.facts["rows"] == (12, 11)


def test_recipes_are_compared_key_by_key_and_samples_by_step(raw, plain, tmp_path):
    yaw = prepared("ntu", raw, tmp_path / "yaw.zarr", frames=7, recipe="yaw")
    found = diff_stores(plain, yaw)
    assert found.recipe["name"] == ("psp", "yaw")
    assert found.recipe["normalise.kinect25.rotation.kind"] == ("axes", "vertical")
    assert "selector.kind" not in found.recipe
    assert not any("kinect20" in key for key in found.recipe)
    assert {parting.step for parting in found.samples.values()} == {"normalisation"}
    assert all(p.detail.startswith("scaled by 1, ") for p in found.samples.values())
    a, b = open_store(plain), open_store(yaw)
    for row, name in enumerate(a.names):
        largest = np.abs(a.read([row]) - b.read([row]))[a.read_present([row])].max()
        assert found.samples[name].largest == pytest.approx(largest)


def test_recipes_are_compared_for_the_layouts_that_the_stores_have(raw, plain, tmp_path):
    write_ucla(tmp_path / "ucla", 10)
    psp, yaw = (
        prepared("ucla", tmp_path / "ucla", tmp_path / f"{recipe}.zarr", frames=7, recipe=recipe)
        for recipe in ("psp", "yaw")
    )
    found = diff_stores(psp, yaw).recipe
    assert found["normalise.kinect20.rotation.kind"] == ("axes", "vertical")
    assert not any("kinect25" in key for key in found)
    assert not diff_stores(plain, psp).recipe
    of_both = diff_stores(plain, yaw).recipe
    assert {key.split(".")[1] for key in of_both if "." in key} == {"kinect20", "kinect25"}


def test_another_number_of_frames_is_resampling(raw, plain, tmp_path):
    found = diff_stores(plain, prepared("ntu", raw, tmp_path / "o.zarr", frames=5))
    assert {parting.step for parting in found.samples.values()} == {"resampling"}
    assert len(found.samples) == 12
    assert found.facts["frames"] == (7, 5)
    assert set(found.recipe) == {"frames"}


def test_another_selector_shows_where_it_chose_other_bodies(raw, plain, tmp_path):
    found = diff_stores(plain, prepared("ntu", raw, tmp_path / "o.zarr", frames=7, recipe="ctrgcn"))
    a, b = open_store(plain), open_store(tmp_path / "o.zarr")
    for row, name in enumerate(a.names):
        same = np.array_equal(a.read_present([row]), b.read_present([row]))
        assert found.samples[name].step == ("normalisation" if same else "selection")


def test_streams_that_only_one_store_has(raw, plain, tmp_path):
    found = diff_stores(
        plain, prepared("ntu", raw, tmp_path / "o.zarr", frames=7, streams=["bone"])
    )
    assert (found.streams, found.identical, dict(found.samples)) == (("bone",), False, {})


def test_damaged_values_columns_and_splits_show(plain, tmp_path):
    copy = copied(plain, tmp_path)

    def spoil(values):
        values[4] += 1

    def flip(values):
        values[3] = ~values[3]

    change(copy, "motion", spoil)
    change(copy, "label", spoil)
    change(copy, "camera", spoil)
    change(copy, "splits/xsub/train", flip)
    change(copy, "splits/xview/rank", spoil)
    found = diff_stores(plain, copy)
    (name,) = found.samples
    assert name == open_store(plain).names[4]
    assert found.samples[name].step == "streams"
    assert found.samples[name].detail == "motion differs though joints are the same"
    assert found.columns == {"label": 1, "camera": 1}
    assert found.splits == (
        "xsub: 1 common names are in training in one store only",
        *[f"xview: 1 common names have other ranks for seed {seed}" for seed in range(5)],
    )


def test_stores_of_different_datasets_share_names_but_not_protocols(raw, plain, tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for file in raw.rglob("*.skeleton"):
        (folder / file.name).write_bytes(file.read_bytes())
    later = "S018C001P041R001A061"
    (folder / f"{later}.skeleton").write_bytes(ntu_bytes(later, frames=9))
    found = diff_stores(plain, prepared("ntu", folder, tmp_path / "o.zarr", frames=7))
    assert found.facts["dataset"] == ("ntu60", "ntu120")
    assert (found.common, found.only_b, dict(found.samples)) == (12, (later,), {})
    assert {"xset: only in B", "xview: only in A"} <= set(found.splits)


def test_what_cannot_be_read_is_an_error(plain, tmp_path):
    with pytest.raises(StoreError, match="no store at"):
        diff_stores(plain, tmp_path / "absent")
    copy = copied(plain, tmp_path)
    chunk = copy / "joint/c/1/0/0/0/0"
    data = chunk.read_bytes()
    chunk.unlink()
    with pytest.raises(StoreError, match=r"copy.zarr: block 1 of joint is missing; prepare"):
        diff_stores(plain, copy)
    chunk.write_bytes(bytes(len(data)))
    with pytest.raises(StoreError, match=r"array 'joint' is damaged"):
        diff_stores(plain, copy)
    chunk.write_bytes(data)
    change_attributes(copy, lambda attributes: attributes.pop("recipe"))
    with pytest.raises(StoreError, match="lacks the attribute 'recipe'"):
        diff_stores(plain, copy)
