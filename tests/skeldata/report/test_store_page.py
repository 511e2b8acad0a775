"""The page about a store, as text and in a real Chromium."""

import re
import shlex
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from skeldata import draw, open_store
from skeldata.cli import main
from skeldata.report.contents import gather
from skeldata.report.store_page import _commands, render, write_report
from support.chromium import Page, chromium
from support.html_tables import tables
from support.view_oracle import expected, path_ends, to_pixels

OLD = Path(__file__).parents[2] / "data/format-1.zarr"


@pytest.fixture(scope="module")
def text(ntu_store):
    return render(ntu_store)


@pytest.fixture(scope="module")
def path(ntu_store, tmp_path_factory):
    return write_report(ntu_store, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


def table_with(text, *heads):
    (found,) = [table for table in tables(text) if table[0][: len(heads)] == list(heads)]
    return found[1:]


def test_the_facts_of_the_store_are_told(ntu_store, text):
    facts = {row[0]: row[1] for row in tables(text)[0]}
    assert facts["Content digest"] == ntu_store.content_digest
    assert facts["Source digest"] == ntu_store.source_digest
    assert facts["Recipe digest"] == ntu_store.attributes["recipe_digest"]
    assert facts["Clips"] == "60 of 2 bodies × 50 frames × 25 joints; streams joint, motion"
    assert facts["Recipe"].startswith("psp version 1: ")


def test_classes_have_their_counts_and_bars(ntu_store, text):
    train = ntu_store.train_mask("xsub")
    rows = table_with(text, "Class")
    assert len(rows) == 4
    most = max(int((ntu_store.labels == label).sum()) for label in set(ntu_store.labels.tolist()))
    for row, label in zip(rows, sorted(set(ntu_store.labels.tolist())), strict=True):
        inside = ntu_store.labels == label
        name = ntu_store.dataset.classes[label]
        both = ntu_store.read_present(inside).any(axis=2).all(axis=1).sum()
        assert row[0] == f"{label} {name}"
        assert row[2:6] == [f"{inside.sum()}", f"{(inside & train).sum()}",
                            f"{np.median(ntu_store.lengths[inside]):g}", f"{both}"]  # fmt: skip
        bar = re.search(rf'aria-label="{re.escape(name)}: .*?</svg>', text)[0]
        width = float(re.search(r'class="train" width="([\d.]+)%', bar)[1])
        assert width == pytest.approx(100 * (inside & train).sum() / most, abs=0.01)


def test_labelled_counts_and_digests_are_those_of_the_draw(ntu_store, text):
    shown = [table[1:] for table in tables(text) if table[0][:2] == ["Share", "Clips"]]
    for protocol, rows in zip(("xsub", "xview"), shown, strict=True):
        names = [n for n, train in zip(ntu_store.names, ntu_store.train_mask(protocol), strict=True) if train]  # fmt: skip
        for row, ratio in zip(rows, ("0.05", "0.1", "0.2", "0.4"), strict=True):
            split = draw("ntu60", protocol, ratio, names=names)
            assert row[0] == f"{float(ratio):.0%}".replace("%", " %")
            assert row[1] == f"{split.count}"
            assert row[3] == split.digest


def test_rejected_ignored_and_missing_files_are_listed():
    store = open_store(OLD)
    store.attributes["rejected"].append({"name": "a<b", "line": None, "reason": "x & <script>"})
    text = render(store)
    assert table_with(text, "Sample", "Line", "Reason") == [
        ["S001C001P002R001A001", "337", "line of joint 25 has 1 fields, not 12"],
        ["a<b", "", "x & <script>"],
    ]
    assert "<script>" not in text
    assert table_with(text, "Reason", "Files") == [["not a .skeleton file", "1"]]
    assert "notes.txt" in text
    assert "S001C002P005R002A008" in text  # officially missing, seen and left out
    facts = {row[0]: row[1] for table in tables(text) for row in table if len(row) == 2}
    assert facts["Official names lacking"] == f"{56_578 - 4:,}"


def test_sample_pictures_show_the_stores_joints(ntu_store, text):
    present = ntu_store.read_present()
    figures = re.findall(r"<figure>(.*?)</figure>", text, re.DOTALL)
    assert len(figures) == 4
    checked = 0
    for figure in figures:
        row = ntu_store.names.index(re.search(r"<small>(\w+),", figure)[1])
        if not present[row, 0].all() or present[row, 1].any():
            continue
        pictured, layout = expected(ntu_store, row), ntu_store.layout
        frames = re.findall(r'<svg class="frame".*?</svg>', figure)
        for drawn, frame in zip(frames, (0, 12, 24, 37, 49), strict=True):
            points, pixels = [], []
            for side in ("left", "right", "middle"):
                d = re.search(rf'class="{side}" stroke-width="2.2" d="([^"]+)"', drawn)[1]
                bones = [bone for bone in layout.bones if layout.sides[bone[0]] == side]
                points.extend(pictured[0, frame][np.array(bones)].reshape(-1, 2))
                pixels.extend(path_ends(d).reshape(-1, 2))
            scale, _, _, misfit = to_pixels(np.array(points), np.array(pixels))
            assert scale > 5
            assert misfit < 0.1  # written with one decimal
            checked += 1
    assert checked


def commands_in(parts):
    (block,) = re.findall(r"<pre>(skeldata .*?)</pre>", "".join(parts), re.DOTALL)
    return [shlex.split(unescape(line)) for line in block.splitlines()]


def test_its_commands_make_the_same_store_again(ntu_store, ntu_store_path, tmp_path, text):
    prepare, verify = commands_in([text])
    raw, out = ntu_store_path.parent / "ntu.zip", tmp_path / "again.zarr"
    arguments = {"PATH_OF_THE_RECORDINGS": str(raw), ntu_store_path.name: str(out)}
    for command in (prepare, verify):
        result = CliRunner().invoke(main, [arguments.get(word, word) for word in command[1:]])
        assert result.exit_code == 0, result.output
    assert open_store(out).content_digest == ntu_store.content_digest


def test_its_commands_show_the_digests_of_official_splits(ntu_store):
    splits = {"xsub": (draw("ntu60", "xsub", "0.05"), draw("ntu60", "xsub", "0.1"))}
    contents = replace(gather(ntu_store), splits=splits)
    *_, five, ten = commands_in(_commands(ntu_store, contents))
    for command, split in ((five, splits["xsub"][0]), (ten, splits["xsub"][1])):
        assert CliRunner().invoke(main, command[1:]).stdout.strip() == split.digest


def test_a_recipe_of_ones_own_is_said_to_be_one(ntu_store):
    store = open_store(ntu_store.path)
    store.attributes["recipe"]["name"] = "ours"
    text = render(store)
    assert "--recipe ours.toml" in text
    assert "not one that ships" in text


def test_nothing_is_fetched_and_nothing_runs(text):
    assert not re.findall(r"https?://", text)
    assert "<script" not in text
    assert "<link" not in text
    assert "default-src 'none'" in text


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1200])
def test_it_fits_a_phone_and_both_colour_schemes(path, browser, width, dark):
    page = Page(browser)
    page.look(width, dark=dark)
    page.open(path)
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(22, 23, 26)" if dark else "rgb(255, 255, 255)")
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == ("rgb(230, 230, 232)" if dark else "rgb(28, 28, 30)")
    # What is wider than the window scrolls by itself, and letters in charts stay legible.
    outside = f"""Array.from(document.querySelectorAll('body *')).filter(e => !e.closest('.scroll, pre')
        && e.getBoundingClientRect().right > {width} + 1).map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(outside) == []
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.chart text')).fontSize") == "12px"
    )
    assert not page.errors
    assert set(page.requests) <= {path.as_uri(), "about:blank"}


def test_it_prints(path, browser):
    page = Page(browser)
    page.look(800)
    page.open(path)
    pdf = page.printed()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 2


def test_it_needs_no_matplotlib(ntu_store, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert "<h1>" in render(ntu_store)
