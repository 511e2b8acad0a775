"""The published folder: up to date, consistent, and drawn again from SCHEMA.md alone."""

import collections
import gzip
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from skeldata.datasets import get_dataset
from skeldata.splits import (
    balance,
    draw,
    examine,
    names_digest,
    published,
    read_index,
    read_manifest,
    training_names,
    verify_manifest,
)

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "data_manifests"
TOOL = ROOT / "tools" / "make_manifests.py"
SCHEMA = (FOLDER / "SCHEMA.md").read_text(encoding="utf-8")
X_CAR = "ntu60/xsub/published/x-car-ntu60-xsub-5pct"
INDEX = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("make_manifests", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated(tool):
    """What the tool would write, made once."""
    return tool.wanted_files(FOLDER)


def fences(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", SCHEMA, re.DOTALL | re.MULTILINE)


def test_the_folder_is_what_the_tool_generates(tool, generated):
    assert tool.differences(FOLDER, generated) == {}


def test_the_tool_finds_and_repairs_every_difference(
    tool, generated, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(tool, "wanted_files", lambda folder: generated)
    folder = tmp_path / "data_manifests"
    shutil.copytree(FOLDER, folder)
    lost, changed, extra = "ntu60/missing.txt", "nw-ucla/xview/assl/ratio0.3-seed2.txt", "x/y.txt"
    (folder / lost).unlink()
    (folder / changed).write_bytes((folder / changed).read_bytes()[16:])
    (folder / "x").mkdir()
    (folder / extra).write_text("a01_s01_e00_v01\n")
    assert tool.main(["--check", "--folder", str(folder)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"data_manifests/{lost}: missing",
        f"data_manifests/{changed}: different",
        f"data_manifests/{extra}: not generated",
    ]
    assert not (folder / lost).exists()
    assert tool.main(["--folder", str(folder)]) == 0
    capsys.readouterr()
    assert tool.main(["--check", "--folder", str(folder)]) == 0
    assert capsys.readouterr().out == ""


def test_another_packing_of_the_same_names_is_no_difference(tool, tmp_path):
    path, data = tmp_path / "names.txt.gz", b"a\nb\n"
    fresh = tool.stored_bytes(path, data)
    assert gzip.decompress(fresh) == data
    assert fresh == tool.stored_bytes(path, data)
    path.write_bytes(other := gzip.compress(data, compresslevel=1, mtime=7))
    assert tool.stored_bytes(path, data) == other != fresh
    path.write_bytes(other[:-3])
    assert tool.stored_bytes(path, data) == fresh


def test_sha256sum_checks_every_file():
    sums = dict(
        reversed(line.split("  ")) for line in (FOLDER / "SHA256SUMS").read_text().splitlines()
    )
    files = {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*") if p.is_file()}
    assert set(sums) == files - {"SHA256SUMS", "SCHEMA.md", ".gitattributes"}
    for file, digest in sums.items():
        assert hashlib.sha256((FOLDER / file).read_bytes()).hexdigest() == digest
    for entry in INDEX["splits"]:
        assert sums[entry["file"]] == entry["digest"]


def test_the_index_verifies_and_every_list_is_drawn_again():
    result = examine(FOLDER)
    assert (result.findings, result.lists, result.redrawn) == ([], 101, 100)


@pytest.fixture
def ucla(tmp_path):
    """A copy of the NW-UCLA part of the folder, and a way to write its index again."""
    shutil.copytree(FOLDER / "nw-ucla", tmp_path / "nw-ucla")
    arrays = ("names", "protocols", "splits")
    index = INDEX | {k: [e for e in INDEX[k] if e["dataset"] == "nw-ucla"] for k in arrays}

    def write(**changes):
        (tmp_path / "index.json").write_text(json.dumps(index | changes))
        return index

    write()
    return tmp_path, write


def test_what_an_index_says_of_the_official_lists_is_verified(ucla):
    folder, write = ucla
    assert examine(folder).findings == []
    index = write()
    for key, changes, what in (
        ("names", {"count": 1483}, "not the official list's"),
        ("names", {"digest": "0" * 64}, "not the official list's"),
        ("protocols", {"train": 1018, "test": 476}, "not the official ones"),
        ("protocols", {"test_digest": "0" * 64}, "not the official ones"),
    ):
        write(**{key: [index[key][0] | changes, *index[key][1:]]})
        (finding,) = examine(folder).findings
        assert finding.file == str(folder / "index.json")
        assert what in finding.problem


def test_a_changed_or_unlisted_list_below_an_index_is_found(ucla):
    folder, _ = ucla
    names, unlisted = folder / "nw-ucla/names.txt", folder / "nw-ucla/extra.txt"
    names.write_bytes(names.read_bytes()[16:])
    unlisted.write_text("a01_s01_e00_v01\n")
    assert {(f.file, f.problem) for f in examine(folder).findings} == {
        (str(names), "not the official names list of nw-ucla"),
        (str(unlisted), "not listed in index.json"),
    }
    (folder / "nw-ucla/missing.txt").unlink()
    assert any("cannot read" in f.problem for f in examine(folder).findings)


def test_a_lost_or_forged_list_below_an_index_is_found(ucla):
    folder, _ = ucla
    lost, forged = (folder / f"nw-ucla/xview/assl/ratio0.05-seed{seed}.txt" for seed in (0, 1))
    forged.write_bytes(lost.read_bytes())
    lost.unlink()
    result = examine(folder / "index.json")
    found = {
        file: [f.problem for f in result.findings if f.file == str(file)] for file in (lost, forged)
    }
    assert len(found[lost]) == 1
    assert "cannot read" in found[lost][0]
    assert any("digest is" in problem for problem in found[forged])
    assert any("not what the rule draws" in problem for problem in found[forged])
    assert result.redrawn == 19


def test_one_list_is_read_by_its_path_or_from_the_index():
    path = FOLDER / "ntu60/xview/assl/ratio0.2-seed3.txt"
    split = read_manifest(path, dataset="ntu60", protocol="xview")
    assert split == draw("ntu60", "xview", "20%", 3)
    assert examine(path).redrawn == 1
    ours = {
        (s.dataset, s.protocol, str(s.ratio), s.seed): s for s in read_index(FOLDER / "index.json")
    }
    assert len(ours) == 101
    assert ours.pop(("ntu60", "xsub", "None", None)) == published("x-car")
    assert ours["ntu60", "xview", "0.2", 3] == split


def test_the_published_list_is_one_list_in_the_package_and_here():
    listing, manifest = FOLDER / f"{X_CAR}.txt", FOLDER / f"{X_CAR}.json"
    for path in (listing, manifest):
        assert read_manifest(path) == published("x-car")
        assert verify_manifest(path) == []
    (entry,) = (e for e in INDEX["splits"] if e["file"] == f"{X_CAR}.txt")
    content = json.loads(manifest.read_text())
    for key in ("digest", "source", "credit"):
        assert entry[key] == content[key]
    assert "X-CAR" in content["credit"]
    assert "1xbq1/X-CAR" in content["source"]


def test_counts_are_those_of_the_datasets():
    def listed(kind):
        return {e["dataset"]: e["count"] for e in INDEX["names"] if e["kind"] == kind}

    assert listed("names") == {"ntu60": 56578, "ntu120": 113945, "nw-ucla": 1484}
    assert listed("missing") == {"ntu60": 302, "ntu120": 535, "nw-ucla": 0}
    parts = {(e["dataset"], e["protocol"]): (e["train"], e["test"]) for e in INDEX["protocols"]}
    assert parts == {
        ("ntu60", "xsub"): (40091, 16487),
        ("ntu60", "xview"): (37646, 18932),
        ("ntu120", "xsub"): (63026, 50919),
        ("ntu120", "xset"): (54468, 59477),
        ("nw-ucla", "xview"): (1020, 464),
    }
    for entry in INDEX["names"]:
        data = (FOLDER / entry["file"]).read_bytes()
        data = gzip.decompress(data) if entry["file"].endswith(".gz") else data
        names = data.decode().split()
        assert len(names) == len(set(names)) == entry["count"]
        assert hashlib.sha256(data).hexdigest() == names_digest(names) == entry["digest"]


def test_the_index_lists_every_seed_and_ratio():
    for protocol in INDEX["protocols"]:
        ratios = ("0.05", "0.15", "0.3", "0.4") if protocol["dataset"] == "nw-ucla" else (
            "0.05", "0.1", "0.2", "0.4")  # fmt: skip
        found = [
            (e["ratio"], e["seed"])
            for e in INDEX["splits"]
            if (e["dataset"], e["protocol"]) == (protocol["dataset"], protocol["protocol"])
            and e["rule"] == "assl"
        ]
        assert found == [(ratio, seed) for ratio in ratios for seed in range(5)]
    assert [e["file"] for e in INDEX["splits"] if e["rule"] != "assl"] == [f"{X_CAR}.txt"]


# -- SCHEMA.md -------------------------------------------------------------------------------------


def test_the_table_of_the_schema_states_the_true_counts():
    rows = [
        [c.strip() for c in r.split("|")[1:-1]] for r in SCHEMA.splitlines() if r.startswith("| ")
    ]
    stated, dataset = {}, ""
    for row in (row for row in rows if len(row) == 13 and row[3].startswith("`")):
        dataset = row[0].strip("`") or dataset
        stated[dataset, row[3].strip("`")] = row
    assert len(stated) == len(INDEX["protocols"])
    for part in INDEX["protocols"]:
        row = stated[part["dataset"], part["protocol"]]
        assert [row[4], row[5]] == [f"{part['train']:,}", f"{part['test']:,}"]
        for ratio, cell in zip(("5%", "10%", "15%", "20%", "30%", "40%"), row[7:], strict=True):
            counts = set(draw(part["dataset"], part["protocol"], ratio).per_class)
            assert cell == "" or {int(cell)} == counts


def test_the_worked_example_of_the_schema_is_true():
    rows = re.findall(r"^\| (\d) \| `([0-9a-f]{64})` \| `(\w+)` \| (labelled)? ?\|$", SCHEMA, re.M)
    assert [int(place) for place, *_ in rows] == list(range(1, 8))
    members = [n for n in training_names("nw-ucla", "xview") if n.startswith("a01")]
    assert len(members) == 102

    def key(name):
        return hashlib.sha256(f"skeldata-split/1|nw-ucla|xview|0|{name}".encode()).hexdigest()

    assert [name for *_, name, _ in rows] == sorted(members, key=key)[:7]
    assert [digest for _, digest, *_ in rows] == [key(name) for *_, name, _ in rows]
    labelled = [name for *_, name, mark in rows if mark]
    split = read_manifest(FOLDER / "nw-ucla/xview/assl/ratio0.05-seed0.txt")
    assert sorted(labelled) == [name for name in split.names if name.startswith("a01")]
    assert f"`{split.digest}`" in SCHEMA
    assert f"(seed 0: {split.digest[:8]})" in SCHEMA


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="the shell program needs sha256sum")
def test_the_shell_programs_of_the_schema_run():
    one_key, whole = fences("sh")
    found = subprocess.run(
        ["sh", "-c", one_key], cwd=FOLDER, capture_output=True, text=True, check=True
    )
    assert found.stdout.split()[0] in SCHEMA.replace(one_key, "")
    found = subprocess.run(["sh", "-c", whole], cwd=FOLDER, capture_output=True, check=True)
    assert found.stdout == (FOLDER / "nw-ucla/xview/assl/ratio0.05-seed0.txt").read_bytes()
    assert len(whole.splitlines()) <= 10


def test_the_python_program_of_the_schema_runs_without_the_package():
    (program,) = fences("python")
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], cwd=FOLDER, capture_output=True, check=True
    )
    assert found.stdout == (FOLDER / "ntu60/xview/assl/ratio0.2-seed3.txt").read_bytes()
    assert len(program.splitlines()) <= 10


# -- what SCHEMA.md says of counts and of the published list ---------------------------------------

PROSE = " ".join(SCHEMA.split())


def test_what_the_schema_says_of_assl_beyond_its_cases_is_true():
    def per_class(ratio):
        return max(draw("ntu60", "xsub", ratio).per_class)

    whole = draw("ntu60", "xsub", 1)
    least = min(whole.per_class)
    assert f"has {per_class('40%')} per class at 40 % and {per_class('39.9%')} at 39.9 %" in PROSE
    assert (
        f"20 x 33 = {per_class(1)} per class there, {whole.count:,} of {whole.base_count:,} names "
        f"(one class has only {least}), and 99.9 % is {per_class('99.9%')} per class"
    ) in PROSE
    assert [count for count in whole.per_class if count != per_class(1)] == [least]


def test_what_the_schema_says_of_rounding_is_true():
    totals, even, halves = {}, {}, {}
    for protocol in ("xsub", "xview"):
        counts = collections.Counter(n[-4:] for n in training_names("ntu60", protocol))
        for percent in (1, 5, 10, 20, 40):
            where = protocol, percent
            totals[where] = draw("ntu60", protocol, f"{percent}%", rule="proportional").count
            even[where] = sum(round(Fraction(percent * n, 100)) for n in counts.values())
            halves[where] = [n for n in counts.values() if percent * n % 100 == 50]
    said = [f"{even['xsub', 10]:,} names of `xsub` and {even['xview', 10]:,} of `xview`"]
    said.append(f"we label {totals['xsub', 10]:,} and {totals['xview', 10]:,}")
    said += [
        f"{', '.join(f'{totals[protocol, p]:,}' for p in (1, 5, 20))} and {totals[protocol, 40]:,} {of}"
        for protocol, of in (("xsub", "names of `xsub`"), ("xview", "of `xview`"))
    ]
    for text in said:
        assert text in PROSE
    assert [w for w in totals if totals[w] != even[w]] == [("xsub", 10), ("xview", 10)]
    assert (halves["xsub", 10], halves["xview", 10]) == ([665] * 2, [625] * 4)
    assert "two classes of 665 names and four of 625" in PROSE


def test_what_the_schema_says_of_the_published_list_is_true():
    split = published("x-car")
    chosen, places, sizes = set(split.names), set(), []
    members = collections.defaultdict(list)
    for name in sorted(training_names("ntu60", "xsub")):
        members[name[-4:]].append(name)
    for names in members.values():
        places.add(tuple(place for place, name in enumerate(names) if name in chosen))
        sizes.append(len(names))
    (shared,) = places
    assert set(split.per_class) == {len(shared)} == {33}
    assert chosen <= {name for names in members.values() for name in names}
    assert not chosen & get_dataset("ntu60").missing_names()
    assert (
        f"from place {shared[0]} to place {shared[-1]} (counted from 0), though classes have "
        f"{min(sizes)} to {max(sizes)} names"
    ) in PROSE
    empty = {
        factor: [str(cell.value) for cell in cells if not cell.labelled]
        for factor, cells in balance(split).factors.items()
    }
    for factor in ("subject", "setup"):
        *most, last = empty.pop(factor)
        assert f"the {factor}s {', '.join(most)} and {last}" in PROSE
    assert not any(empty.values())
