"""Choosing balanced names, and writing folders and zips whole or not at all."""

from __future__ import annotations

import errno
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from skeldata.datasets import get_dataset
from skeldata.errors import SourceError, UsageError
from skeldata.synth import choose_names, ntu_bytes, ucla_bytes, write_ntu, write_ucla
from support.naive_raw import read_naive_ntu, read_naive_ucla

ACTIONS = [1, 2, 50]


def chosen(dataset, samples, actions=None):
    return [dataset.require_name(name) for name in choose_names(dataset, samples, actions)]


def spread(values):
    used = Counter(values)
    return max(used.values()) - min(used.values())


# ---- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["ntu60", "ntu120", "nw-ucla"])
def test_any_prefix_is_balanced(id):
    dataset = get_dataset(id)
    names = chosen(dataset, 480)
    assert {name.text for name in names} <= set(dataset.official_names())
    assert len(set(names)) == 480
    for length in (7, 30, 64, 150, 333, 480):
        prefix = names[:length]
        actions = Counter(name.action for name in prefix)
        assert max(actions.values()) - min(actions[a] for a in dataset.labels) <= 1
        assert spread(name.camera for name in prefix) <= 2
        for protocol in dataset.protocols.values():
            share = sum(map(protocol.is_train, prefix)) / length
            by_camera = protocol.name == "xview"
            assert abs(share - (2 / 3 if by_camera else 1 / 2)) <= 2 / length
    subjects = Counter(name.subject for name in names)
    assert len(subjects) == {"ntu60": 40, "ntu120": 106, "nw-ucla": 10}[id]


@pytest.mark.parametrize("id", ["ntu60", "ntu120", "nw-ucla"])
def test_each_action_lies_on_both_sides_of_every_protocol(id):
    dataset = get_dataset(id)
    actions = sorted(dataset.labels)[:10]
    names = chosen(dataset, 40, actions)
    for action in actions:
        mine = [name for name in names if name.action == action]
        assert len(mine) == 4
        assert len({name.camera for name in mine}) == 3
        assert len({name.subject for name in mine}) == 4
        for protocol in dataset.protocols.values():
            assert {protocol.is_train(name) for name in mine} == {True, False}


def test_fewer_samples_are_a_prefix_of_more():
    dataset = get_dataset("ntu60")
    assert choose_names(dataset, 200)[:77] == choose_names(dataset, 77)


def test_all_names_can_be_taken_once():
    dataset = get_dataset("nw-ucla")
    names = choose_names(dataset, 1484)
    assert sorted(names) == list(dataset.official_names())


def test_only_the_actions_asked_for():
    names = chosen(get_dataset("ntu120"), 30, actions=(118, 3, 3))
    assert Counter(name.action for name in names) == {3: 15, 118: 15}


@pytest.mark.parametrize(
    ("id", "samples", "actions", "message"),
    [
        ("ntu60", 0, None, "cannot write 0 samples"),
        ("nw-ucla", 1485, None, "1484"),
        ("ntu60", 5, [61], "no action 61; it has 1-60"),
        ("nw-ucla", 5, [1, 7], "no action 7; it has 1-6, 8-9, 11-12"),
        ("ntu60", 5, [], "1 to 0"),
    ],
)
def test_impossible_choices_are_refused(id, samples, actions, message):
    with pytest.raises(UsageError, match=message):
        choose_names(get_dataset(id), samples, actions)


# ---- files ----------------------------------------------------------------------------------


def test_a_folder_holds_one_file_a_name(tmp_path):
    out = tmp_path / "deep" / "raw"
    names = write_ntu(out, 4, seed=5, actions=ACTIONS)
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{n}.skeleton" for n in names)
    for name in names:
        assert (out / f"{name}.skeleton").read_bytes() == ntu_bytes(name, 5)
    assert [path.name for path in out.parent.iterdir()] == ["raw"]


