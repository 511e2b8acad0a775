"""`prepare` stopped by Ctrl-C or killed: what is kept, what is said, and how it goes on."""

import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from skeldata import StoreError, open_store, preparation, prepare
from skeldata.errors import (
    InterruptedRunError,
    StoreBusyError,
    StoreExistsError,
)
from skeldata.store import schema, write
from skeldata.synth import write_ntu
from support.archives import folder_is_clean, members, rewrite


def interrupted_after(count):
    """A callback that presses Ctrl-C once so many files are done."""

    def interrupt(done, _):
        if done >= count:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("after", [4, 12, 20, 24])
def test_interrupted_and_resumed_is_as_undisturbed(source, tmp_path, small_blocks, after):
    raw = members(source)
    victim = sorted(raw)[6]
    source = rewrite(source, tmp_path / "s.zip", {victim: raw[victim][:300]})
    undisturbed = prepare("ntu", [source], tmp_path / "a.zarr")

    interrupt = interrupted_after(after)
    out = tmp_path / "b.zarr"
    kept = (after - (1 if after > 6 else 0)) // 5 * 5
    with pytest.raises(InterruptedRunError) as caught:
        prepare("ntu", [source], out, advanced=interrupt)
    partial = schema.partial_path(out)
    assert str(caught.value) == (
        f"interrupted; {kept} finished rows are kept in {partial}: repeat the command with --resume"
        if kept
        else "interrupted; the first block of rows was not finished: repeat the command"
    )
    assert not out.exists()
    if kept:
        with pytest.raises(
            StoreExistsError, match=rf"\.b\.zarr\.partial holds {kept} .* --resume .* --overwrite"
        ):
            prepare("ntu", [source], out)
    resumed = prepare("ntu", [source], out, resume=True)
    assert resumed.resumed == kept
    assert resumed.content_digest == undisturbed.content_digest
    assert resumed.source_digest == undisturbed.source_digest
    assert resumed.rejected == undisturbed.rejected
    np.testing.assert_array_equal(open_store(out).read(), open_store(tmp_path / "a.zarr").read())


@pytest.mark.parametrize("stream", ["joint", "motion"])
def test_a_torn_journal_and_a_flipped_byte_are_done_again(source, tmp_path, small_blocks, stream):
    undisturbed = prepare("ntu", [source], tmp_path / "a.zarr")

    interrupt = interrupted_after(20)
    out = tmp_path / "b.zarr"
    with pytest.raises(InterruptedRunError):
        prepare("ntu", [source], out, advanced=interrupt)
    partial = schema.partial_path(out)
    with open(partial / "journal.jsonl", "ab") as journal:
        journal.write(b'{"names": ["S0')
    chunk = partial / stream / "c" / "2" / "0" / "0" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)
    resumed = prepare("ntu", [source], out, resume=True)
    assert resumed.resumed == 10  # blocks 0 and 1; block 2 no longer is what the journal states
    assert resumed.content_digest == undisturbed.content_digest


def test_an_unfinished_run_of_another_plan_is_not_continued(source, tmp_path, small_blocks):
    interrupt = interrupted_after(12)
    out = tmp_path / "b.zarr"
    with pytest.raises(InterruptedRunError):
        prepare("ntu", [source], out, advanced=interrupt)
    with pytest.raises(StoreError, match="had another recipe; give the same input"):
        prepare("ntu", [source], out, resume=True, frames=20)
    with pytest.raises(StoreExistsError):
        prepare("ntu", [source], out, frames=20)
    again = prepare("ntu", [source], out, overwrite=True)
    assert (again.resumed, again.discarded) == (0, 10)


def test_less_than_a_block_is_no_loss_and_needs_no_word(source, tmp_path, small_blocks):
    interrupt = interrupted_after(0)
    with pytest.raises(InterruptedRunError, match="the first block of rows was not finished"):
        prepare("ntu", [source], tmp_path / "b.zarr", advanced=interrupt)
    assert prepare("ntu", [source], tmp_path / "b.zarr").discarded == 0
    folder_is_clean(tmp_path, "b.zarr")


