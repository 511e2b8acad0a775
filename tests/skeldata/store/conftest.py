"""A sound store, and copies of it to be damaged."""

import pytest

from skeldata.synth import write_ntu
from support.store_files import copied, prepared


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """14 NTU rows of 4 frames and all streams, in blocks of 5 rows."""
    folder = tmp_path_factory.mktemp("sound")
    write_ntu(folder / "raw.zip", 14, seed=1, actions=[5, 50])
    streams = ["bone", "bone-motion"]
    return prepared("ntu", folder / "raw.zip", folder / "s.zarr", frames=4, streams=streams)


@pytest.fixture
def store(sound, tmp_path):
    """A copy to be damaged."""
    return copied(sound, tmp_path)
