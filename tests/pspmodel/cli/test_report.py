import json
import re

import pytest

from pspmodel.cli.report import report
from support.command_line import assert_one_error
from support.command_line import run as run_command
from support.fake_runs import write_run
from support.small_run import trained_run


def run(*arguments):
    return run_command(report, *arguments)


@pytest.fixture
def folders(tmp_path):
    return [write_run(tmp_path / "sweep" / f"run{seed}", split_seed=seed) for seed in (0, 1)]


def test_a_folder_of_runs_gets_its_page_inside(folders):
    sweep = folders[0].parent
    result = run(sweep)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{sweep / 'report.html'}\n"
    assert {"report.html", "report.json", "report.csv"} <= {f.name for f in sweep.iterdir()}
    assert "2 runs beside the published numbers" in (sweep / "report.html").read_text()


def test_several_runs_are_laid_beside_each_other_here(tmp_path, folders, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*folders)
    assert result.stdout == "report.html\n"
    assert json.loads((tmp_path / "report.json").read_text())["cells"][0]["split_seeds"] == [
        "0",
        "1",
    ]
    assert "accuracy" in json.loads((folders[0] / "report.json").read_text())


def test_json_goes_to_standard_output_and_remarks_do_not(tmp_path, folders):
    extra = write_run(tmp_path / "sweep" / "late", split_seed=2, finished=False)
    result = run(extra.parent, "-o", tmp_path / "a.html", "--json")
    content = json.loads(result.stdout)
    assert content == json.loads((tmp_path / "a.json").read_text())
    assert "note: 1 run not finished and left out: late (step 20)" in result.stderr
    assert result.exit_code == 0


def test_without_a_finished_run_the_page_is_written_and_the_exit_code_says_so(tmp_path):
    for seed in (0, 1):
        stages = [{"name": "joint", "first": 0, "end": 300}]
        write_run(tmp_path / "s" / f"run{seed}", split_seed=seed, finished=False, stages=stages)
    result = run(tmp_path / "s")
    assert result.exit_code == 3
    assert result.stdout == f"{tmp_path / 's' / 'report.html'}\n"
    assert "left out: run0 (step 20 of 300), run1 (step 20 of 300)\n" in result.stderr
    assert "note: none of the runs is finished, so there are no accuracies" in result.stderr
    assert "step 20 of 300 (unfinished)" in (tmp_path / "s" / "report.html").read_text()


def test_one_unfinished_run_is_shown_with_the_command_to_go_on(tmp_path):
    stages = [{"name": "joint", "first": 0, "end": 300}]
    folder = write_run(tmp_path / "run", finished=False, stages=stages)
    (folder / "report.json").unlink()
    result = run(folder, "--json")
    assert result.exit_code == 3
    row = json.loads(result.stdout)
    assert (row["finished"], row["last"], row["run"]) == (False, None, "run")
    assert "note: unfinished: step 0 of 300; " in result.stderr
    assert re.search(
        rf"\n  pspmodel train --store moved\.zarr .* --out {folder} --resume\n", result.stderr
    )
    assert "Accuracy so far" in (folder / "report.html").read_text()
    assert run(folder, "-o", tmp_path / "curves.svg").exit_code == 0


def test_the_page_of_one_run_again(tmp_path, ntu_store_path):
    folder = trained_run(tmp_path / "run", ntu_store_path)
    assert "Each stream alone" in (folder / "report.html").read_text()
    assert "all together" not in (folder / "report.html").read_text()
    result = run(folder, "--device", "cpu")
    assert result.stdout == f"{folder / 'report.html'}\n"
    assert "evaluating: 30/30 clips" in result.stderr
    text = (folder / "report.html").read_text()
    assert "all together" in text
    result = run(folder, "--no-weights", "-o", tmp_path / "quick.html")
    assert result.stderr == ""
    assert "all together" not in (tmp_path / "quick.html").read_text()
    assert (folder / "report.html").read_text() == text
    assert json.loads(run(folder, "--json").stdout) == json.loads(
        (folder / "report.json").read_text()
    )
    assert run(folder, "-o", tmp_path / "curves.svg").stdout == f"{tmp_path / 'curves.svg'}\n"
    assert "<svg" in (tmp_path / "curves.svg").read_text()
    assert_one_error(run(folder, "--store", tmp_path / "none.zarr"), 4, "no store at")


def test_wrong_requests_are_one_line(tmp_path, folders):
    assert_one_error(run(tmp_path / "none"), 4, "no run at")
    assert_one_error(run(*folders, "-o", tmp_path / "a.txt"), 2, "end its name in .html")
    assert_one_error(run(*folders, "-o", folders[0] / "a.html"), 2, "lies in a run's folder")
    assert_one_error(run(*folders, "--store", tmp_path), 2, "--store is for the page of one run")
    assert_one_error(run(folders[0], "-o", tmp_path / "a.html"), 4, "scores.npz is missing")
    assert run().exit_code == 2
