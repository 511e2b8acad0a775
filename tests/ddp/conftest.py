import pytest

from support.processes import Processes


@pytest.fixture(scope="session")
def two(tmp_path_factory):
    """Two processes joined by gloo."""
    processes = Processes(2, tmp_path_factory.mktemp("processes"))
    yield processes
    processes.stop()


@pytest.fixture(scope="session")
def three(tmp_path_factory):
    """Three processes joined by gloo."""
    processes = Processes(3, tmp_path_factory.mktemp("processes"))
    yield processes
    processes.stop()
