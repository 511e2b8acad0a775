"""``skeldata synth``: a shell around the library."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner

from skeldata.cli.synth import parse_actions, synth
from skeldata.errors import UsageError
from skeldata.synth import ntu_bytes, ucla_bytes
from support import command_line
from support.naive_raw import read_naive_ntu


def run(*arguments):
    return CliRunner().invoke(synth, [str(argument) for argument in arguments])


def test_ntu_writes_what_the_library_writes(tmp_path):
    out = tmp_path / "fake"
    result = run("ntu", "--out", out, "--samples", 2, "--seed", 4, "--actions", "3,7-8")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}\n"
    assert "2 files of 2 actions" in result.stderr
    files = sorted(out.iterdir())
    assert [path.stem[-4:] for path in files] == ["A003", "A007"]
    assert all(path.read_bytes() == ntu_bytes(path.stem, 4) for path in files)


def test_clean_and_dataset_reach_the_writer(tmp_path):
    out = tmp_path / "fake.zip"
    arguments = ("--samples", 2, "--actions", 120, "--dataset", "ntu120", "--clean")
    assert run("ntu", "--out", out, *arguments).exit_code == 0
    with zipfile.ZipFile(out) as archive:
        (first, second) = archive.namelist()
        assert "A120" in first
        for member in (first, second):
            data = archive.read(member)
            assert b"\r" not in data
            assert b"E" not in data
            assert {len(frame) for frame in read_naive_ntu(data).frames} == {2}


def test_ucla_writes_what_the_library_writes(tmp_path):
    out = tmp_path / "fake.zip"
    result = run("ucla", "--out", out, "--samples", 3, "--seed", 1)
    assert result.exit_code == 0, result.output
    assert "3 files of 3 actions" in result.stderr
    with zipfile.ZipFile(out) as archive:
        for member in archive.namelist():
            name = member.removeprefix("all_sqe/").removesuffix(".json")
            assert archive.read(member) == ucla_bytes(name, 1)


def test_wrong_use_is_one_line_and_exit_code_2(tmp_path):
    (tmp_path / "fake.zip").write_bytes(b"mine")
    for arguments in (
        ("ntu", "--out", tmp_path / "fake.zip", "--samples", 1),
        ("ntu", "--out", tmp_path / "new", "--samples", 1, "--actions", "61"),
        ("ntu", "--out", tmp_path / "new", "--samples", 1, "--actions", "x"),
        ("ucla", "--out", tmp_path / "new", "--samples", 2000),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["fake.zip"]


@pytest.mark.parametrize("kind", ["ntu", "ucla"])
def test_an_output_below_a_file_is_one_line_and_exit_code_4(tmp_path, kind):
    (tmp_path / "file").write_bytes(b"mine")
    result = command_line.run(synth, kind, "--out", tmp_path / "file" / "x", "--samples", 2)
    command_line.assert_one_error(result, 4, f"cannot write {tmp_path}/file/x: ")


@pytest.mark.parametrize("text", ["", "1,,2", "a", "5-", "-5", "9-5", "0", "1.5", "1-1000", "²"])
def test_unreadable_lists_of_actions_are_refused(text):
    with pytest.raises(UsageError, match="--actions"):
        parse_actions(text)


def test_lists_of_actions():
    assert parse_actions(None) is None
    assert parse_actions(" 9, 5-7 ,6") == [5, 6, 7, 9]


def test_help_shows_an_example_and_loads_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from skeldata.cli.synth import synth\n"
        "for name in ('ntu', 'ucla'):\n"
        "    result = CliRunner().invoke(synth, [name, '--help'])\n"
        "    assert f'  skeldata synth {name} --out' in result.output, result.output\n"
        "print(sorted({'numpy', 'scipy', 'zarr', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
