import json

import numpy as np
import pytest

from pspmodel.cli.fuse import fuse
from pspmodel.evaluate.scores import Scores, save_scores
from support.command_line import assert_one_error
from support.command_line import run as run_command
from support.fake_runs import write_run


def run(*arguments):
    return run_command(fuse, *arguments)


@pytest.fixture
def folders(tmp_path):
    found = []
    for name, logits in (("joint", [[3, 0], [0, 1]]), ("bone", [[0, 1], [1, 0]])):
        folder = write_run(tmp_path / name)
        scores = Scores(np.array(logits, dtype=np.float32), np.array([0, 0]))
        save_scores(folder / "scores.npz", ["a", "b"], scores)
        found.append(folder)
    return found


def test_a_table_of_each_and_of_all(folders):
    result = run(*folders, "--weights", "1,2")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "2 test clips, weights of the last step",
        "                weight   top-1   top-5",
        "joint                1   50.0%  100.0%",
        "bone                 2   50.0%  100.0%",
        "fused (logits)          100.0%  100.0%",
    ]


def test_json_goes_out_and_into_a_file(tmp_path, folders):
    out = tmp_path / "new" / "fused.json"
    result = run(*folders, "--sum-of", "probabilities", "--json", "-o", out)
    content = json.loads(result.stdout)
    assert content == json.loads(out.read_text())
    assert content["sum_of"] == "probabilities"
    assert [each["run"] for each in content["runs"]] == ["joint", "bone"]
    assert [path.name for path in out.parent.iterdir()] == ["fused.json"]


def test_unfinished_runs_are_named(tmp_path, folders):
    late = write_run(tmp_path / "late", finished=False)
    (late / "scores.npz").write_bytes((folders[0] / "scores.npz").read_bytes())
    result = run(folders[0], late, "--json")
    assert "note: late is not finished" in result.stderr
    assert json.loads(result.stdout)["runs"][1]["finished"] is False


def test_wrong_requests_are_one_line(tmp_path, folders):
    assert_one_error(run(folders[0]), 2, "fusion needs two runs or more, not 1")
    assert_one_error(run(*folders, "--weights", "1,x"), 2, "'1,x' is not a list of numbers")
    assert_one_error(run(*folders, "--weights", "1"), 2, "1 weights for 2 runs")
    other = write_run(tmp_path / "other", store_digest="c" * 64)
    assert_one_error(run(folders[0], other), 4, f"is {'c' * 64}, expected {'a' * 64}")
    assert run().exit_code == 2
