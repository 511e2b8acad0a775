"""A disk that is full: one clear line, nothing lost, and --resume goes on from there."""

import errno
import os
import resource
import shutil
import subprocess
import sys

import pytest

from skeldata import StoreError, open_store, prepare
from skeldata.store import disk, schema, write
from skeldata.store.journal import Journal
from skeldata.store.verify import verify_store
from skeldata.synth import write_ntu

ROWS = 40
BLOCK = 5
PROGRAM = (  # the real command line, with blocks of few rows
    "import skeldata.pool\n"
    "from skeldata.cli import main\n"
    "from skeldata.store import write\n"
    f"write.ROWS_PER_BLOCK = {BLOCK}\n"
    "skeldata.pool.FILES_PER_BATCH = 3\n"
    "main()\n"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "ntu.zip"
    write_ntu(path, ROWS, seed=3, actions=[1, 2, 50])
    return path


@pytest.fixture(scope="module")
def whole_store(source, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "ROWS_PER_BLOCK", BLOCK)
        return prepare("ntu", [source], tmp_path_factory.mktemp("a") / "a.zarr").path


@pytest.fixture(scope="module")
def undisturbed(whole_store):
    """The content digest."""
    return open_store(whole_store).content_digest


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command")
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def run(source, out, *options, **how):
    command = [sys.executable, "-c", PROGRAM, "prepare", "ntu", "--raw", str(source)]
    command += ["--out", str(out), "--workers", "1", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, **how)


def assert_one_line(result, text):
    assert result.returncode == 4, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert text in line
    assert "repeat the command with --resume" in line


def assert_finished(result, out, digest):
    assert result.returncode == 0, result.stderr
    assert open_store(out).content_digest == digest
    assert verify_store(out) == []
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def fill(folder, room):
    """Leave that many bytes free."""
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(folder).free - room))
    return ballast


def test_a_disk_that_is_full_in_the_middle(source, undisturbed, small_disk):
    out, ballast = small_disk / "o.zarr", fill(small_disk, 900_000)  # some of the eight blocks
    assert_one_line(run(source, out), "no space left on the disk of")
    assert not out.exists()
    still_full = run(source, out, "--resume")
    assert_one_line(still_full, "no space left on the disk of")
    ballast.unlink()
    resumed = run(source, out, "--resume")
    assert "resumed behind" in resumed.stderr
    assert_finished(resumed, out, undisturbed)


def test_a_disk_that_is_full_from_the_beginning(source, undisturbed, small_disk):
    out, ballast = small_disk / "o.zarr", fill(small_disk, 0)
    assert_one_line(run(source, out), "no space left on the disk of")
    ballast.unlink()
    assert_finished(run(source, out, "--resume"), out, undisturbed)


def test_a_limit_on_the_size_of_files(source, undisturbed, whole_store, tmp_path):
    out = tmp_path / "o.zarr"
    largest = max(path.stat().st_size for path in whole_store.rglob("c/**/*") if path.is_file())

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, resource.RLIM_INFINITY))

    limited = run(source, out, preexec_fn=limit)
    assert_one_line(limited, "the limit on the size of files (ulimit -f) stops")
    assert_finished(run(source, out, "--resume"), out, undisturbed)


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Failing:
    """Does as ``whole`` until the call number ``at``, which finds no space left."""

    def __init__(self, whole, at):
        self.whole = whole
        self.left = at

    def __call__(self, *arguments):
        self.left -= 1
        return no_space() if self.left == 0 else self.whole(*arguments)


@pytest.mark.parametrize("at", [1, 20, 75, 110, 160])
def test_no_space_at_any_flush(source, undisturbed, tmp_path, monkeypatch, at):
    monkeypatch.setattr(write, "ROWS_PER_BLOCK", BLOCK)
    out = tmp_path / "o.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(disk, "_flush", Failing(disk._flush, at))
        with pytest.raises(StoreError, match=r"no space left .* repeat the command with --resume"):
            prepare("ntu", [source], out, workers=1)
    assert not out.exists()
    _, records = Journal(schema.partial_path(out) / "journal.jsonl").load()
    resumed = prepare("ntu", [source], out, resume=True, workers=1)
    assert resumed.content_digest == undisturbed
    assert resumed.resumed == len(records) * BLOCK
    assert verify_store(out) == []


@pytest.mark.parametrize("at", [1, 2, 5])
def test_no_space_for_the_journal(source, undisturbed, tmp_path, monkeypatch, at):
    monkeypatch.setattr(write, "ROWS_PER_BLOCK", BLOCK)
    out = tmp_path / "o.zarr"

    def torn(self, content, mode):
        with open(self.path, mode, encoding="utf-8") as file:
            file.write('{"half a line')
        no_space()

    whole = Journal._write
    calls = Failing(whole, at)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_write", lambda *a: torn(*a) if calls.left == 1 else calls(*a))
        with pytest.raises(StoreError, match="no space left"):
            prepare("ntu", [source], out, workers=1)
    resumed = prepare("ntu", [source], out, resume=True, workers=1)
    assert resumed.resumed == max(0, at - 2) * BLOCK
    assert resumed.content_digest == undisturbed


def test_what_a_killed_run_was_writing_does_not_stay(source, undisturbed, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "ROWS_PER_BLOCK", BLOCK)
    out = tmp_path / "o.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(disk, "_flush", Failing(disk._flush, 30))
        with pytest.raises(StoreError):
            prepare("ntu", [source], out, workers=1)
    torn = schema.partial_path(out) / "joint" / "c" / "0" / "0" / "0" / "0" / "0.1f2e.partial"
    torn.write_bytes(b"half a chunk")
    prepare("ntu", [source], out, resume=True, workers=1)
    assert verify_store(out) == []
