import pytest
from hypothesis import settings

from skeldata import open_store, prepare
from skeldata.synth import write_ntu

# Shared machines stall for seconds: a slow example is not a wrong one.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def ntu_store_path(tmp_path_factory):
    """A store of 60 synthetic NTU-60 recordings of four actions, one of them with two persons."""
    folder = tmp_path_factory.mktemp("ntu")
    write_ntu(folder / "ntu.zip", 60, seed=1, actions=[5, 9, 23, 50])
    prepare("ntu", [folder / "ntu.zip"], folder / "ntu.zarr", workers=1)
    return folder / "ntu.zarr"


@pytest.fixture(scope="session")
def ntu_store(ntu_store_path):
    return open_store(ntu_store_path)
