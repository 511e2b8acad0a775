"""GIF and PNG: frames, durations, bones, colours, limits."""

import sys
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib")
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from skeldata.errors import MissingExtraError
from skeldata.view import draw_clip, draw_sheet
from skeldata.view.clips import prepared_scene, raw_scene
from skeldata.view.drawing import Panel
from skeldata.view.figures import durations, evenly_spaced, require_matplotlib, write_strip
from skeldata.view.style import COLOURS
from support.view_oracle import expected


def one_body_row(store):
    present = store.read_present()
    return int(np.flatnonzero(present[:, 0].all(axis=1) & ~present[:, 1:].any(axis=(1, 2)))[0])


@pytest.fixture
def axes():
    return Figure(figsize=(4, 4)).add_axes((0, 0, 1, 1))


def lines_of(axes):
    """(4 numbers, colour) of every bone: lines in colours of sides."""
    found = []
    for collection in axes.collections:
        if not hasattr(collection, "get_segments"):
            continue
        for line, colour in zip(collection.get_segments(), collection.get_colors(), strict=False):
            if to_hex(colour) in COLOURS.values():
                found.append((tuple(np.round(line, 5).ravel()), to_hex(colour)))
    return found


def test_bones_connect_the_layouts_joints_in_the_colours_of_their_sides(ntu_store, axes):
    row = one_body_row(ntu_store)
    panel = Panel(axes, prepared_scene(ntu_store, row))
    limits = axes.get_xlim(), axes.get_ylim()
    pictured, layout = expected(ntu_store, row), ntu_store.layout
    for frame in (0, 23, 49):
        panel.show(frame)
        wanted = [
            (tuple(np.round(pictured[0, frame, [child, parent]], 5).ravel()), COLOURS[layout.sides[child]])
            for child, parent in layout.bones
        ]  # fmt: skip
        drawn = sorted(lines_of(axes))
        assert [colour for _, colour in drawn] == [colour for _, colour in sorted(wanted)]
        np.testing.assert_allclose([e for e, _ in drawn], [e for e, _ in sorted(wanted)], atol=2e-5)
        assert (axes.get_xlim(), axes.get_ylim()) == limits  # fixed over the clip
        near = {
            tuple(np.round(bone.ends, 5).ravel()): bone.near for bone in panel.scene.bones(frame)
        }
        depths = [near[ends] for ends, _ in lines_of(axes)]
        assert depths == sorted(depths)  # the nearest are drawn over the others
    assert axes.get_aspect() == 1
    points = pictured[0].reshape(-1, 2)
    assert (points.min(axis=0) > (limits[0][0], limits[1][0])).all()
    assert (points.max(axis=0) < (limits[0][1], limits[1][1])).all()


def test_joint_names_are_written_once_each_in_the_colour_of_their_side(ntu_store, axes):
    row = one_body_row(ntu_store)
    Panel(axes, prepared_scene(ntu_store, row), names=True).show(3)
    texts = {text.get_text(): text for text in axes.texts}
    layout = ntu_store.layout
    assert sorted(texts) == sorted(layout.joints)
    for joint, side in zip(layout.joints, layout.sides, strict=True):
        assert to_hex(texts[joint].get_color()) == COLOURS[side]


def test_two_bodies_are_numbered_and_the_second_is_thinner(ntu_store, axes):
    both = ntu_store.read_present().all(axis=2).all(axis=1)
    Panel(axes, prepared_scene(ntu_store, int(np.flatnonzero(both)[0]))).show(0)
    assert [text.get_text() for text in axes.texts] == ["1", "2"]
    (bones,) = [c for c in axes.collections if hasattr(c, "get_segments") and len(c.get_segments()) == 48 and len(set(c.get_linewidths())) == 2]  # fmt: skip
    assert len(bones.get_segments()) == 2 * len(ntu_store.layout.bones)


