import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from skeldata import get_dataset, load_recipe, open_store, prepare
from skeldata.errors import RecipeError, SkeldataError, SourceError
from skeldata.pool import default_workers, run_batches, started_pool
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
    return tuple(list_sources([folder], "ntu").files)


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


@contextmanager
def ready_pool(recipe, workers):
    """A pool whose helpers have started: else this process does all of so little work."""
    with started_pool(DATASET, recipe, 0, workers) as pool:
        for helper in pool._helpers:
            assert helper.ready.wait(60)
        yield pool


@pytest.mark.parametrize("recipe", ["psp", "yaw", "ctrgcn"])
@pytest.mark.parametrize(("workers", "first"), [(1, 0), (1, 5), (2, 5), (3, 0)])
def test_any_number_of_processes_gives_the_same_batches_in_order(files, workers, first, recipe):
    recipe = load_recipe(recipe)
    expected = [
        content(Worker(DATASET, recipe).prepare(start, files[start : start + 2]))
        for start in range(first, len(files), 2)
    ]
    with ready_pool(recipe, workers) as pool:
        found = [content(batch) for batch in pool.run(files, first)]
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
    with ready_pool(RECIPE, 2) as pool:
        batches = list(pool.run(files, 0))
    assert len(batches) == 12
    assert 1 <= len(own) <= 10
    assert 0 not in own


def test_no_batch_waits_for_a_helper_that_is_starting(files):
    with started_pool(DATASET, RECIPE, 0, 2) as pool:
        (helper,) = pool._helpers
        helper.ready = SimpleNamespace(is_set=lambda: False, set=lambda: None)
        helper.submit = lambda first, batch: pytest.fail("asked too early")
        assert len(list(pool.run(files, 0))) == 12


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_cannot_be_taken_is_rejected_with_the_reason(files, workers):
    large = replace(files[5], size=2**40)
    with ready_pool(RECIPE, workers) as pool:
        batches = list(pool.run([*files[:5], large, *files[6:8]], 0))
    (rejection,) = [r for batch in batches for _, r in batch.rejected]
    assert rejection.name == large.name
    assert "larger than the limit" in rejection.reason


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_gives_nothing_stops_the_run(files, workers):
    gone = replace(files[3], path=files[3].path + "-is-gone", crc=None, place=None)
    with (
        ready_pool(RECIPE, workers) as pool,
        pytest.raises(SourceError, match=r"cannot read .*-is-gone.*: No such file or directory"),
    ):
        list(pool.run([*files[:3], gone, *files[4:8]], 0))


def test_a_helper_loads_neither_zarr_nor_pydantic_nor_numba():
    program = (
        "import sys, skeldata.worker\n"
        "print([name for name in ('zarr', 'pydantic', 'numba', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n"


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
    fault = pytest.raises(RecipeError, match=r"has no \[normalise.kinect25\]")
    with fault, ready_pool(recipe, 2) as pool:
        list(pool.run(files, 0))
    assert helpers() == []


def test_helpers_end_when_their_parent_is_killed(files):
    program = (
        "import multiprocessing, sys, time\n"
        "from skeldata import get_dataset, load_recipe\n"
        "from skeldata.pool import run_batches\n"
        "from skeldata.sources import list_sources\n"
        "files = tuple(list_sources([sys.argv[1]], 'ntu').files)\n"
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