def test_a_second_ctrl_c_does_not_cost_the_hint(source, tmp_path, small_blocks, monkeypatch):
    interrupt = interrupted_after(12)
    close = write.StoreWriter.close

    def interrupted(self):
        close(self)
        raise KeyboardInterrupt

    out = tmp_path / "b.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(write.StoreWriter, "close", interrupted)
        with pytest.raises(InterruptedRunError, match=r"10 finished rows are kept in .* --resume"):
            prepare("ntu", [source], out, advanced=interrupt)
    assert prepare("ntu", [source], out, resume=True).resumed == 10


def test_a_second_ctrl_c_while_helpers_end_does_not_cost_the_hint_either(
    source, tmp_path, small_blocks, monkeypatch
):
    interrupt = interrupted_after(12)
    whole = preparation._batches

    @contextmanager
    def interrupted(*arguments):
        with whole(*arguments) as run:
            try:
                yield run
            finally:
                raise KeyboardInterrupt

    out = tmp_path / "b.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(preparation, "_batches", interrupted)
        with pytest.raises(InterruptedRunError, match=r"10 finished rows are kept in .* --resume"):
            prepare("ntu", [source], out, advanced=interrupt)
    assert prepare("ntu", [source], out, resume=True).resumed == 10


def test_an_end_behind_the_last_write_says_that_the_store_is_complete(
    source, tmp_path, small_blocks, monkeypatch
):
    whole = write.StoreWriter.finish

    def interrupted(self, attributes):
        whole(self, attributes)
        raise KeyboardInterrupt

    monkeypatch.setattr(write.StoreWriter, "finish", interrupted)
    with pytest.raises(InterruptedRunError, match=r"all was written: .*b\.zarr is complete"):
        prepare("ntu", [source], tmp_path / "b.zarr")
    assert len(open_store(tmp_path / "b.zarr")) == 24
    folder_is_clean(tmp_path, "b.zarr")


@pytest.mark.parametrize("moment", ["write_column", "write_group", "finish"])
def test_an_end_while_facts_are_written_is_resumed(
    source, tmp_path, small_blocks, monkeypatch, moment
):
    undisturbed = prepare("ntu", [source], tmp_path / "a.zarr")
    whole, calls = getattr(write.StoreWriter, moment), iter(range(99))

    def interrupted(self, *arguments):
        if moment != "finish":
            whole(self, *arguments)
        if moment == "finish" or next(calls) == 1:
            raise KeyboardInterrupt

    out = tmp_path / "b.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(write.StoreWriter, moment, interrupted)
        with pytest.raises(InterruptedRunError, match=r"24 finished rows are kept in .* --resume"):
            prepare("ntu", [source], out)
    assert not out.exists()
    resumed = prepare("ntu", [source], out, resume=True)
    assert resumed.resumed == 20
    assert resumed.content_digest == undisturbed.content_digest
    folder_is_clean(tmp_path, "a.zarr", "b.zarr")


def test_a_second_run_is_refused_while_the_first_lives(source, tmp_path):
    out = tmp_path / "o.zarr"

    def second(done, rejected):
        with pytest.raises(StoreBusyError, match="another run is writing"):
            prepare("ntu", [source], out)

    prepare("ntu", [source], out, advanced=second)
    assert open_store(out)


def test_killed_in_the_middle_and_resumed(tmp_path):
    write_ntu(tmp_path / "raw.zip", 40, seed=1, actions=[1, 2])
    undisturbed = prepare("ntu", [tmp_path / "raw.zip"], tmp_path / "a.zarr")
    program = (
        "import sys, time\n"
        "from skeldata.store import write\n"
        "import skeldata.pool, skeldata\n"
        "write.ROWS_PER_BLOCK = 6\n"
        "skeldata.pool.FILES_PER_BATCH = 3\n"
        "def advanced(done, rejected):\n"
        "    print(done, flush=True)\n"
        "    time.sleep(0.05)\n"
        "skeldata.prepare('ntu', [sys.argv[1]], sys.argv[2], advanced=advanced, resume=True, workers=1)\n"
    )
    out = tmp_path / "b.zarr"
    command = [sys.executable, "-c", program, str(tmp_path / "raw.zip"), str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while int(process.stdout.readline()) < 20:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert open_store(out).content_digest == undisturbed.content_digest
    folder_is_clean(tmp_path, "raw.zip", "a.zarr", "b.zarr")
