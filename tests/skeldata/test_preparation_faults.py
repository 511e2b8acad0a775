"""What `prepare` does when the world around it changes: nothing is lost, nothing wrong is finished."""

import os
import shutil
import zipfile
from importlib.resources import files

import pytest

from skeldata import RecipeError, SourceError, StoreError, open_store, prepare
from skeldata.errors import InterruptedRunError, StoreExistsError, UsageError
from skeldata.preparation import already_complete
from skeldata.store import schema
from skeldata.store.verify import verify_store

pytestmark = pytest.mark.usefixtures("small_blocks")


@pytest.fixture
def folder(source, tmp_path):
    """The same as loose files."""
    zipfile.ZipFile(source).extractall(tmp_path / "raw")
    return tmp_path / "raw"


def interrupt(done, _):
    if done >= 12:
        raise KeyboardInterrupt


def test_a_source_that_goes_away_rejects_nothing_and_the_run_goes_on_later(folder, tmp_path):
    away, out = tmp_path / "away", tmp_path / "o.zarr"

    def unplug(done, _):
        if done == 12:
            folder.rename(away)

    with pytest.raises(
        SourceError, match=r"cannot read .*: No such file .* finished rows are kept .* --resume"
    ):
        prepare("ntu", [folder], out, workers=1, advanced=unplug)
    assert not out.exists()
    away.rename(folder)
    report = prepare("ntu", [folder], out, resume=True)
    assert report.resumed >= 5
    assert (report.rows, report.rejected) == (24, ())


def test_another_archive_of_the_same_sizes_is_not_gone_on_with(source, tmp_path):
    mine, out = tmp_path / "s.zip", tmp_path / "o.zarr"
    shutil.copy(source, mine)
    with pytest.raises(InterruptedRunError):
        prepare("ntu", [mine], out, advanced=interrupt)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(mine, "w") as new:
        *others, last = old.namelist()
        for name in others:
            new.writestr(name, old.read(name))
        new.writestr(last, old.read(last).replace(b"1", b"2", 1))
    with pytest.raises(StoreError, match="had another source_key"):
        prepare("ntu", [mine], out, resume=True)


def test_a_run_of_another_version_is_not_gone_on_with(source, tmp_path, monkeypatch):
    with pytest.raises(InterruptedRunError):
        prepare("ntu", [source], tmp_path / "o.zarr", advanced=interrupt)
    monkeypatch.setattr("skeldata.__version__", "9.9.9")
    with pytest.raises(StoreError, match="had another skeldata"):
        prepare("ntu", [source], tmp_path / "o.zarr", resume=True)


def test_what_appears_at_the_target_meanwhile_is_not_replaced(source, tmp_path):
    out = tmp_path / "o.zarr"

    def somebody(*_):
        out.mkdir(exist_ok=True)
        (out / "other").write_text("precious")

    with pytest.raises(StoreExistsError, match="is no skeldata store"):
        prepare("ntu", [source], out, started=somebody)
    assert (out / "other").read_text() == "precious"
    shutil.rmtree(out)
    assert prepare("ntu", [source], out, resume=True).resumed == 20


def test_a_store_that_appears_meanwhile_is_replaced_only_if_asked(source, tmp_path):
    out, other = tmp_path / "o.zarr", tmp_path / "other.zarr"
    prepare("ntu", [source], other, frames=20)

    def somebody(*_):
        shutil.copytree(other, out, dirs_exist_ok=True)

    with pytest.raises(StoreExistsError, match="add --overwrite"):
        prepare("ntu", [source], out, started=somebody)
    assert open_store(out).frames == 20
    prepare("ntu", [source], out, started=somebody, overwrite=True)
    assert open_store(out).frames == 50


def test_recordings_and_other_folders_survive_overwrite(folder, source, tmp_path):
    with pytest.raises(UsageError, match="holds the recordings"):
        prepare("ntu", [folder], folder, overwrite=True)
    with pytest.raises(UsageError, match="holds the recordings"):
        prepare("ntu", [source], source, overwrite=True)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "thesis.tex").write_text("precious")
    with pytest.raises(StoreExistsError, match="no skeldata store"):
        prepare("ntu", [source], tmp_path / "results", overwrite=True)
    assert (tmp_path / "results" / "thesis.tex").exists()
    assert len(os.listdir(folder)) > 0


def test_a_link_keeps_pointing_to_its_store(source, tmp_path):
    disk = tmp_path / "disk"
    prepare("ntu", [source], disk / "s.zarr", frames=20)
    (tmp_path / "s.zarr").symlink_to(disk / "s.zarr")
    prepare("ntu", [source], tmp_path / "s.zarr", frames=10, overwrite=True)
    assert (tmp_path / "s.zarr").is_symlink()
    assert open_store(disk / "s.zarr").frames == 10


@pytest.mark.parametrize(
    ("asked", "other"),
    [
        ({"recipe": "yaw"}, "recipe"),
        ({"frames": 64}, "recipe"),
        ({"streams": ["bone"]}, "streams"),
        ({"family": "ucla"}, "family"),
    ],
)
def test_only_the_store_that_is_asked_for_is_complete(source, tmp_path, asked, other):
    out = tmp_path / "o.zarr"
    assert not already_complete(out, "ntu")
    prepare("ntu", [source], out)
    assert already_complete(out, "ntu", streams=["joint", "motion"])
    with pytest.raises(StoreError, match=rf"complete, but of another {other} than asked for"):
        already_complete(out, **({"family": "ntu"} | asked))


def test_a_journal_that_a_kill_left_behind_goes_with_the_next_look(source, tmp_path):
    prepare("ntu", [source], tmp_path / "o.zarr")
    (tmp_path / "o.zarr" / schema.JOURNAL).write_text("{}")
    assert already_complete(tmp_path / "o.zarr", "ntu")
    assert verify_store(tmp_path / "o.zarr") == []


def test_a_recipe_without_the_layout_leaves_nothing_behind(source, tmp_path):
    shipped = (files("skeldata") / "recipes" / "yaw.toml").read_text()
    general, _, rest = shipped.partition("[normalise.kinect25]")
    own = tmp_path / "own.toml"
    own.write_text(general + rest[rest.index("[normalise.kinect20]") :])
    (tmp_path / "out").mkdir()
    with pytest.raises(RecipeError, match=r"no \[normalise\.kinect25\] for ntu60"):
        prepare("ntu", [source], tmp_path / "out" / "o.zarr", recipe=own)
    assert os.listdir(tmp_path / "out") == []
