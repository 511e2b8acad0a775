"""Recordings to prepare, in blocks so small that few of them make several."""

import pytest

from skeldata.store import write
from skeldata.synth import write_ntu


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """24 synthetic NTU recordings as a zip."""
    path = tmp_path_factory.mktemp("source") / "ntu.zip"
    write_ntu(path, 24, seed=2, actions=[1, 5, 50])
    return path


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 5 rows and batches of 4 files: every border is crossed by few recordings."""
    monkeypatch.setattr(write, "ROWS_PER_BLOCK", 5)
    monkeypatch.setattr("skeldata.pool.FILES_PER_BATCH", 4)
