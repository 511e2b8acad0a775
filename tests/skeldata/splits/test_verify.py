"""Verification: silent on what is sound, and a finding for each thing that is not."""

import json

import pytest

from skeldata.datasets import get_dataset
from skeldata.errors import UsageError
from skeldata.splits import draw, examine, list_split, training_names, verify_manifest, write_split
from skeldata.splits.jsonfile import json_lines
from skeldata.splits.listing import list_bytes, names_digest
from skeldata.splits.manifest import Manifest

UCLA = training_names("nw-ucla", "xview")
EVERY = get_dataset("nw-ucla").official_names()


def problems(path, names=None):
    return " / ".join(map(str, verify_manifest(path, names)))


def forge(path, names, **changes):
    """Replace a split's names and make count, digest and per_class agree with them."""
    path.with_suffix(".txt").write_bytes(list_bytes(names))
    content = json.loads(path.read_text())
    content |= {"count": len(names), "digest": names_digest(names)}
    content["per_class"] = list(list_split("nw-ucla", names).per_class)
    path.write_bytes(json_lines(content | changes))


@pytest.mark.parametrize("rule", ["assl", "proportional"])
@pytest.mark.parametrize("names", [None, UCLA[4:]])
def test_a_sound_split_has_no_findings_and_is_drawn_again(tmp_path, rule, names):
    path = write_split(draw("nw-ucla", "xview", "15%", 2, rule, names), tmp_path)
    for what in (path, path.with_suffix(".txt"), tmp_path):
        result = examine(what)
        assert (result.lists, result.redrawn, result.findings) == (1, 1, [])


def test_a_list_from_elsewhere_is_checked_but_not_drawn(tmp_path):
    result = examine(write_split(list_split("nw-ucla", UCLA[:9], "xview"), tmp_path))
    assert (result.lists, result.redrawn, result.findings) == (1, 0, [])
    assert result.own_draws == 0


def test_a_store_s_own_draw_is_repeated_with_its_names(tmp_path):
    own = [n for n in EVERY if n[4:7] in ("s01", "s02", "s03")]
    split = draw("nw-ucla", "xview", "15%", names=training_names("nw-ucla", "xview", own))
    path = write_split(split, tmp_path)
    result = examine(path)
    assert (result.redrawn, result.own_draws, result.findings) == (0, 1, [])
    result = examine(path, own)
    assert (result.redrawn, result.own_draws, result.findings) == (1, 0, [])
    other = [n for n in own if n != split.names[0]]
    found = problems(path, other)
    assert f"lacks 1 labelled names, the first {split.names[0]}" in found
    assert "are not what the rule draws" in found
    assert "base_digest is" in found


def test_a_hand_picked_list_that_calls_the_official_names_a_store_s_is_found(tmp_path):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    forge(path, UCLA[:50], base="store")
    result = examine(path)
    assert (result.redrawn, result.own_draws) == (1, 0)
    found = " / ".join(map(str, result.findings))
    assert f"{path}: base is store, drawn again it is official" in found
    assert "are not what the rule draws, the first" in found


def test_an_empty_list_is_found(tmp_path):
    path = write_split(list_split("nw-ucla", UCLA[:9], "xview"), tmp_path)
    path.with_suffix(".txt").write_bytes(b"")
    nothing = {"count": 0, "digest": names_digest([]), "per_class": [0] * 10}
    path.write_bytes(json_lines(json.loads(path.read_text()) | nothing))
    assert "count is 0: a split labels one name at least" in problems(path)


def test_names_that_a_store_lacks_are_of_the_list(tmp_path):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    path.write_bytes(json_lines(json.loads(path.read_text()) | {"lacking": ["banana"]}))
    assert (
        problems(path) == f"{path}: lacking has 1 names that are not in the list, the first banana"
    )


def test_an_official_draw_against_a_store(tmp_path):
    whole = draw("nw-ucla", "xview", "40%")
    path = write_split(whole, tmp_path)
    assert problems(path, EVERY) == ""
    held = [n for n in EVERY if n != whole.names[7]]
    assert f"lacks 1 labelled names, the first {whole.names[7]}" in problems(path, held)
    noted = draw("nw-ucla", "xview", "40%", names=training_names("nw-ucla", "xview", held))
    assert problems(write_split(noted, tmp_path / "noted"), held) == ""
    assert "base is official, drawn again it is store" in problems(path, EVERY[::2])


def test_a_forged_draw_is_found_although_its_digests_agree(tmp_path):
    split = draw("nw-ucla", "xview", "5%")
    path = write_split(split, tmp_path)
    other = next(n for n in UCLA if n not in split.names and n[:3] == split.names[0][:3])
    forge(path, sorted([other, *split.names[1:]]))
    found = problems(path)
    assert f"1 names that the rule draws are not in the list, the first {split.names[0]}" in found
    assert f"1 names are not what the rule draws, the first {other}" in found
    assert len(verify_manifest(path)) == 2


