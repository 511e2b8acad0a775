import json

import pytest

from pspmodel.cli.robustness import robustness
from support.command_line import assert_one_error
from support.command_line import run as run_command
from support.small_run import trained_run


def run(*arguments):
    return run_command(robustness, *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, ntu_store_path):
    return trained_run(tmp_path_factory.mktemp("runs") / "run", ntu_store_path)


def test_a_table_a_picture_and_json(tmp_path, folder):
    picture, file = tmp_path / "new" / "a.svg", tmp_path / "new" / "a.json"
    asked = (folder, "--lost", "0-2,8", "--draws", "2", "--device", "cpu")
    result = run(*asked, "-o", picture, "-o", file)
    assert result.exit_code == 0, result.output
    assert "losing joints: 7/7 passes" in result.stderr
    content = json.loads(file.read_text())
    accuracy = content["runs"][0]["accuracy"]
    assert [each["lost"] for each in accuracy] == [0, 1, 2, 8]
    assert [each["draws"] for each in accuracy] == [1, 2, 2, 2]
    title, heads, row = result.stdout.splitlines()
    assert title.startswith(f"top-1 on {content['clips']} test clips without some of 25 joints; 2")
    assert heads.split() == ["lost", "joints", "0", "1", "2", "8"]
    assert row.split()[:2] == ["run", f"{100 * accuracy[0]['top1']['mean']:.1f}"]
    assert row.count("±") == 3
    assert "<svg" in picture.read_text()
    assert json.loads(run(*asked, "--json").stdout) == content


def test_equal_names_are_told_apart(tmp_path, folder, ntu_store_path):
    other = trained_run(tmp_path / "run", ntu_store_path, seed=1)
    result = run(folder, other, "--lost", "3", "--draws", "1", "--checkpoint", "held_out_best")
    assert result.exit_code == 0, result.output
    rows = result.stdout.splitlines()[2:]
    assert [row.split()[0] for row in rows] == [f"{f.parent.name}/run" for f in (folder, other)]
    assert "±" not in result.stdout


def test_wrong_requests_are_one_line(tmp_path, folder):
    assert_one_error(run(folder, "--lost", "1,x"), 2, "'1,x' is not a list of numbers")
    assert_one_error(run(folder, "--lost", "3-1"), 2, "'3-1' is not a list of numbers")
    assert_one_error(run(folder, "--lost", "25"), 2, "cannot lose 25 of 25 joints")
    assert_one_error(run(folder, "-o", tmp_path / "a.gif"), 2, "end its name in one of .png")
    assert_one_error(run(tmp_path / "none"), 4, "no run at")
    assert run().exit_code == 2