def test_an_ntu_zip_is_laid_out_like_the_official_ones(tmp_path):
    out = tmp_path / "raw.zip"
    names = write_ntu(out, 3, actions=ACTIONS, dataset="ntu120", quirks=False)
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == [f"nturgb+d_skeletons/{name}.skeleton" for name in names]
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_DEFLATED
            assert entry.date_time == (2020, 1, 1, 0, 0, 0)  # not the time of writing
            file = read_naive_ntu(archive.read(entry))
            assert {len(frame) for frame in file.frames} == {2 if "A050" in entry.filename else 1}


def test_a_ucla_zip_is_laid_out_like_the_common_one(tmp_path):
    out = tmp_path / "all_sqe.zip"
    names = write_ucla(out, 12, seed=2, actions=[1, 12])
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == [f"all_sqe/{name}.json" for name in names]
        for name in names:
            data = archive.read(f"all_sqe/{name}.json")
            assert data == ucla_bytes(name, 2)
            read_naive_ucla(data, name)


def test_named_quirks_reach_every_file(tmp_path):
    out = tmp_path / "raw"
    write_ntu(out, 3, actions=ACTIONS, quirks={"crlf"})
    assert {read_naive_ntu(path.read_bytes()).newline for path in out.iterdir()} == {"\r\n"}


def test_equal_arguments_write_equal_archives(tmp_path):
    for name in ("a.zip", "b.zip"):
        write_ucla(tmp_path / name, 5)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_file_does_not_depend_on_how_many_are_written(tmp_path):
    few = write_ucla(tmp_path / "few", 3)
    many = write_ucla(tmp_path / "many", 9)
    assert many[:3] == few
    for name in few:
        written = [(tmp_path / out / f"{name}.json").read_bytes() for out in ("few", "many")]
        assert written[0] == written[1]


def test_progress_sees_every_name(tmp_path):
    seen = []

    def progress(names):
        for name in names:
            yield name
            seen.append(name)

    assert write_ucla(tmp_path / "raw", 4, progress=progress) == seen
    assert len(seen) == 4


def test_an_existing_output_is_not_touched(tmp_path):
    archive, folder = tmp_path / "raw.zip", tmp_path / "raw"
    archive.write_bytes(b"mine")
    folder.mkdir()
    (folder / "mine").write_bytes(b"mine")
    file = tmp_path / "file"
    file.write_bytes(b"mine")
    for out in (archive, folder, file):
        with pytest.raises(UsageError, match="already exists"):
            write_ucla(out, 1)
    assert archive.read_bytes() == b"mine"
    assert [path.name for path in folder.iterdir()] == ["mine"]
    assert file.read_bytes() == b"mine"


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "raw").mkdir()
    assert len(write_ucla(tmp_path / "raw", 2)) == len(list((tmp_path / "raw").iterdir())) == 2


@pytest.mark.parametrize("out", ["raw", "raw.zip"])
def test_an_interrupted_run_leaves_nothing(tmp_path, out):
    def progress(names):
        yield next(iter(names))
        assert len(list(tmp_path.iterdir())) == 1  # under a temporary name
        assert not (tmp_path / out).exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_ucla(tmp_path / out, 3, progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_only_ntu_datasets_are_written_as_ntu(tmp_path):
    with pytest.raises(UsageError, match="ntu60 or ntu120"):
        write_ntu(tmp_path / "raw", 1, dataset="nw-ucla")


@pytest.mark.parametrize("out", ["file/x", "file/x.zip", "file/x/y", "n" * 300, "n" * 300 + ".zip"])
def test_an_output_that_cannot_be_written_is_an_error_of_ours(tmp_path, out):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(SourceError, match=r"^cannot write .*; choose another --out$"):
        write_ucla(tmp_path / out, 2)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


@pytest.mark.parametrize("out", ["fake", "fake.zip"])
def test_a_disk_that_is_full_leaves_nothing(tmp_path, out, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(SourceError, match="No space left on device"):
        write_ucla(tmp_path / out, 2)
    assert list(tmp_path.iterdir()) == []