@pytest.mark.parametrize("changes", [{"seed": 1}, {"ratio": "0.1"}, {"rule": "proportional"}])
def test_terms_that_are_not_those_of_the_names_are_found(tmp_path, changes):
    split = draw("nw-ucla", "xview", "5%")
    path = write_split(split, tmp_path)
    forge(path, split.names, **changes)
    assert "rule draws" in problems(path)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"base_count": 1019}, "base_count is 1019, drawn again it is 1020"),
        ({"base_digest": "0" * 64}, "base_digest is 000"),
        ({"per_class": [6, 4] + [5] * 8}, "per_class is not"),
        ({"speed": 1}, "Extra inputs"),
    ],
)
def test_a_manifest_that_misstates_is_found(tmp_path, changes, what):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    path.write_bytes(json_lines(json.loads(path.read_text()) | changes))
    findings = verify_manifest(path)
    assert [what in f.problem for f in findings] == [True]
    assert findings[0].file == str(path)


def test_a_warning_left_out_is_found(tmp_path):
    split = draw("nw-ucla", "xview", "1")
    assert split.warnings
    path = write_split(split, tmp_path)
    content = json.loads(path.read_text())
    path.write_bytes(json_lines(content | {"warnings": content["warnings"][1:]}))
    assert [f.problem for f in verify_manifest(path)] == [f"lacks the warning: {split.warnings[0]}"]


def test_every_bad_line_is_a_finding_with_its_line(tmp_path):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    listing = path.with_suffix(".txt")
    lines = listing.read_text().splitlines()
    lines[3], lines[8] = "banana", "a01_s01_e00_v03"
    listing.write_text("\n".join(lines) + "\n")
    findings = verify_manifest(path)
    assert [(f.file, f.line) for f in findings[:2]] == [(str(listing), 4), (str(listing), 9)]
    assert str(findings[0]).startswith(f"{listing}, line 4: 'banana'")


def test_unreadable_files_are_findings_and_do_not_stop_the_rest(tmp_path):
    good = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    broken = tmp_path / "broken.json"
    broken.write_text('{"format": "skeldata-split",\n oops')
    gone = write_split(draw("nw-ucla", "xview", "15%"), tmp_path)
    gone.with_suffix(".txt").unlink()
    (tmp_path / "report.json").write_text('{"accuracy": 1}')
    result = examine(tmp_path)
    assert {(f.file, f.line) for f in result.findings} == {
        (str(broken), 2),
        (str(gone.with_suffix(".txt")), None),
    }
    assert result.redrawn == 1
    assert problems(good) == ""
    assert "not a split manifest" in problems(tmp_path / "report.json")


def test_nothing_to_verify_is_a_finding_or_wrong_use(tmp_path):
    assert "no manifest or index" in problems(tmp_path)
    bare = tmp_path / "bare.txt"
    bare.write_bytes(list_bytes(UCLA[:3]))
    assert "a bare list" in problems(bare)
    with pytest.raises(UsageError, match="no such file"):
        verify_manifest(tmp_path / "gone.json")


def test_names_of_another_dataset_are_wrong_use(tmp_path):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    with pytest.raises(UsageError, match="not a sample name of nw-ucla"):
        verify_manifest(path, ["S001C001P001R001A001"])


def test_manifest_of_a_split_is_what_is_written(tmp_path):
    split = draw("nw-ucla", "xview", "5%", names=UCLA[4:])
    path = write_split(split, tmp_path)
    manifest = Manifest.model_validate(json.loads(path.read_text()))
    assert manifest == Manifest.of(split, path.with_suffix(".txt").name)
    assert manifest.split(split.names) == split


def test_a_list_with_two_descriptions_is_compared_with_both_and_counts_once(tmp_path):
    split = draw("nw-ucla", "xview", "5%")
    manifest = write_split(split, tmp_path)
    listing = manifest.with_suffix(".txt")
    entry = {
        "dataset": "nw-ucla", "protocol": "xview", "rule": "assl", "ratio": "0.05", "seed": 0,
        "count": split.count, "digest": split.digest, "file": listing.name,
    }  # fmt: skip
    index = {"format": "skeldata-split-index", "version": 1, "about": "", "names": [],
             "protocols": []}  # fmt: skip
    (tmp_path / "index.json").write_bytes(json_lines(index | {"splits": [entry]}))
    reports = []
    result = examine(tmp_path, report=lambda done, total: reports.append((done, total)))
    assert (result.lists, result.redrawn, result.findings) == (1, 1, [])
    assert reports == [(1, 2), (2, 2)]
    (tmp_path / "index.json").write_bytes(json_lines(index | {"splits": [entry | {"seed": 1}]}))
    assert {f.file for f in examine(tmp_path).findings} == {str(listing)}
    (tmp_path / "index.json").write_bytes(json_lines(index | {"splits": [entry]}))
    manifest.write_bytes(json_lines(json.loads(manifest.read_text()) | {"base_count": 7}))
    assert {f.file for f in examine(tmp_path).findings} == {str(manifest)}


def test_progress_is_reported_behind_each_list(tmp_path):
    for seed in range(3):
        write_split(draw("nw-ucla", "xview", "5%", seed), tmp_path)
    reports = []
    examine(tmp_path, report=lambda *numbers: reports.append(numbers))
    assert reports == [(1, 3), (2, 3), (3, 3)]


def test_absurd_json_is_a_finding(tmp_path):
    for name, text in (("deep", "[" * 100_000), ("long", '{"seed": ' + "9" * 10_000 + "}")):
        path = tmp_path / f"{name}.json"
        path.write_text(text)
        (finding,) = verify_manifest(path)
        assert finding.file == str(path)
        assert "not JSON of a manifest" in finding.problem
