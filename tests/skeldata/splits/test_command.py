"""``skeldata splits``: what is printed where, and the exit codes."""

import hashlib
import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from skeldata.cli.splits import splits
from skeldata.splits import draw, read_manifest, training_names, write_split
from skeldata.splits.listing import list_bytes

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
    assert "only in A 0, only in B 100, in both 50: different" in result.stdout
    assert "class   9 (carry): only in A 0, only in B 10, in both 5" in result.stdout
    assert "identical" in run("compare", small, small).stdout
    assert run("compare", small, large, "--exit-code").exit_code == 4
    assert run("compare", small, small, "--exit-code").exit_code == 0


def test_compare_with_a_bare_list_as_json(tmp_path):
    ours = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("\r\n".join(UCLA[10:12]))
    assert run("compare", ours, theirs).exit_code == 4  # its dataset is not said
    found = json.loads(run("compare", ours, theirs, "--dataset", "nw-ucla", "--json").stdout)
    assert set(found["only_a"]) == set(draw("nw-ucla", "xview", "5%").names) - set(UCLA[10:12])
    assert set(found["only_b"]) | set(found["both"]) == set(UCLA[10:12])
    assert found["identical"] is False
