"""``skeldata splits``: what is printed where, and the exit codes."""

import hashlib
import json
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from skeldata.cli.splits import common, splits
from skeldata.splits import draw, import_list, published, read_manifest, training_names, write_split
from skeldata.splits.listing import list_bytes
from support import command_line

UCLA = training_names("nw-ucla", "xview")


def run(*arguments):
    return CliRunner().invoke(splits, [str(a) for a in arguments])


@pytest.fixture
def store(monkeypatch, tmp_path):
    """A store of 30 samples, 20 of them for training, as far as this command looks into one."""
    names = tuple(
        f"a{action:02}_s01_e{episode:02}_v{view:02}"
        for action in (1, 12) for episode in range(5) for view in (1, 2, 3)
    )  # fmt: skip
    opened = SimpleNamespace(dataset=SimpleNamespace(id="nw-ucla"), names=names)
    monkeypatch.setattr("skeldata.store.open_store", lambda path: opened)
    return tmp_path / "small.zarr"


def test_show_prints_the_list_itself():
    result = run("show", "--dataset", "nw-ucla", "--protocol", "xview", "--ratio", "0.05")
    split = draw("nw-ucla", "xview", "0.05")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == list(split.names)
    assert hashlib.sha256(result.stdout.encode()).hexdigest() == split.digest


def test_show_digest_json_seed_and_rule():
    base = ("show", "--dataset", "ntu60", "--protocol", "xview", "--ratio", "1%", "--seed", 3)
    split = draw("ntu60", "xview", "1%", 3, "proportional")
    assert run(*base, "--rule", "proportional", "--digest").stdout == f"{split.digest}\n"
    content = json.loads(run(*base, "--rule", "proportional", "--json").stdout)
    assert content["names"] == list(split.names)
    assert (content["digest"], content["ratio"], content["count"]) == (split.digest, "0.01", 360)
    assert run(*base, "--digest").stdout == f"{draw('ntu60', 'xview', '1%', 3).digest}\n"


def test_the_protocol_may_be_left_out_only_where_there_is_one():
    assert run("show", "--dataset", "nw-ucla", "--ratio", "5%").exit_code == 0
    result = run("show", "--dataset", "ntu60", "--ratio", "5%")
    assert result.exit_code == 2
    assert "xsub, xview" in result.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ("--ratio", "5"), ("--ratio", "1e-2"), ("--ratio", "5%", "--protocol", "xsub"),
        ("--ratio", "5%", "--seed", "-1"), ("--ratio", "5%", "--rule", "random"),
        ("--ratio", "5%", "--dataset", "ucla"), (),
    ],
)  # fmt: skip
def test_wrong_use_is_exit_code_2(wrong):
    result = run("show", "--dataset", "nw-ucla", *wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


def test_warnings_go_to_standard_error():
    result = run("show", "--dataset", "ntu60", "--protocol", "xsub", "--ratio", "1", "--digest")
    assert result.exit_code == 0
    assert result.stdout == f"{draw('ntu60', 'xsub', 1).digest}\n"
    assert "warning: class 54" in result.stderr


def test_make_writes_every_ratio_and_seed(tmp_path):
    result = run(
        "make", "--dataset", "nw-ucla", "--ratio", "5%,0.15,0.050", "--seeds", "0-1,4",
        "--out", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0
    wanted = {
        draw("nw-ucla", "xview", ratio, seed) for ratio in ("5%", "15%") for seed in (0, 1, 4)
    }
    assert {read_manifest(path) for path in tmp_path.glob("*.json")} == wanted
    assert len(result.stdout.splitlines()) == len(wanted) == 6
    assert all(split.digest in result.stdout for split in wanted)


def test_make_for_a_store_draws_from_its_training_names(tmp_path, store):
    out = tmp_path / "out"
    result = run("make", "--store", store, "--ratio", "20%", "--out", out, "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    split = read_manifest(row["file"])
    train = [f"a{a}_s01_e{e:02}_v0{v}" for a in ("01", "12") for e in range(5) for v in (1, 2)]
    assert split == draw("nw-ucla", "xview", "20%", names=train)
    assert (split.base, split.base_count, row["count"]) == ("store", 20, split.count)
    assert run("verify", row["file"], "--store", store).exit_code == 0
    assert (
        "note: drawn from the store's own 20 training names, less than 99 % of the 1,020 official ones\n"
    ) in result.stderr


def test_verify_says_what_only_the_store_can_draw_again(tmp_path, store):
    out = tmp_path / "out"
    run("make", "--store", store, "--ratio", "20%", "--seeds", "0-1", "--out", out)
    told = "note: 2 lists drawn from a store's own names, not drawn again: give that store with --store"
    result = run("verify", out)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == ["2 lists verified, 0 drawn again, 0 findings", told]
    assert json.loads(run("verify", out, "--json").stdout)["own_draws"] == 2
    assert "note: " not in run("verify", out, "--store", store).stderr


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_place_of_the_folder_is_one_line_and_exit_4(tmp_path, below):
    file = tmp_path / "file.txt"
    file.write_text("\n".join(UCLA[:20]))
    for arguments in (
        ("make", "--dataset", "nw-ucla", "--ratio", "5%"),
        ("import", file, "--source", "a lab"),
        ("import", file, "--source", "a lab", "--name", "ours"),
    ):
        result = command_line.run(splits, *arguments, "--out", file / below)
        command_line.assert_one_error(result, 4, f"cannot write {file}")


@pytest.mark.parametrize("file", ["a\0b", "a\x1b[2Jb"])
@pytest.mark.parametrize("command", ["verify", "balance"])
def test_a_list_whose_name_no_file_can_have_is_told(tmp_path, command, file):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"file": file}))
    result = command_line.run(splits, command, path)
    assert result.exit_code == 4
    assert f"file {file!r} has control characters" in result.output
    assert "Traceback" not in result.output


