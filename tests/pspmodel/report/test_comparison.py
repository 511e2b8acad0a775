import csv
import io
import json
import re
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from pspmodel import figures
from pspmodel.errors import CheckpointError, UsageError
from pspmodel.published import published
from pspmodel.report import write_comparison, write_curves
from pspmodel.report.comparison import comparison
from pspmodel.report.records import find_runs, read_run
from pspmodel.report.rules import RULES
from support.fake_runs import write_run


@pytest.fixture
def records(tmp_path):
    found = []
    for recipe, base in (("tiny", 0.60), ("psp-code", 0.70)):
        for seed, accuracy in enumerate((base - 0.02, base + 0.02)):
            folder = tmp_path / "runs" / f"{recipe}-{seed}"
            write_run(
                folder, recipe=recipe, split_seed=seed, accuracy=(accuracy, None, accuracy + 0.01)
            )
            found.append(read_run(folder))
    return found


class Page(HTMLParser):
    """Tables as lists of rows of texts, and every address that a browser would fetch."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.addresses, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.addresses += [v for k, v in attributes if k in ("src", "href", "srcset", "data")]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in ("img", "meta", "br", "!doctype"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


def test_our_means_lie_beside_every_published_number(records):
    content = comparison(records)
    by_series = {cell["series"]: cell for cell in content["cells"]}
    last = by_series["psp-code"]["accuracy"]["last"]
    assert last == {
        "mean": pytest.approx(70), "sd": pytest.approx(2.8284, abs=1e-4), "draws": 2, "runs": 2,
    }  # fmt: skip
    assert by_series["psp-code"]["accuracy"]["held_out_best"] is None
    assert by_series["tiny"]["psp_paper"] == 69.2
    expected = {
        (method.name, str(ratio), value)
        for method in published()
        for ratio, value in method.ratios("nw-ucla", "xview").items()
    }
    found = {(e["name"], e["ratio"], e["accuracy"]) for e in content["published"]}
    assert found == expected
    assert all(entry["source"] and entry["selection"] for entry in content["published"])
    assert [row["run"] for row in content["runs"]] == [r.folder.name for r in records]


def test_three_files_say_the_same(tmp_path, records):
    out = tmp_path / "new" / "beside.html"
    content = write_comparison(records, out)
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "beside.csv", "beside.html", "beside.json",
    ]  # fmt: skip
    assert json.loads(out.with_suffix(".json").read_text()) == content
    rows = list(csv.DictReader(io.StringIO(out.with_suffix(".csv").read_text())))
    ours = {(row["name"], row["rule"]): row for row in rows if row["kind"] == "ours"}
    assert set(ours) == {(n, r) for n in ("tiny", "psp-code") for r in ("last", "test_oracle")}
    assert float(ours["tiny", "test_oracle"]["mean"]) == pytest.approx(61)
    assert ours["tiny", "last"]["draws"] == "2"
    theirs = [row for row in rows if row["kind"] == "paper"]
    assert {(Decimal(row["ratio"]), float(row["mean"])) for row in theirs} == set(
        published()[0].ratios("nw-ucla", "xview").items()
    )
    assert {row["rule"] for row in theirs} == {"test_oracle"}
    page = Page(out.read_text())
    numbers = page.tables[0]
    assert numbers[0] == ["method", "which weights", "5 %", "15 %", "30 %", "40 %"]
    flat = {tuple(row[:2]): row[2:] for row in numbers if len(row) > 2}
    assert flat["tiny", "last step"][0].startswith("60.0 ± 2.8")
    assert flat["tiny", "best on held-out"][0] == "–"
    assert "61.0 ± 2.8 n = 2" in flat["tiny", "best on test (oracle)"][0]
    assert "−8.2 to the paper" in flat["tiny", "best on test (oracle)"][0]
    assert "to the paper" not in flat["tiny", "last step"][0]
    assert flat["PSP arXiv 2023", "best on test (oracle)"] == ["69.2", "77.8", "80.6", "83.6"]
    runs, digests = page.tables[-2:]
    assert [row[-1] for row in runs[1:]] == [record.folder.name for record in records]
    assert {row[1] for row in digests} == {
        records[0].data["store_digest"], *(r.data["split"]["digest"] for r in records),
    }  # fmt: skip


def test_every_run_has_its_command_once(tmp_path, records):
    write_comparison([*records, *records], tmp_path / "a.html")
    text = re.sub("</?span>", "", (tmp_path / "a.html").read_text())
    found = re.findall(r"<code>(pspmodel train [^<]*)</code>", text)
    assert [re.search(r"--split-seed (\d) --recipe (\S+)", line).group(2, 1) for line in found] == [
        ("tiny", "0"),
        ("tiny", "1"),
        ("psp-code", "0"),
        ("psp-code", "1"),
    ]
    splits = re.findall(r"<code>(skeldata splits show [^<]*)</code>", text)
    assert [line.partition("--seed ")[2] for line in splits] == ["0 --digest", "1 --digest"]
    assert text.index("skeldata verify") < text.index("skeldata splits") < text.index(found[0])


def test_device_and_processes_are_told(tmp_path, records):
    records[1].report.update(processes=4, device="NVIDIA H200")
    write_comparison(records, tmp_path / "a.html")
    head, *rows = Page((tmp_path / "a.html").read_text()).tables[-2]
    place = head.index("on")
    assert [row[place] for row in rows] == ["cpu", "NVIDIA H200 × 4", "cpu", "cpu"]


def test_every_number_says_which_weights_it_is_of(tmp_path, records):
    write_comparison(records, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    for words in RULES.values():
        assert words in text
    assert re.search(r"published numbers of PSP are .* best\s+epoch on the test set", text)
    assert "one run, one label draw" in text
    for row in Page(text).tables[0][1:]:
        if len(row) > 1:
            assert row[1] in (
                "last step",
                "best on held-out",
                "best on test (oracle)",
                "not stated",
            )


def test_other_label_draws_never_share_a_table_with_ours(tmp_path):
    write_run(tmp_path / "run", dataset="ntu60", protocol="xsub", recipe="psp-code", ratio="0.1")
    write_comparison([read_run(tmp_path / "run")], tmp_path / "a.html")
    ours, others = Page((tmp_path / "a.html").read_text()).tables[:2]
    heads = [row[0] for row in others]
    assert any(head.startswith("MAMP") for head in heads)
    assert not any(head.startswith(("psp-code", "PSP")) for head in heads)
    assert not any(row[0].startswith(("MAMP", "MacDiff")) for row in ours)
    assert others[0] == ["method", "which weights", "1 %", "10 %"]


def test_the_page_needs_nothing_but_itself(tmp_path, records):
    write_comparison(records, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    page = Page(text)
    assert page.addresses
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert "@import" not in text
    assert "url(" not in text
    assert "<script" not in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert 'name="viewport"' in text
    assert not any(str(record.folder.parent) in text for record in records)


def test_the_page_repeats_byte_for_byte(tmp_path, records):
    for name in ("a", "b"):
        write_comparison(records, tmp_path / f"{name}.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_names_are_texts_not_markup(tmp_path):
    folder = write_run(tmp_path / "<b>bold & sly", finished=False)
    content = write_comparison([read_run(folder)], tmp_path / "a.html")
    assert content["warnings"] == ["1 run not finished and left out: <b>bold & sly (step 20)"]
    text = (tmp_path / "a.html").read_text()
    assert "<b>bold" not in text
    assert text.count("&lt;b&gt;bold &amp; sly") == 2


def test_a_dataset_without_published_numbers_says_so(tmp_path):
    folder = write_run(tmp_path / "run", dataset="ntu120", protocol="xset", recipe="psp-code")
    content = write_comparison([read_run(folder)], tmp_path / "a.html")
    assert content["published"] == []
    assert content["cells"][0]["psp_paper"] is None
    assert "Nothing published for this dataset" in (tmp_path / "a.html").read_text()


def test_no_run_loses_its_own_report(tmp_path, records):
    folder = records[0].folder
    before = (folder / "report.json").read_bytes()
    with pytest.raises(UsageError, match="lies in a run's folder"):
        write_comparison(records, folder / "report.html")
    assert (folder / "report.json").read_bytes() == before
    with pytest.raises(UsageError, match=r"end its name in \.html"):
        write_comparison(records, tmp_path / "report.json")


def test_curves_as_a_picture(tmp_path, records):
    write_curves(records, tmp_path / "all.png")
    write_curves(records[:1], tmp_path / "one.svg")
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "one.svg").read_text()
    (records[0].folder / "metrics.jsonl").write_text("")
    with pytest.raises(UsageError, match="no measurements yet"):
        write_curves(records[:1], tmp_path / "none.png")


def test_plain_files_among_runs_are_passed_over(tmp_path):
    run = write_run(tmp_path / "runs" / "a")
    page = tmp_path / "runs" / "report.html"
    page.write_text("x")
    assert find_runs([run, page]) == [run]
    with pytest.raises(CheckpointError, match=r"no run at .*report\.html"):
        find_runs([page])


def test_proportional_draws_stand_in_a_column_of_their_own_without_published_numbers(tmp_path):
    for seed, rule in enumerate(("assl", "proportional")):
        write_run(tmp_path / "runs" / rule, ratio="0.3", split_seed=seed, split_rule=rule)
    both = [read_run(tmp_path / "runs" / rule) for rule in ("assl", "proportional")]
    content = write_comparison(both, tmp_path / "both.html")
    assert [(c["share"], c["split_rule"], c["psp_paper"]) for c in content["cells"]] == [
        ("30 %", "assl", 80.6), ("30 %, proportional", "proportional", None),
    ]  # fmt: skip
    text = (tmp_path / "both.html").read_text()
    numbers = Page(text).tables[0]
    place = numbers[0].index("30 %, proportional")
    theirs = [row for row in numbers[1:] if len(row) > 2 and row[0] != "tiny"]
    assert theirs
    assert {row[place] for row in theirs} == {"–"}
    assert text.count("to the paper</small>") == 1

    content = write_comparison(both[1:], tmp_path / "one.html")
    assert content["published"] == []
    assert "labels drawn by rule assl" in (tmp_path / "one.html").read_text()


def test_no_published_numbers_where_recordings_of_one_performance_are_known(tmp_path):
    known = ["pseudo_labels.weight=1", "pseudo_labels.cameras=other"]
    write_run(tmp_path / "known", ratio="0.3", overrides=known)
    write_run(tmp_path / "usual", ratio="0.3", overrides=known[:1])
    content = write_comparison([read_run(tmp_path / "known")], tmp_path / "known.html")
    assert [(c["psp_paper"], c["comparable"]) for c in content["cells"]] == [(None, False)]
    assert content["published"] == []
    text = (tmp_path / "known.html").read_text()
    assert "they were told which recordings are of one performance" in text
    both = [read_run(tmp_path / name) for name in ("known", "usual")]
    assert write_comparison(both, tmp_path / "both.html")["published"] != []
    numbers = Page((tmp_path / "both.html").read_text()).tables[0]
    place = numbers[0].index("30 %, cameras known")
    theirs = [row for row in numbers[1:] if len(row) > 2 and not row[0].startswith("tiny")]
    assert {row[place] for row in theirs} == {"–"}


def test_accuracy_without_copies_is_a_row_where_there_are_copies(tmp_path):
    for seed, top1 in enumerate((0.7, 0.8)):
        write_run(tmp_path / f"{seed}", ratio="0.3", split_seed=seed, copies=(95, 369, top1))
    write_run(tmp_path / "other", ratio="0.05")
    records = [read_run(tmp_path / name) for name in ("0", "1", "other")]
    content = write_comparison(records, tmp_path / "page.html")
    few, many = content["cells"]
    assert "last_without_copies" not in few["accuracy"]
    assert "under another name" in content["rules"]["last_without_copies"]
    assert content["rules"]["last_without_copies"] in (tmp_path / "page.html").read_text()
    assert many["accuracy"]["last_without_copies"]["mean"] == pytest.approx(75)
    numbers = Page((tmp_path / "page.html").read_text()).tables[0]
    (row,) = [row for row in numbers if "last step, without copies" in row]
    assert row[numbers[0].index("5 %")] == "–"
    assert row[numbers[0].index("30 %")].startswith("75.0 ± 7.1")
    assert ",last_without_copies,75.0," in (tmp_path / "page.csv").read_text()


def test_rules_of_labels_are_lines_of_their_own(tmp_path, monkeypatch):
    drawn, real = [], figures.accuracy_by_ratio
    monkeypatch.setattr(
        figures, "accuracy_by_ratio", lambda lines, title: drawn.extend(lines) or real(lines, title)
    )
    for place, rule in enumerate(("assl", "proportional")):
        write_run(
            tmp_path / "runs" / rule, split_rule=rule, accuracy=(0.5 + 0.1 * place, None, None)
        )
    write_comparison(
        [read_run(tmp_path / "runs" / rule) for rule in ("assl", "proportional")],
        tmp_path / "both.html",
    )
    ours = {line.label: list(line.points.values()) for line in drawn if line.ours}
    assert ours == {
        "tiny: last step": [(pytest.approx(50), None)],
        "tiny, proportional: last step": [(pytest.approx(60), None)],
    }