@pytest.mark.parametrize("raw", [False, True])
def test_a_gif_has_every_frame_and_lasts_as_long_as_the_recording(
    ntu_store, ntu_store_path, tmp_path, raw
):
    row = one_body_row(ntu_store)
    source = ntu_store_path.parent / "ntu.zip" if raw else None
    draw_clip(ntu_store, ntu_store.names[row], tmp_path / "a.gif", raw=source)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == ntu_store.frames
        assert gif.info["loop"] == 0
        times, pictures = [], []
        for frame in range(gif.n_frames):
            gif.seek(frame)
            times.append(gif.info["duration"])
            pictures.append(np.asarray(gif.convert("RGB")))
    assert sum(times) == pytest.approx(1000 * ntu_store.lengths[row] / 30, abs=10)
    assert max(times) - min(times) <= 10
    for before, after in pairwise(pictures):
        assert (before != after).any()
    near = {
        side: np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for side, c in COLOURS.items()
    }
    for picture in pictures[::10]:
        for colour in near.values():
            assert (np.abs(picture.astype(int) - colour).max(axis=2) < 24).sum() > 50
    assert not list(tmp_path.glob(".*"))


def test_half_speed_lasts_twice_as_long(ntu_store, tmp_path):
    row = one_body_row(ntu_store)
    draw_clip(ntu_store, ntu_store.names[row], tmp_path / "a.gif", speed=0.5)
    with Image.open(tmp_path / "a.gif") as gif:
        total = 0
        for frame in range(gif.n_frames):
            gif.seek(frame)
            total += gif.info["duration"]
    assert total == pytest.approx(2000 * ntu_store.lengths[row] / 30, abs=10)


def test_durations_add_up_and_are_never_too_short():
    assert sum(durations(50, 2.337)) == 2340
    assert set(durations(50, 2.337)) == {40, 50}
    assert durations(50, 0.1) == [20] * 50


def test_frames_are_evenly_spaced_from_first_to_last():
    assert evenly_spaced(50, 8) == [0, 7, 14, 21, 28, 35, 42, 49]
    assert evenly_spaced(3, 8) == [0, 1, 2]


@pytest.mark.parametrize("names", [False, True])
def test_a_strip_has_a_line_for_each_scene(ntu_store, ntu_store_path, tmp_path, names):
    row = one_body_row(ntu_store)
    scene = prepared_scene(ntu_store, row)
    raw = raw_scene(ntu_store, row, ntu_store_path.parent / "ntu.zip")
    heights = []
    for scenes in ([scene], [scene, raw]):
        write_strip(tmp_path / "a.png", scenes, "t", "f", frames=6, names=names)
        with Image.open(tmp_path / "a.png") as picture:
            heights.append(picture.height)
            ink = np.asarray(picture.convert("RGB"))
    assert heights[1] > 1.5 * heights[0]
    blue = (ink[..., 2].astype(int) - ink[..., 0] > 100).any(axis=0)
    runs = np.count_nonzero(np.diff(blue.astype(int)) == 1)
    assert runs >= 6  # left limbs of six bodies beside each other


def test_the_same_clip_gives_the_same_bytes(ntu_store, tmp_path):
    for name in ("a.png", "b.png"):
        draw_clip(ntu_store, ntu_store.names[0], tmp_path / name, frames=2)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_sheets_grow_with_their_clips(ntu_store, tmp_path):
    seen = []
    draw_sheet(ntu_store, tmp_path / "few.png", action="hand waving", count=2, frames=3,
               advanced=lambda: seen.append(1))  # fmt: skip
    draw_sheet(ntu_store, tmp_path / "many.png", action="A023", count=6, frames=3)
    draw_sheet(ntu_store, tmp_path / "classes.png", frames=3)
    few, many, classes = (
        Image.open(tmp_path / f"{n}.png").size for n in ("few", "many", "classes")
    )
    assert few[0] == many[0] == classes[0]
    assert few[1] < classes[1] < many[1]  # one line, two (four classes), three
    assert len(seen) == 2


@pytest.mark.parametrize("module", ["matplotlib", "PIL"])
def test_without_the_extra_one_line_says_what_to_install(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r'pip install "skeldata\[view\]"'):
        require_matplotlib()