def test_make_for_a_store_of_the_whole_set_says_that_the_official_list_was_drawn_from(
    tmp_path, monkeypatch
):
    official = training_names("nw-ucla", "xview")
    module = sys.modules["skeldata.cli.splits.draw"]
    told = {
        1010: "drawn from the official 1,020 training names, of which the store holds 99 % or more",
        1009: "drawn from the store's own 1,009 training names, less than 99 % of the 1,020 official",
    }
    for count, text in told.items():
        monkeypatch.setattr(module, "stored", lambda path, n=count: ("nw-ucla", official[:n]))
        result = run("make", "--store", "x", "--ratio", "5%", "--out", tmp_path)
        assert result.exit_code == 0
        assert f"note: {text}" in result.stderr


def test_a_share_that_whole_clips_cannot_be_is_told_once(tmp_path, store):
    made = run("make", "--store", store, "--ratio", "5%", "--seeds", "0-2", "--out", tmp_path)
    told = (
        "1 labelled clip a class: 2 of 20 training clips are labelled, 10 %, not the 5 % asked for"
    )
    assert made.stderr.count(f"note: {told}\n") == 1
    shown = run("show", "--dataset", "nw-ucla", "--ratio", "0.3%")
    assert "note: 1 labelled clip a class: 10 of 1,020 " in shown.stderr
    assert "note: " not in run("show", "--dataset", "nw-ucla", "--ratio", "5%").stderr


def test_make_needs_a_dataset_and_one_that_is_the_store_s(tmp_path, store):
    assert run("make", "--ratio", "5%", "--out", tmp_path).exit_code == 2
    result = run("make", "--store", store, "--dataset", "ntu60", "--ratio", "5%", "--out", tmp_path)
    assert result.exit_code == 2
    assert "is a store of nw-ucla, not of ntu60" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_verify_says_what_is_wrong_and_exits_with_4(tmp_path):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    sound = run("verify", path)
    assert (sound.exit_code, sound.stdout) == (0, "")
    assert "1 list verified, 1 drawn again, 0 findings" in sound.stderr
    path.with_suffix(".txt").write_bytes(list_bytes(UCLA[:50]))
    result = run("verify", tmp_path)
    assert result.exit_code == 4
    lines = result.stdout.splitlines()
    assert len(lines) > 1
    assert all(line.startswith(str(tmp_path)) for line in lines)
    assert any("digest is" in line for line in lines)
    content = json.loads(run("verify", tmp_path, "--json").stdout)
    assert [f"{f['file']}: {f['problem']}" for f in content["findings"]] == lines
    assert run("verify", tmp_path / "gone").exit_code == 2


def test_compare(tmp_path):
    small, large = (write_split(draw("nw-ucla", "xview", r), tmp_path) for r in ("5%", "15%"))
    result = run("compare", small, large)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    splits = {"A": draw("nw-ucla", "xview", "5%"), "B": draw("nw-ucla", "xview", "15%")}
    assert lines[:4] == [
        *(f"{s}: {x.title} ({x.count} names)  {x.digest}" for s, x in splits.items()),
        "ratio: 0.05 in A, 0.15 in B",
        "names: 0 only in A, 100 only in B, 50 in both",
    ]
    assert lines[-2] == "  class 9 (carry): 0 only in A, 10 only in B, 5 in both"
    assert lines[-1] == "different: A is part of B"
    assert run("compare", small, large).stdout == result.stdout
    assert run("compare", small, small).stdout.splitlines()[-1] == "the same split"
    assert run("compare", small, large, "--exit-code").exit_code == 4
    assert run("compare", small, small, "--exit-code").exit_code == 0


def test_compare_with_a_bare_list_as_json(tmp_path):
    ours = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("\r\n".join(UCLA[10:12]))
    assert run("compare", theirs, theirs).exit_code == 4  # neither says its dataset
    assert run("compare", theirs, theirs, "--dataset", "nw-ucla").exit_code == 0
    assert run("compare", ours, theirs, "--dataset", "ntu60").exit_code == 4
    found = json.loads(run("compare", ours, theirs, "--json").stdout)
    assert set(found["only_a"]) == set(draw("nw-ucla", "xview", "5%").names) - set(UCLA[10:12])
    assert set(found["only_b"]) | set(found["both"]) == set(UCLA[10:12])
    assert found["identical"] is False


