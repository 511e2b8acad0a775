"""``skeldata info`` as people and scripts see it."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from skeldata import open_store
from skeldata.cli.info import info
from skeldata.store.summary import ProtocolSummary, summarise
from support.command_line import assert_one_error, run
from support.copies import store_with_copies


def test_facts_protocols_and_classes_are_shown_plainly_when_piped(ntu_store_path):
    result = run(info, ntu_store_path)
    assert result.exit_code == 0
    store = open_store(ntu_store_path)
    shown = result.stdout
    assert "60 of 2 x 50 frames x 25 joints x 3" in shown
    assert store.content_digest in shown
    two = int((store.read_present().any(axis=2).sum(axis=1) == 2).sum())
    assert re.search(rf"^clips +{60 - two} of 1 body, {two} of 2 bodies$", shown, re.MULTILINE)
    train = int(store.train_mask("xsub").sum())
    assert re.search(rf"^xsub +{train} +{60 - train} +\d+ \(\d+ a class\)", shown, re.MULTILINE)
    assert re.search(r"^4 +drop +\d+ +\d+ [\d.]+ \d+ +\d+ ", shown, re.MULTILINE)
    assert "drink water" not in shown  # no clip of that class
    assert shown.isascii()
    assert "\x1b" not in shown


def test_it_says_which_names_labels_are_drawn_from(ntu_store, ntu_store_path):
    train = int(ntu_store.train_mask("xview").sum())
    assert (
        f"draws of xview  labels from the store's own {train} training names: {train} of the 37,646 "
        "official training names are here, less than 99 %\n"
    ) in run(info, ntu_store_path).stdout
    found = json.loads(run(info, ntu_store_path, "--json").stdout)["summary"]["protocols"][1]
    assert (found["base"], found["official"]) == ("store", [train, 37646])
    of_all = ProtocolSummary("xview", 1010, 9, {}, "official", (1010, 1020))
    module = sys.modules["skeldata.cli.info"]
    summary = replace(summarise(ntu_store), protocols=(of_all,))
    assert dict(module._facts(ntu_store, summary))["draws of xview"] == (
        "labels from the official list, as in any lab: 1,010 of the 1,020 official training names "
        "are here, 99 % or more"
    )


def test_on_a_terminal_the_tables_have_frames(ntu_store_path, monkeypatch):
    class Terminal:
        isatty = staticmethod(lambda: True)

    module = sys.modules["skeldata.cli.info"]  # the package's attribute of this name is the command
    monkeypatch.setattr(module, "sys", SimpleNamespace(stdout=Terminal))
    shown = run(info, ntu_store_path).stdout
    assert "│ xsub" in shown
    assert "drop" in shown


def test_json_is_the_attributes_and_the_counts(ntu_store_path):
    found = json.loads(run(info, ntu_store_path, "--json").stdout)
    summary = found.pop("summary")
    assert found == open_store(ntu_store_path).attributes
    assert summary["rows"] == 60
    assert [p["name"] for p in summary["protocols"]] == ["xsub", "xview"]
    assert len(summary["classes"]) == 60
    assert set(summary["protocols"][0]["labelled"]) == {"0.05", "0.1", "0.2", "0.4"}


def test_rejected_files_are_listed_with_line_and_reason():
    kept = Path(__file__).parents[2] / "data/format-1.zarr"
    shown = run(info, kept).stdout
    assert "1 officially missing, 1 rejected, 1 other files ignored" in shown
    assert re.search(
        r"^rejected: S001C001P002R001A001, line \d+: line of joint", shown, re.MULTILINE
    )


@pytest.mark.parametrize("text", ["", "{}"])
def test_what_is_no_store_exits_4(tmp_path, text):
    (tmp_path / "zarr.json").write_text(text)
    assert_one_error(run(info, tmp_path), 4, "zarr store")


def test_help_gives_an_example():
    assert "  skeldata info ucla.zarr" in run(info, "--help").stdout


def test_it_says_how_many_clips_have_several_names(tmp_path, ntu_store_path, monkeypatch):
    store = store_with_copies(tmp_path, [("a01_s01_e00_v02", "a01_s01_e00_v03")])
    tested = int((~store.train_mask("xview")).sum())
    shown = run(info, store.path).stdout
    assert (
        f"copies          1 recording under several names; 1 of the {tested} test clips of xview are "
        "training clips as well\n"
    ) in shown
    assert "copies          none" in run(info, ntu_store_path).stdout
    (store.path / "joint/c/0/0/0/0/0").write_bytes(b"damaged")
    damaged = run(info, store.path)
    assert damaged.exit_code == 0
    assert (
        "copies          not to be looked for, a block is damaged: `skeldata verify"
        in damaged.stdout
    )
    monkeypatch.setattr(sys.modules["skeldata.cli.info"], "_QUICKLY_COMPARED", 59)
    assert f"`skeldata copies {ntu_store_path}`" in run(info, ntu_store_path).stdout
