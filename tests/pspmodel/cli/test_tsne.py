import re
import sys

import pytest

from pspmodel.cli.tsne import tsne
from support.command_line import assert_one_error
from support.command_line import run as run_command
from support.small_run import trained_run


def run(*arguments):
    return run_command(tsne, *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, ntu_store_path):
    return trained_run(tmp_path_factory.mktemp("runs") / "run", ntu_store_path)


@pytest.fixture
def _analysis():
    pytest.importorskip("sklearn.manifold")


@pytest.mark.usefixtures("_analysis")
def test_a_map_of_the_test_clips_repeats(tmp_path, folder):
    assert run(folder).stdout == f"{folder / 'tsne-test.png'}\n"
    for name in ("a.svg", "b.svg"):
        assert run(folder, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    other = run(folder, "-o", tmp_path / "c.svg", "--seed", "1", "--checkpoint", "held_out_best")
    assert other.exit_code == 0, other.output
    assert (tmp_path / "c.svg").read_bytes() != (tmp_path / "a.svg").read_bytes()


@pytest.mark.usefixtures("_analysis")
def test_training_clips_of_chosen_classes(tmp_path, folder):
    out = tmp_path / "train.svg"
    result = run(folder, "--split", "train", "--classes", "drop,23", "--clips", "5", "-o", out)
    assert result.exit_code == 0, result.output
    legend = re.findall(r"<!-- (A\d{3} .*?) -->", out.read_text())  # texts, drawn as outlines
    assert legend == ["A005 drop", "A023 hand waving"]


@pytest.mark.usefixtures("_analysis")
def test_wrong_requests_are_one_line(tmp_path, folder):
    assert_one_error(run(folder, "-o", tmp_path / "a.bmp"), 2, "end its name in one of .png")
    assert_one_error(run(folder, "--classes", "dance"), 2, "'dance' is no class of ntu60")
    assert_one_error(run(folder, "--classes", "1"), 2, "0 test clips are of these classes")
    assert_one_error(run(tmp_path), 4, "no run at")


def test_without_scikit_learn_one_line_says_how_to_get_it(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.manifold", raising=False)
    assert_one_error(run(folder), 2, "pip install 'pspmodel[analysis]'")
