"""Prepared clips and raw recordings on the stage."""

import shutil
from itertools import pairwise

import numpy as np
import pytest

from skeldata import SourceError, open_store, prepare, read_ntu
from skeldata.errors import ParseError
from skeldata.synth import ntu_bytes, write_ntu, write_ucla
from skeldata.view.choose import row_of
from skeldata.view.clips import prepared_scene, prepared_scenes, raw_scene
from support.view_oracle import on_stage


def one_body_row(store):
    """A row in which one body is there all the time."""
    present = store.read_present()
    whole = present[:, 0].all(axis=1)
    return int(np.flatnonzero(whole & ~present[:, 1:].any(axis=(1, 2)))[0])


@pytest.mark.parametrize(("recipe", "up"), [("psp", "z"), ("yaw", "y"), ("ctrgcn", "y")])
def test_a_prepared_scene_is_the_stores_clip_standing_upright(tmp_path, recipe, up):
    write_ntu(tmp_path / "raw.zip", 4, seed=2, actions=[5, 23], quirks=False)
    prepare("ntu", [tmp_path / "raw.zip"], tmp_path / "s.zarr", recipe=recipe, workers=1)
    store = open_store(tmp_path / "s.zarr")
    for row in range(4):
        scene = prepared_scene(store, row)
        joint, present = store.read([row])[0], store.read_present([row])[0]
        oracle = on_stage(joint, present, store.layout, up)
        np.testing.assert_allclose(scene.stage, oracle, atol=1e-6)
        np.testing.assert_array_equal(scene.present, present)
        head, foot = store.layout.joints.index("head"), store.layout.joints.index("left foot")
        assert (scene.stage[0, :, head, 2] > scene.stage[0, :, foot, 2]).all()
        assert scene.unit == ("m" if recipe == "ctrgcn" else "spine lengths")


def test_scenes_come_in_the_order_asked_for(ntu_store):
    rows = [7, 2, 31]
    for row, scene in zip(rows, prepared_scenes(ntu_store, rows), strict=True):
        np.testing.assert_array_equal(scene.stage, prepared_scene(ntu_store, row).stage)


def test_two_bodies_are_seen_side_by_side(ntu_store):
    both = ntu_store.read_present().all(axis=2).all(axis=1)
    scene = prepared_scene(ntu_store, int(np.flatnonzero(both)[0]))
    middle = scene.stage.mean(axis=(1, 2))
    apart = middle[1] - middle[0]
    assert abs(apart[1]) < 1e-5 < abs(apart[0])
    assert scene.persons == 2


def test_the_raw_scene_shows_the_recording_at_the_moments_of_the_prepared_frames(
    ntu_store, ntu_store_path
):
    row = one_body_row(ntu_store)
    name = ntu_store.names[row]
    scene = raw_scene(ntu_store, row, ntu_store_path.parent / "ntu.zip")
    sequence = read_ntu(ntu_bytes(name, seed=1))
    seen = sorted(
        {int(f) for body in sequence.bodies for f in body.frame_index[body.xyz.any((1, 2))]}
    )
    assert scene.frames == 50
    for place in range(50):
        exact = place * (len(seen) - 1) / 49
        nearest = min(range(len(seen)), key=lambda source: (abs(source - exact), source))
        shown = []
        for body in sequence.bodies:
            at = np.flatnonzero(body.frame_index == seen[nearest])
            if len(at) and body.xyz[at[0]].any():
                x, y, z = body.xyz[at[0]].astype(np.float64).T
                shown.append(np.stack([-x, -z, y], axis=-1))
        np.testing.assert_array_equal(scene.stage[scene.present[:, place], place], shown)
    assert scene.camera.azimuth == scene.camera.elevation == 0
    assert not scene.notes


def test_a_raw_scene_of_nw_ucla(tmp_path):
    write_ucla(tmp_path / "raw.zip", 3, seed=4)
    prepare("ucla", [tmp_path / "raw.zip"], tmp_path / "s.zarr", workers=1)
    store = open_store(tmp_path / "s.zarr")
    scene = raw_scene(store, 1, tmp_path / "raw.zip")
    assert scene.stage.shape == (1, 50, 20, 3)
    assert not scene.notes


def test_another_recording_under_the_same_name_is_noted(ntu_store, tmp_path):
    row = one_body_row(ntu_store)
    name = ntu_store.names[row]
    (tmp_path / f"{name}.skeleton").write_bytes(ntu_bytes(name, seed=9, quirks=False))
    scene = raw_scene(ntu_store, row, tmp_path / f"{name}.skeleton")
    assert scene.notes == (
        "prepared again, this recording gives another clip than the store holds",
    )


def test_a_recording_that_is_not_there_is_named_with_the_nearest(ntu_store, tmp_path):
    name, other = next((a, b) for a, b in pairwise(ntu_store.names) if a[:-4] != b[:-4])
    (tmp_path / f"{other}.skeleton").write_bytes(ntu_bytes(other, seed=1))
    with pytest.raises(SourceError, match=f"no recording {name}"):
        raw_scene(ntu_store, row_of(ntu_store, name), tmp_path)


def test_a_broken_recording_is_named(ntu_store, tmp_path):
    name = ntu_store.names[0]
    (tmp_path / f"{name}.skeleton").write_bytes(b"3\n1\n")
    with pytest.raises(ParseError, match=f"^{name}, line"):
        raw_scene(ntu_store, 0, tmp_path)
    shutil.rmtree(tmp_path)
    with pytest.raises(SourceError, match="no such folder"):
        raw_scene(ntu_store, 0, tmp_path)
