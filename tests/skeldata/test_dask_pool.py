import pytest

from skeldata import UsageError, open_store, prepare
from skeldata.errors import MissingExtraError
from skeldata.synth import write_ntu

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    path = tmp_path_factory.mktemp("raw") / "ntu.zip"
    write_ntu(path, 70, seed=3, actions=[1, 2])
    return path


@pytest.fixture(scope="module")
def address():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_of_two_makes_the_same_store(raw, address, tmp_path):
    local = prepare("ntu", [raw], tmp_path / "local.zarr", workers=1)
    far = prepare("ntu", [raw], tmp_path / "far.zarr", dask=address)
    assert far.content_digest == local.content_digest
    assert far.source_digest == local.source_digest
    assert open_store(tmp_path / "far.zarr").names == open_store(tmp_path / "local.zarr").names


def test_a_rejection_comes_back_whole(tmp_path, address):
    write_ntu(tmp_path / "raw", 8, seed=3, actions=[1])
    victim = sorted((tmp_path / "raw").iterdir())[2]
    victim.write_bytes(victim.read_bytes()[:900])
    (rejection,) = prepare("ntu", [tmp_path / "raw"], tmp_path / "o.zarr", dask=address).rejected
    assert rejection.name == victim.stem
    assert rejection.line


def test_an_address_without_a_scheduler_is_one_line(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("skeldata.dask_pool._CONNECT_SECONDS", 1)
    with pytest.raises(UsageError, match="no dask scheduler answers at tcp://127"):
        prepare("ntu", [raw], tmp_path / "o.zarr", dask="tcp://127.0.0.1:9")
    assert not (tmp_path / "o.zarr").exists()


def test_without_dask_the_extra_is_named(raw, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'skeldata\[dask\]'"):
        prepare("ntu", [raw], tmp_path / "o.zarr", dask="tcp://127.0.0.1:9")
