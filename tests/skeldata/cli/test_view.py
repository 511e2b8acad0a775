"""``skeldata view`` as people and scripts see it."""

import sys

import pytest

from skeldata.cli.view import view
from support.command_line import assert_one_error, run


@pytest.mark.parametrize("suffix", ["html", "png"])
def test_a_clip_is_drawn_and_its_path_printed(ntu_store, ntu_store_path, tmp_path, suffix):
    if suffix == "png":
        pytest.importorskip("matplotlib")
    out = tmp_path / "new" / f"clip.{suffix}"
    result = run(view, ntu_store_path, ntu_store.names[3], "-o", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}\n"
    start = {"html": b"<!doctype html>", "png": b"\x89PNG"}[suffix]
    assert out.read_bytes().startswith(start)


def test_raw_and_names_reach_the_page(ntu_store, ntu_store_path, tmp_path):
    name, raw = ntu_store.names[3], ntu_store_path.parent / "ntu.zip"
    result = run(view, ntu_store_path, name, "--raw", raw, "--names", "-o", tmp_path / "a.html")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "a.html").read_text("utf-8")
    assert 'id="scene1"' in text
    assert '<input id="names" type="checkbox" checked>' in text


def test_a_sheet_of_one_class_and_one_of_all(ntu_store_path, tmp_path):
    pytest.importorskip("matplotlib")
    for arguments in (["--class", "hand waving", "--count", 2], ["--classes", "--frames", 2]):
        result = run(view, ntu_store_path, *arguments, "-o", tmp_path / "a.png")
        assert result.exit_code == 0, result.output
        assert result.stderr.startswith("drawing: ")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "give one of NAME, --class ACTION and --classes"),
        (["NAME", "--classes"], "give one of NAME, --class ACTION and --classes"),
        (["--class", "drop", "--names"], "--raw and --names are for one clip"),
        (["--class", "handwaving", "-o", "a.png"], "did you mean 'hand waving'?"),
        (["S001C001P001R001A00", "-o", "a.html"], "did you mean 'S0"),
        (["x", "-o", "a.mp4"], "cannot draw a.mp4: end its name in .gif or .png or .html"),
        (["--classes", "-o", "a.html"], "end its name in .png"),
    ],
)
def test_wrong_use_is_one_line(ntu_store_path, tmp_path, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    out = [] if "-o" in arguments else ["-o", "a.png"]
    assert_one_error(run(view, ntu_store_path, *arguments, *out), 2, text)
    assert not list(tmp_path.iterdir())


def test_a_missing_extra_is_one_line_before_any_work(ntu_store, ntu_store_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for out in ("a.gif", "a.png"):
        result = run(view, ntu_store_path, ntu_store.names[0], "-o", out)
        assert_one_error(result, 2, 'pip install "skeldata[view]"')


def test_no_store_and_no_file_exit_4(ntu_store, ntu_store_path, tmp_path):
    assert_one_error(run(view, tmp_path / "no.zarr", "x", "-o", "a.html"), 4, "no store at")
    (tmp_path / "a.html").mkdir()
    result = run(view, ntu_store_path, ntu_store.names[0], "-o", tmp_path / "a.html")
    assert_one_error(result, 4, "is a folder")


def test_help_is_one_sentence_with_examples():
    shown = run(view, "--help").stdout
    assert "  skeldata view ucla.zarr a09_s03_e01_v02 -o clip.gif" in shown
    assert "--classes" in shown
