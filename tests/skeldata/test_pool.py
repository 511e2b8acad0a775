import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from skeldata import get_dataset, load_recipe, open_store, prepare
from skeldata.errors import RecipeError, SkeldataError
from skeldata.pool import default_workers, run_batches
from skeldata.sources import RawFile, list_sources
from skeldata.synth import write_ntu
from skeldata.worker import Worker

DATASET, RECIPE = get_dataset("ntu60"), load_recipe("psp")


_others: set[int] = set()


@pytest.fixture(autouse=True)
def children_of_other_tests():
    """Processes that tests before these have left in this one are none of the pool's."""
    _others.clear()
    _others.update(child.pid for child in multiprocessing.active_children())


def helpers():
    """Processes that the pool has started and not ended."""
    return [child for child in multiprocessing.active_children() if child.pid not in _others]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """24 recordings in a zip, one of them broken."""
    folder = tmp_path_factory.mktemp("raw")
    write_ntu(folder / "ntu", 24, seed=4, actions=[1, 5, 50])
    victim = sorted((folder / "ntu").iterdir())[9]
    victim.write_bytes(victim.read_bytes()[:500])
    return list_sources([folder], "ntu").files


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr("skeldata.pool.FILES_PER_BATCH", 2)


class Watched(Sequence):
    """A list that knows how far it was read by slices."""

    def __init__(self, items):
        self.items = items
        self.furthest = 0

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        if isinstance(index, slice) and index.stop is not None:
            self.furthest = max(self.furthest, index.stop)
        return self.items[index]


def content(batch):
    rows = batch.rows
    return (
        batch.first, batch.crcs, batch.kept, batch.rejected, rows.names, rows.digests,
        rows.length.tolist(), rows.present.tobytes(), rows.streams["joint"].tobytes(),
    )  # fmt: skip


@pytest.mark.parametrize(("workers", "first"), [(1, 0), (1, 5), (2, 5), (3, 0)])
def test_any_number_of_processes_gives_the_same_batches_in_order(files, workers, first):
    expected = [
        content(Worker(DATASET, RECIPE).prepare(start, files[start : start + 2]))
        for start in range(first, len(files), 2)
    ]
    found = [content(batch) for batch in run_batches(files, first, DATASET, RECIPE, workers)]
    assert found == expected
    assert sum(len(batch[3]) for batch in found) == 1
    assert helpers() == []


def test_this_process_prepares_too_but_not_everything(files, monkeypatch):
    own = []
    prepare_here = Worker.prepare

    def counted(self, first, batch):
        own.append(first)
        return prepare_here(self, first, batch)

    monkeypatch.setattr(Worker, "prepare", counted)
    batches = list(run_batches(files, 0, DATASET, RECIPE, 2))
    assert len(batches) == 12
    assert 1 <= len(own) <= 10
    assert 0 not in own  # the first batches go to the helpers, whose start takes a while


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_runs_far_ahead_of_what_is_taken(files, workers):
    watched = Watched(list(files) * 20)
    batches = run_batches(watched, 0, DATASET, RECIPE, workers)
    for taken, _ in zip(range(1, 40), batches, strict=False):
        assert watched.furthest <= 2 * (taken + 10)
    batches.close()
    assert helpers() == []


def test_a_process_that_dies_is_one_clear_error(files):
    batches = run_batches(files * 50, 0, DATASET, RECIPE, 2)
    next(batches)
    (helper,) = helpers()
    helper.kill()
    with pytest.raises(SkeldataError, match=r"a worker process died .*repeat with --resume"):
        list(batches)
    assert helper.exitcode == -signal.SIGKILL


def test_an_error_of_a_helper_is_raised_here_as_it_is(files):
    recipe = RECIPE.model_copy(update={"normalise": {}})
    with pytest.raises(RecipeError, match=r"has no \[normalise.kinect25\]"):
        list(run_batches(files, 0, DATASET, recipe, 2))
    assert helpers() == []


def test_helpers_end_when_their_parent_is_killed(files):
    program = (
        "import multiprocessing, sys, time\n"
        "from skeldata import get_dataset, load_recipe\n"
        "from skeldata.pool import run_batches\n"
        "from skeldata.sources import list_sources\n"
        "files = list_sources([sys.argv[1]], 'ntu').files\n"
        "next(run := run_batches(files * 100, 0, get_dataset('ntu60'), load_recipe('psp'), 2))\n"
        "print(multiprocessing.active_children()[0].pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, files[0].path.rpartition("/")[0]]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    helper = Path("/proc", parent.stdout.readline().strip(), "stat")
    assert helper.exists()
    parent.kill()
    parent.communicate()
    while helper.exists() and helper.read_text().split()[2] != "Z":  # ended, perhaps not reaped
        time.sleep(0.01)


def test_a_script_that_asks_for_no_main_is_run_once(tmp_path, files):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from skeldata import prepare\n"
        "print('once', flush=True)\n"
        "prepare('ntu', [sys.argv[1]], sys.argv[2], workers=2)\n"
    )
    folder = files[0].path.rpartition("/")[0]
    out = tmp_path / "o.zarr"
    done = subprocess.run(
        [sys.executable, script, folder, out], capture_output=True, text=True, check=True
    )
    assert done.stdout == "once\n"
    assert len(open_store(out)) == 23


def test_the_main_module_is_back_afterwards(files):
    main = sys.modules["__main__"]
    list(run_batches(files[:4], 0, DATASET, RECIPE, 2))
    assert sys.modules["__main__"] is main


def test_little_work_is_done_by_one_process():
    assert default_workers([RawFile("a", "a", None, 1000)] * 100) == 1
    assert default_workers([RawFile("a", "a", None, 10**6)] * 1000) >= 1


def test_stores_of_one_and_two_processes_are_equal(files, tmp_path):
    folder = files[0].path.rpartition("/")[0]
    one = prepare("ntu", [folder], tmp_path / "one.zarr", workers=1)
    two = prepare("ntu", [folder], tmp_path / "two.zarr", workers=2)
    assert one.content_digest == two.content_digest
    assert one.rejected == two.rejected
    stores = [open_store(tmp_path / name) for name in ("one.zarr", "two.zarr")]
    for stream in ("joint", "motion"):
        np.testing.assert_array_equal(*(store.read(stream=stream) for store in stores))
