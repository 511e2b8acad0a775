"""Inline SVG skeletons: their coordinates are the projection of the store's joints."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from skeldata.view import svg
from skeldata.view.clips import prepared_scene
from support.view_oracle import expected, path_ends, to_pixels

NAMES = {"s": "http://www.w3.org/2000/svg"}


def one_body_row(store):
    present = store.read_present()
    return int(np.flatnonzero(present[:, 0].all(axis=1) & ~present[:, 1:].any(axis=(1, 2)))[0])


def test_every_bone_of_a_strip_lies_where_the_joints_are(ntu_store):
    row = one_body_row(ntu_store)
    text = svg.strip(prepared_scene(ntu_store, row), [0, 20, 49], height=300, label="a < b")
    root = ElementTree.fromstring(text)
    assert root.get("aria-label") == "a < b"
    pictured, layout = expected(ntu_store, row), ntu_store.layout
    points, pixels = [], []
    frames = root.findall("svg")
    assert len(frames) == 3
    for element, frame in zip(frames, [0, 20, 49], strict=True):
        for side in ("left", "right", "middle"):
            (path,) = element.findall(f"path[@class='{side}']")
            drawn = path_ends(path.get("d"))
            bones = [bone for bone in layout.bones if layout.sides[bone[0]] == side]
            assert len(drawn) == len(bones)
            points.extend(pictured[0, frame][np.array(bones)].reshape(-1, 2))
            pixels.extend(drawn.reshape(-1, 2))
    scale, _, _, misfit = to_pixels(np.array(points), np.array(pixels))
    assert scale > 10
    assert misfit < 0.1  # written with one decimal; the same scale and place in every frame
    (first, second, *_) = (float(frame.get("x")) for frame in frames)
    assert second - first == pytest.approx(float(frames[0].get("width")), abs=0.06)


def test_the_second_body_is_thinner_and_behind(ntu_store):
    both = ntu_store.read_present().all(axis=2).all(axis=1)
    scene = prepared_scene(ntu_store, int(np.flatnonzero(both)[0]))
    paths = ElementTree.fromstring(svg.strip(scene, [5], 100, "x")).findall("svg/path")
    limbs = [path for path in paths if path.get("class") != "tile"]
    assert len(limbs) == 6
    widths = [float(path.get("stroke-width")) for path in limbs]
    assert max(widths[:3]) < min(widths[3:])


def test_an_absent_body_is_not_drawn(ntu_store):
    both = ntu_store.read_present().all(axis=2).all(axis=1)
    scene = prepared_scene(ntu_store, int(np.flatnonzero(both)[0]))
    present = scene.present.copy()
    present[1, 7] = False
    scene = replace(scene, present=present)
    for frame, bodies in ((6, 2), (7, 1)):
        paths = ElementTree.fromstring(svg.strip(scene, [frame], 100, "x")).findall("svg/path")
        assert len([path for path in paths if path.get("class") != "tile"]) == 3 * bodies


def test_sides_have_colours_that_differ_in_lightness_and_hue():
    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return np.dot([c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels], [0.2126, 0.7152, 0.0722])  # fmt: skip

    for colours, page in ((svg.COLOURS, 1.0), (svg.DARK_COLOURS, luminance("#16171a"))):
        for colour in colours.values():
            light, dark = sorted((luminance(colour), page))[::-1]
            assert (light + 0.05) / (dark + 0.05) > 3  # WCAG's contrast for graphics
        # Blue against orange: told apart with any kind of colour blindness.
        left, right = (colours[side] for side in ("left", "right"))
        assert int(left[5:], 16) - int(left[1:3], 16) > 100
        assert int(right[1:3], 16) - int(right[5:], 16) > 100
        assert all(colour in svg.STYLE for colour in colours.values())
    assert "prefers-color-scheme: dark" in svg.STYLE
