"""Runs that were interrupted: what their page has, and the way on that it names."""

import json
import re
import shlex
import shutil

import pytest
from click.testing import CliRunner

from pspmodel.cli import main
from pspmodel.errors import InterruptedRunError
from pspmodel.report import render_run, write_report
from pspmodel.report.records import read_run
from pspmodel.report.repeat import resuming
from pspmodel.report.unfinished import how_to_go_on, unfinished
from pspmodel.train import loop
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run
from support.html_tables import tables
from support.small_run import SMALL


def started(folder, store, **options):
    return new_run(
        store, ratio="0.2", recipe="tiny", overrides=SMALL, out=folder, device="cpu", **options
    )


@pytest.fixture
def interrupted(tmp_path, ntu_store_path, monkeypatch):
    """A run that Ctrl-C ended after step 4 of 6, before it ever reported."""
    run = started(tmp_path / "run", ntu_store_path)
    steps = iter(range(99))
    monkeypatch.setattr(loop, "agreed_signal", lambda _: "SIGINT" if next(steps) == 3 else None)
    with pytest.raises(InterruptedRunError, match="after step 4"):
        train(run)
    monkeypatch.undo()
    return run.folder


def test_what_there_is_is_shown(interrupted):
    text = render_run(interrupted).read_text()
    assert "unfinished: step 4 of 6; repeat its training command with --resume to go on" in text
    lines = [json.loads(line) for line in (interrupted / "metrics.jsonl").read_text().splitlines()]
    (evaluation,) = [line for line in lines if line["kind"] == "evaluation"]
    shown = [[f"{100 * evaluation['test']:.1f} %", "3"]] * 3
    assert [row[1:] for row in tables(text)[0][1:]] == shown
    assert text.count("data:image/png;base64,") == 1
    assert read_run(interrupted).data["split"]["digest"] in text
    assert str(interrupted.parent) not in text
    assert "to the paper" not in text


def test_before_the_first_step_there_is_a_page_too(tmp_path, ntu_store_path):
    folder = started(tmp_path / "run", ntu_store_path).folder
    text = render_run(folder).read_text()
    assert "unfinished: step 0 of 6" in text
    assert "Nothing was evaluated yet." in text
    assert "Too few measurements for a curve yet." in text


def test_the_command_goes_on_and_ends_where_an_undisturbed_run_does(
    interrupted, tmp_path, ntu_store_path
):
    command = shlex.split(how_to_go_on(read_run(interrupted)))
    assert (command[:2], command[-1]) == (["pspmodel", "train"], "--resume")
    result = CliRunner().invoke(main, [*command[1:], "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert "6 of 6 steps" in result.stderr
    assert unfinished(read_run(interrupted)) == []
    run = started(tmp_path / "other", ntu_store_path)
    wanted = write_report(run, train(run))["accuracy"]
    assert json.loads((interrupted / "report.json").read_text())["accuracy"] == wanted


def test_a_stopped_run_has_its_page_and_says_that_it_is_unfinished(tmp_path, ntu_store_path):
    run = started(tmp_path / "run", ntu_store_path)
    write_report(run, train(run, stop_at=2))
    for text in ((run.folder / "report.html").read_text(), render_run(run.folder).read_text()):
        assert "unfinished: step 2 of 6; repeat its training command with --resume" in text
        assert "Its report is still" not in text
        assert "Confusion matrix" in text
    again = started(tmp_path / "run", ntu_store_path, resume=True)
    train(again, resume=True, stop_at=4)  # and ended before it could report
    (line,) = unfinished(read_run(run.folder))
    assert line.startswith("unfinished: step 4 of 6; ")
    assert line.endswith("Its report is still of step 2")


def test_runs_of_before_do_not_know_their_end(interrupted):
    saved = json.loads((interrupted / "config.json").read_text())
    del saved["stages"]
    (interrupted / "config.json").write_text(json.dumps(saved))
    assert unfinished(read_run(interrupted))[0].startswith("unfinished: step 4; ")
    assert "unfinished: step 4; " in render_run(interrupted).read_text()


def test_without_a_checkpoint_it_starts_again(interrupted):
    shutil.rmtree(interrupted / "checkpoints")
    assert read_run(interrupted).progress == "step 0 of 6"


def test_labels_from_a_list_are_for_their_own_command(tmp_path, ntu_store, ntu_store_path):
    names = [n for n, t in zip(ntu_store.names, ntu_store.train_mask("xsub"), strict=True) if t]
    (tmp_path / "mine.txt").write_text("\n".join(names[:6]))
    run = new_run(
        ntu_store_path, ratio=None, labels=tmp_path / "mine.txt", recipe="tiny", overrides=SMALL,
        out=tmp_path / "run", device="cpu",
    )  # fmt: skip
    record = read_run(run.folder)
    assert resuming(record, "x.zarr", "run") is None
    told = f"repeat its training command with --resume, --out {run.folder}"
    assert how_to_go_on(record) == told
    text = render_run(run.folder).read_text()
    assert "a list of names" in text
    assert re.search(r"<h2>Going on</h2><p>Repeat its training command with --resume\.</p>", text)
