from types import SimpleNamespace

import numpy as np
import pytest

from pspmodel.data.cameras import OtherCameras
from pspmodel.errors import UsageError
from skeldata import get_dataset


def store_of(dataset, names):
    """What a store says of the recordings with these names."""
    samples = [get_dataset(dataset).parse_name(name) for name in names]
    columns = ["subject", "camera", "replication"]
    if samples[0].setup is not None:
        columns.append("setup")
    return SimpleNamespace(
        path="fake.zarr",
        names=names,
        labels=np.array([sample.action for sample in samples]),
        attributes={"columns": columns},
        column=lambda name: np.array([getattr(sample, name) for sample in samples]),
    )


@pytest.fixture
def store():
    """Forty performances, by one to three of the cameras each."""
    seen = np.random.default_rng(3).random((40, 3)) < 0.6
    return store_of(
        "nw-ucla",
        [
            f"a{1 + p % 4:02}_s{1 + p // 4 % 5:02}_e{p // 20:02}_v{camera + 1:02}"
            for p, camera in zip(*np.nonzero(seen), strict=True)
        ],
    )


def partners(store, rows):
    """For each row the rows whose names differ in the camera alone."""
    return {
        row: {o for o in rows if o != row and store.names[o][:-3] == store.names[row][:-3]}
        for row in rows
    }


def test_each_recording_gets_one_of_the_same_performance(store):
    rows = np.arange(len(store.names))
    expected = partners(store, rows)
    assert {len(others) for others in expected.values()} == {0, 1, 2}
    drawn = {row: set() for row in rows}
    for seed in range(40):
        for row, other in zip(rows, OtherCameras(store, rows).of(rows, seed), strict=True):
            drawn[row].add(other)
    assert drawn == {row: others or {row} for row, others in expected.items()}


def test_recordings_elsewhere_are_nobodys_partner(store):
    rows = np.flatnonzero(store.column("camera") != 3)
    cameras = OtherCameras(store, rows)
    for seed in range(20):
        assert set(cameras.of(rows, seed)) <= set(rows)


def test_a_draw_is_of_its_seed_and_its_place_in_the_batch(store):
    rows = np.arange(len(store.names))
    cameras = OtherCameras(store, rows)
    assert cameras.of(rows, 1).tolist() == cameras.of(rows, 1).tolist()
    many = next(row for row, others in partners(store, rows).items() if len(others) == 2)
    batch = np.full(50, many)
    assert len(set(cameras.of(batch, 1))) == 2
    assert cameras.of(batch, 1).tolist() != cameras.of(batch, 2).tolist()


def test_one_camera_alone_is_refused(store):
    rows = np.flatnonzero(store.column("camera") == 1)
    with pytest.raises(UsageError, match='cameras="other" needs performances that two cameras saw'):
        OtherCameras(store, rows)


def test_setups_of_ntu_are_performances_of_their_own():
    names = [f"S{s:03}C{c:03}P001R{r:03}A005" for s in (1, 2) for c in (1, 2) for r in (1, 2)]
    store = store_of("ntu60", names)
    others = OtherCameras(store, np.arange(8)).of(np.arange(8), 0)
    assert [store.names[row] for row in others] == [
        name.replace("C001", "C00x").replace("C002", "C001").replace("C00x", "C002")
        for name in names
    ]
