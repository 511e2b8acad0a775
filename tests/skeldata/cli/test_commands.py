"""The command line as scripts see it: output, exit codes, one-line errors."""

import json
import random
import re
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner

from skeldata import open_store
from skeldata.cli import main
from skeldata.synth import NTU_DAMAGES, ntu_bytes, write_ntu, write_ucla
from support.help_texts import leaves, options_without_help, shown_examples


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def assert_one_error(result, code, pattern):
    assert result.exit_code == code, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert re.search(pattern, errors[0]), errors[0]
    assert "Traceback" not in result.output


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    path = tmp_path_factory.mktemp("raw") / "ntu.zip"
    write_ntu(path, 12, seed=4, actions=[1, 5])
    return path


def with_broken(raw, target, damage):
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(target, "w") as archive:
        for index, name in enumerate(source.namelist()):
            data = source.read(name)
            archive.writestr(
                name, NTU_DAMAGES[damage](data, random.Random(1)) if index == 5 else data
            )
    return target


def test_prepare_info_and_a_second_run(raw, tmp_path):
    out = tmp_path / "ntu.zarr"
    result = run("prepare", "ntu", "--raw", raw, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}\n"
    assert "NTU RGB+D 60: 12 rows" in result.stderr
    digest = open_store(out).content_digest
    assert digest in result.stderr

    shown = run("info", out)
    assert shown.exit_code == 0
    assert digest in shown.stdout
    assert "12 of 2 x 50 frames x 25 joints x 3" in shown.stdout
    assert json.loads(run("info", out, "--json").stdout)["content_digest"] == digest

    assert_one_error(
        run("prepare", "ntu", "--raw", raw, "--out", out), 2, "already exists; add --overwrite"
    )
    done = run("prepare", "ntu", "--raw", raw, "--out", out, "--resume")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "already complete" in done.stderr
    assert run("prepare", "ntu", "--raw", raw, "--out", out, "--overwrite").exit_code == 0
    assert open_store(out).content_digest == digest


@pytest.mark.parametrize(
    "damage", ["NaN coordinate", "24 joints", "cut in mid-line", "same id twice in a frame"]
)
def test_broken_files_are_told_with_line_and_reason_and_exit_3(raw, tmp_path, damage):
    bad = with_broken(raw, tmp_path / "bad.zip", damage)
    result = run("prepare", "ntu", "--raw", bad, "--out", tmp_path / "o.zarr")
    assert result.exit_code == 3
    assert re.search(r"^rejected: S\d{3}C.*A\d{3}, line \d+: .+$", result.stderr, re.MULTILINE)
    assert len(open_store(tmp_path / "o.zarr")) == 11
    strict = run("prepare", "ntu", "--raw", bad, "--out", tmp_path / "s.zarr", "--strict")
    assert_one_error(strict, 3, r"--strict: 1 files were rejected, nothing is written: S\d{3}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.zip", "o.zarr"]


def test_a_stray_name_that_makes_another_dataset_is_said(raw, tmp_path):
    with zipfile.ZipFile(raw) as archive:
        data = archive.read(archive.namelist()[0])
    stray = tmp_path / "stray" / "S018C001P008R001A061.skeleton"
    stray.parent.mkdir()
    stray.write_bytes(data)
    out = tmp_path / "o.zarr"
    result = run("prepare", "ntu", "--raw", raw, "--raw", stray.parent, "--out", out)
    assert result.exit_code == 0
    assert (
        "note: taken for NTU RGB+D 120 because of 1 of 13 recordings, such as S018" in result.stderr
    )


def test_unusable_sources_exit_4_and_leave_nothing(raw, tmp_path):
    half = tmp_path / "half.zip"
    half.write_bytes(raw.read_bytes()[:-100])
    out = tmp_path / "o.zarr"
    cases = {
        half: "not a complete zip",
        tmp_path / "absent": "no such folder or zip",
        tmp_path: "not a complete zip",
    }
    for source, pattern in cases.items():
        assert_one_error(run("prepare", "ntu", "--raw", source, "--out", out), 4, pattern)
    assert_one_error(run("prepare", "ucla", "--raw", raw, "--out", out), 4, "no ucla recordings")
    assert [path.name for path in tmp_path.iterdir()] == ["half.zip"]


def test_wrong_use_exits_2(raw, tmp_path):
    assert run("prepare", "ntu").exit_code == 2
    assert run("prepare", "nto").exit_code == 2
    assert run("prepare", "ntu", "--raw", raw, "--workers", "0").exit_code == 2
    result = run("prepare", "ntu", "--raw", raw, "--out", tmp_path / "o.zarr", "--recipe", "pps")
    assert_one_error(result, 2, "unknown recipe 'pps'")


def test_ucla_takes_folders(tmp_path):
    write_ucla(tmp_path / "raw", 8, seed=0)
    result = run(
        "prepare", "ucla", "--raw", tmp_path / "raw", "--out", tmp_path / "u.zarr", "--frames", 20
    )
    assert result.exit_code == 0, result.output
    store = open_store(tmp_path / "u.zarr")
    assert (store.dataset.id, store.frames, store.persons) == ("nw-ucla", 20, 1)


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda p: None, "no store at .*; make one with `skeldata prepare`"),
        (lambda p: p.write_text("x"), "is not a zarr store"),
        (lambda p: p.mkdir(), "is not a zarr store"),
        (lambda p: __import__("zarr").create_group(p), "not one that skeldata wrote"),
        (
            lambda p: __import__("zarr").create_group(
                p, attributes={"format": "skeldata", "format_version": 9}
            ),
            "has format 9; this skeldata reads format 1",
        ),
    ],
)
def test_what_is_no_store_is_named(tmp_path, make, pattern):
    make(tmp_path / "s.zarr")
    assert_one_error(run("info", tmp_path / "s.zarr"), 4, pattern)


def test_debug_shows_the_traceback(tmp_path):
    result = run("info", tmp_path / "none.zarr", "--debug")
    assert result.exit_code == 4
    assert "error: no store" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["prepare"], ["prepare", "ntu"], ["prepare", "ucla"], ["info"],
                                       ["splits"], ["splits", "show"], ["splits", "make"],
                                       ["splits", "verify"], ["synth"], ["synth", "ntu"]])  # fmt: skip
def test_every_help_has_text_and_leaves_give_an_example(arguments):
    result = run(*arguments, "--help")
    assert result.exit_code == 0
    assert len(result.stdout) > 100
    if arguments not in (["prepare"], ["splits"], ["synth"]):
        assert "  skeldata " in result.stdout


@pytest.mark.parametrize(("name", "command"), list(leaves(main, "skeldata")))
def test_help_says_something_of_every_option_and_has_an_example(name, command):
    assert options_without_help(command) == []
    assert shown_examples(command, name)


def test_help_needs_no_heavy_import():
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from skeldata.cli import main\n"
        "assert CliRunner().invoke(main, ['prepare', 'ntu', '--help']).exit_code == 0\n"
        "heavy = {'numpy', 'zarr', 'scipy', 'pydantic', 'torch', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_real_processes_print_one_line_and_no_traceback(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "S001C001P001R001A001.skeleton").write_bytes(
        ntu_bytes("S001C001P001R001A001", frames=3)[:-40]
    )
    command = [sys.executable, "-m", "skeldata", "prepare", "ntu", "--raw", "raw"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 4
    assert result.stdout == ""
    assert re.fullmatch(
        r"error: all 1 files were rejected; the first: S001C001P001R001A001, line \d+: .+\n",
        result.stderr,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