def test_compare_prints_the_names_that_differ_if_asked(tmp_path):
    a, b = (write_split(draw("nw-ucla", "xview", "5%", seed), tmp_path) for seed in (0, 1))
    plain = run("compare", a, b).stdout.splitlines()
    lines = run("compare", a, b, "--names").stdout.splitlines()
    one, other = ({*draw("nw-ucla", "xview", "5%", seed).names} for seed in (0, 1))
    names = [*(f"  A {n}" for n in sorted(one - other)), *(f"  B {n}" for n in sorted(other - one))]
    assert lines == [*plain[:-1], *names, plain[-1]]


def test_compare_with_a_published_list(tmp_path):
    ours = write_split(draw("ntu60", "xsub", "5%"), tmp_path)
    lines = run("compare", ours, "x-car").stdout.splitlines()
    assert lines[1] == f"B: ntu60 xsub list of 1,980  {published('x-car').digest}"
    assert published("x-car").source in lines[2]
    assert lines[3] == "rule: assl in A, list in B"
    content = json.loads(run("compare", ours, "x-car", "--json").stdout)
    assert content["differ"] == {"rule": ["assl", "list"]}
    assert (content["a"]["seed"], content["b"]["digest"]) == (0, published("x-car").digest)
    assert len(content["only_b"]) + len(content["both"]) == 1980


def test_show_prints_a_published_list_and_its_credit():
    result = run("show", "--published", "x-car")
    assert hashlib.sha256(result.stdout.encode()).hexdigest() == published("x-car").digest
    assert published("x-car").credit in result.stderr
    assert (
        run("show", "--published", "x-car", "--digest").stdout == f"{published('x-car').digest}\n"
    )
    content = json.loads(run("show", "--published", "x-car", "--json").stdout)
    assert content["names"] == list(published("x-car").names)
    assert content["credit"] == published("x-car").credit
    assert "there is: x-car" in run("show", "--published", "psp").stderr
    for wrong in (("--seed", "0"), ("--dataset", "ntu60", "--ratio", "5%")):
        result = run("show", "--published", "x-car", *wrong)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"has no {', '.join(w for w in wrong if w[:2] == '--')}" in result.stderr


def test_import_writes_a_manifest(tmp_path):
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("\r\n".join(["name;label", *(f"x/{n}.json;1" for n in UCLA[:500:10])]))
    terms = ("--source", "a lab", "--credit", "A. Author", "--name", "theirs")
    result = run("import", theirs, "-o", tmp_path / "out", *terms)
    path = tmp_path / "out" / "theirs.json"
    split = read_manifest(path)
    assert split == import_list(theirs, source="a lab", credit="A. Author")
    assert split.names == UCLA[:500:10]
    assert (result.exit_code, result.stdout) == (0, f"{path}  50 names  {split.digest}\n")
    low, high = min(split.per_class), max(split.per_class)
    assert result.stderr.splitlines() == [
        "dataset nw-ucla, found from the names",
        *(f"warning: {w}" for w in split.warnings),
        f"nw-ucla xview list of 50, {low} to {high} per class",
    ]
    content = json.loads(run("import", theirs, "-o", tmp_path / "out", *terms, "--json").stdout)
    assert (content["file"], content["digest"]) == (str(path), split.digest)
    assert content["source"] == "a lab"
    assert run("verify", path).exit_code == 0


def test_import_names_every_fault_and_writes_nothing(tmp_path):
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("\n".join([*UCLA[:3], *(["banana"] * 25)]))
    result = run("import", theirs, "-o", tmp_path / "out", "--source", "a lab")
    assert (result.exit_code, result.stdout) == (4, "")
    lines = result.stderr.splitlines()
    assert [line for line in lines if line.startswith(f"{theirs}, line ")] == lines[1:21]
    assert lines[1].startswith(f"{theirs}, line 4: 'banana' is not a sample name of nw-ucla")
    assert lines[21:] == ["... and 5 more", f"25 faults in {theirs}; nothing was written"]
    assert not (tmp_path / "out").exists()
    assert run("import", theirs, "-o", tmp_path / "out").exit_code == 2  # no source
    gone = run("import", tmp_path / "gone.txt", "-o", tmp_path, "--source", "a lab")
    assert gone.exit_code == 4
    assert "cannot read the list" in gone.stderr


def test_verify_shows_progress_only_where_it_takes_long(tmp_path, monkeypatch):
    run("make", "--dataset", "nw-ucla", "--ratio", "5%", "--seeds", "0-3", "--out", tmp_path)
    summary = ["4 lists verified, 4 drawn again, 0 findings"]
    monkeypatch.setattr(common, "SHOWN_AFTER", 3600.0)
    assert run("verify", tmp_path).stderr.splitlines() == summary
    monkeypatch.setattr(common, "SHOWN_AFTER", 0.0)
    progress, *rest = run("verify", tmp_path).stderr.splitlines()
    assert progress.startswith("verifying: 4/4 lists, ")
    assert rest == summary
