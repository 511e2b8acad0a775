import pytest

from pspmodel.train.loop import train
from support.tiny_runs import run_at


@pytest.fixture(scope="package")
def undisturbed(tmp_path_factory, ntu_store_path):
    """A small run that went through: its folder and its outcome."""
    folder = tmp_path_factory.mktemp("run") / "undisturbed"
    return folder, train(run_at(folder, ntu_store_path))
