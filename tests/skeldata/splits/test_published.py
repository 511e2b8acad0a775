"""The published list: credited, one file, and usable wherever a split is."""

import hashlib
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from skeldata import official
from skeldata.datasets import get_dataset
from skeldata.errors import ManifestError, UsageError
from skeldata.splits import (
    PUBLISHED,
    draw,
    examine_list,
    is_bare,
    published,
    read_manifest,
    write_split,
)


@pytest.mark.parametrize("id", PUBLISHED)
def test_a_published_list_is_a_sound_list_with_source_and_credit(id, tmp_path):
    entry, split = PUBLISHED[id], published(id)
    assert (split.dataset, split.protocol, split.rule) == (entry.dataset, entry.protocol, "list")
    assert entry.source == split.source != ""
    assert entry.credit == split.credit != ""
    file = tmp_path / "list.txt"
    file.write_bytes(resources.files(official).joinpath(f"{entry.stem}.txt").read_bytes())
    assert hashlib.sha256(file.read_bytes()).hexdigest() == split.digest
    found = examine_list(file, source=entry.source, credit=entry.credit)
    assert (found.split, found.findings) == (split, ())
    assert split.warnings == ()


def test_the_x_car_list():
    split = published("x-car")
    assert (split.dataset, split.protocol, split.count) == ("ntu60", "xsub", 1980)
    assert set(split.per_class) == {33}
    assert "X-CAR" in split.credit
    with pytest.raises(UsageError, match="no published list 'y-car'; there is: x-car"):
        published("y-car")


def test_its_id_stands_for_it_unless_a_file_has_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not is_bare("x-car")
    assert read_manifest("x-car") == read_manifest(Path("x-car")) == published("x-car")
    assert read_manifest("x-car", dataset="ntu60", protocol="xsub") == published("x-car")
    for wrong in ({"dataset": "ntu120"}, {"protocol": "xview"}):
        with pytest.raises(ManifestError, match=r"x-car: .* not"):
            read_manifest("x-car", **wrong)
    with pytest.raises(ManifestError, match="cannot read"):
        read_manifest("./folder/x-car", dataset="ntu60")
    (tmp_path / "x-car").mkdir()
    assert read_manifest("x-car") == published("x-car")
    (tmp_path / "x-car").rmdir()
    names = draw("ntu60", "xsub", "1%").names
    (tmp_path / "x-car").write_text("\n".join(names))
    assert is_bare("x-car")
    assert read_manifest("x-car", dataset="ntu60").names == names


def test_training_takes_imported_and_published_lists(tmp_path):
    """`pspmodel train --labels` reads what `splits import` writes, and the published list by id."""
    selection = pytest.importorskip("pspmodel.data.selection")
    store = SimpleNamespace(dataset=get_dataset("ntu60"), path=tmp_path / "ntu.zarr")
    path = write_split(published("x-car"), tmp_path, "theirs")
    for labels in (path, path.with_suffix(".txt"), Path("x-car")):
        protocol, split = selection.choose_split(
            store, protocol=None, ratio=None, seed=0, labels=labels
        )
        assert (protocol, split) == ("xsub", published("x-car"))
