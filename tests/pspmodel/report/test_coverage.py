"""Published numbers stand beside runs on the official set, and beside no other."""

import json
import re

import pytest

from pspmodel.report import render_run, write_comparison
from pspmodel.report.coverage import Coverage, coverage, coverage_of, is_whole
from pspmodel.report.records import read_run
from support.fake_runs import write_run
from support.small_run import trained_run

PUBLISHED_METHODS = ("ASSL", "X-CAR", "arXiv 2023")


@pytest.mark.parametrize(
    ("held", "official", "whole"),
    [(1484, 1484, True), (1470, 1484, True), (1469, 1484, False), (99, 100, True), (0, 1484, False)],
)  # fmt: skip
def test_ninety_nine_in_a_hundred_are_the_official_set(held, official, whole):
    assert Coverage(held, official).whole == whole


def test_a_store_is_counted_by_names(ntu_store):
    assert coverage_of(ntu_store) == Coverage(60, 56578)
    assert str(coverage_of(ntu_store)) == "60 of the 56,578 official clips"


def test_where_nothing_is_known_nothing_is_held_back(tmp_path):
    record = read_run(write_run(tmp_path / "run"))
    assert coverage(record) is None
    assert is_whole(record)


def test_the_page_of_a_run_on_synthetic_clips_names_no_published_number(tmp_path, ntu_store_path):
    folder = trained_run(tmp_path / "run", ntu_store_path)
    report = json.loads((folder / "report.json").read_text())
    assert report["official_clips"] == {"held": 60, "official": 56578}
    text = (folder / "report.html").read_text()
    assert not any(name in text for name in (*PUBLISHED_METHODS, "The PSP paper reports"))
    assert "The store holds 60 of the 56,578 official clips of NTU RGB+D 60." in text
    report["official_clips"]["held"] = 56578
    (folder / "report.json").write_text(json.dumps(report))
    text = render_run(folder, weights=False).read_text()
    assert all(name in text for name in (*PUBLISHED_METHODS, "The PSP paper reports 82.6 %"))


def test_a_comparison_of_partial_stores_has_our_numbers_alone(tmp_path):
    records = [
        read_run(write_run(tmp_path / f"run{seed}", split_seed=seed, official_clips=(300, 1484)))
        for seed in (0, 1)
    ]
    content = write_comparison(records, tmp_path / "a.html")
    assert content["published"] == []
    (cell,) = content["cells"]
    assert (cell["psp_paper"], cell["official_set"]) == (None, False)
    assert len(content["warnings"]) == 1
    assert "2 runs on a store with 300 of the 1,484 official clips" in content["warnings"][0]
    text = (tmp_path / "a.html").read_text()
    assert not any(name in text for name in (*PUBLISHED_METHODS, "to the paper"))
    assert "<title>2 runs</title>" in text
    assert "these runs are of a part of it, their labels were drawn otherwise" in text
    assert "published" not in (tmp_path / "a.csv").read_text()
    assert "arXiv" not in (tmp_path / "a.csv").read_text()


def test_in_a_mixed_comparison_only_runs_on_the_whole_set_are_set_beside_the_paper(tmp_path):
    records = [
        read_run(write_run(tmp_path / str(held), official_clips=(held, 1484), store_digest=digest * 64))
        for held, digest in ((300, "a"), (1480, "b"))
    ]  # fmt: skip
    content = write_comparison(records, tmp_path / "a.html")
    paper = {cell["series"]: cell["psp_paper"] for cell in content["cells"]}
    assert paper == {"tiny": 69.2, "tiny, on 300 of the 1,484 official clips": None}
    assert content["published"]
    text = (tmp_path / "a.html").read_text()
    assert len(re.findall(r"[+−][\d.]+ to the paper", text)) == 1
    assert "tiny, on 300 of the 1,484 official clips" in text
