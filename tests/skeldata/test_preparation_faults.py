"""What `prepare` does when the world around it changes: nothing is lost, nothing wrong is finished."""

import os
import shutil
import zipfile
from importlib.resources import files

import pytest

from skeldata import RecipeError, SourceError, StoreError, open_store, prepare
from skeldata.errors import InterruptedRunError, StoreExistsError, UsageError
from skeldata.preparation import already_complete
from skeldata.store import schema, write
from skeldata.store.verify import verify_store
from skeldata.synth import write_ntu


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(write, "ROWS_PER_BLOCK", 5)
    monkeypatch.setattr("skeldata.pool.FILES_PER_BATCH", 4)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """24 synthetic NTU recordings as a zip."""
    path = tmp_path_factory.mktemp("source") / "ntu.zip"
    write_ntu(path, 24, seed=2, actions=[1, 5, 50])
    return path


@pytest.fixture
def folder(archive, tmp_path):
    """The same as loose files."""
    zipfile.ZipFile(archive).extractall(tmp_path / "raw")
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


def test_another_archive_of_the_same_sizes_is_not_gone_on_with(archive, tmp_path):
    source, out = tmp_path / "s.zip", tmp_path / "o.zarr"
    shutil.copy(archive, source)
    with pytest.raises(InterruptedRunError):
        prepare("ntu", [source], out, advanced=interrupt)
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(source, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(b"1", b"2", 1) if name == old.namelist()[-1] else data)
    with pytest.raises(StoreError, match="had another source_key"):
        prepare("ntu", [source], out, resume=True)


def test_a_run_of_another_version_is_not_gone_on_with(archive, tmp_path, monkeypatch):
    with pytest.raises(InterruptedRunError):
        prepare("ntu", [archive], tmp_path / "o.zarr", advanced=interrupt)
    monkeypatch.setattr("skeldata.__version__", "9.9.9")
    with pytest.raises(StoreError, match="had another skeldata"):
        prepare("ntu", [archive], tmp_path / "o.zarr", resume=True)


def test_what_appears_at_the_target_meanwhile_is_not_replaced(archive, tmp_path):
    out = tmp_path / "o.zarr"

    def somebody(*_):
        out.mkdir(exist_ok=True)
        (out / "other").write_text("precious")

    with pytest.raises(StoreExistsError, match="is no skeldata store"):
        prepare("ntu", [archive], out, started=somebody)
    assert (out / "other").read_text() == "precious"
    shutil.rmtree(out)
    assert prepare("ntu", [archive], out, resume=True).resumed == 20


def test_a_store_that_appears_meanwhile_is_replaced_only_if_asked(archive, tmp_path):
    out, other = tmp_path / "o.zarr", tmp_path / "other.zarr"
    prepare("ntu", [archive], other, frames=20)

    def somebody(*_):
        shutil.copytree(other, out, dirs_exist_ok=True)

    with pytest.raises(StoreExistsError, match="add --overwrite"):
        prepare("ntu", [archive], out, started=somebody)
    assert open_store(out).frames == 20
    prepare("ntu", [archive], out, started=somebody, overwrite=True)
    assert open_store(out).frames == 50


def test_recordings_and_other_folders_survive_overwrite(folder, archive, tmp_path):
    with pytest.raises(UsageError, match="holds the recordings"):
        prepare("ntu", [folder], folder, overwrite=True)
    with pytest.raises(UsageError, match="holds the recordings"):
        prepare("ntu", [archive], archive, overwrite=True)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "thesis.tex").write_text("precious")
    with pytest.raises(StoreExistsError, match="no skeldata store"):
        prepare("ntu", [archive], tmp_path / "results", overwrite=True)
    assert (tmp_path / "results" / "thesis.tex").exists()
    assert len(os.listdir(folder)) > 0


def test_a_link_keeps_pointing_to_its_store(archive, tmp_path):
    disk = tmp_path / "disk"
    prepare("ntu", [archive], disk / "s.zarr", frames=20)
    (tmp_path / "s.zarr").symlink_to(disk / "s.zarr")
    prepare("ntu", [archive], tmp_path / "s.zarr", frames=10, overwrite=True)
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
def test_only_the_store_that_is_asked_for_is_complete(archive, tmp_path, asked, other):
    out = tmp_path / "o.zarr"
    assert not already_complete(out, "ntu")
    prepare("ntu", [archive], out)
    assert already_complete(out, "ntu", streams=["joint", "motion"])
    with pytest.raises(StoreError, match=rf"complete, but of another {other} than asked for"):
        already_complete(out, **({"family": "ntu"} | asked))


def test_a_journal_that_a_kill_left_behind_goes_with_the_next_look(archive, tmp_path):
    prepare("ntu", [archive], tmp_path / "o.zarr")
    (tmp_path / "o.zarr" / schema.JOURNAL).write_text("{}")
    assert already_complete(tmp_path / "o.zarr", "ntu")
    assert verify_store(tmp_path / "o.zarr") == []


def test_a_recipe_without_the_layout_leaves_nothing_behind(archive, tmp_path):
    shipped = (files("skeldata") / "recipes" / "yaw.toml").read_text()
    general, _, rest = shipped.partition("[normalise.kinect25]")
    own = tmp_path / "own.toml"
    own.write_text(general + rest[rest.index("[normalise.kinect20]") :])
    (tmp_path / "out").mkdir()
    with pytest.raises(RecipeError, match=r"no \[normalise\.kinect25\] for ntu60"):
        prepare("ntu", [archive], tmp_path / "out" / "o.zarr", recipe=own)
    assert os.listdir(tmp_path / "out") == []
