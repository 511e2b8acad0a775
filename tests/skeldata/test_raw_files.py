import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata.inflate import Place
from skeldata.raw_files import RawFile, RawFiles, size_of
from skeldata.sources import list_sources
from skeldata.synth import ntu_bytes

NAMES = st.builds("S{:03}C{:03}P{:03}R{:03}A{:03}".format, *[st.integers(0, 999)] * 5) | st.builds(
    "a{:02}_s{:02}_e{:02}_v{:02}".format, *[st.integers(0, 99)] * 4
)
TEXTS = st.sampled_from(["", "/", "raw/", "x/é/", "\udc80/"]) | st.text(max_size=5)
SIZES = st.integers(0, 2**63 - 1)
PLACES = st.builds(Place, st.integers(-(2**63), 2**63 - 1), SIZES, st.integers(0, 2**16 - 1))


@st.composite
def raw_files(draw):
    name = draw(NAMES)
    path = draw(TEXTS) + name + draw(TEXTS)
    crc = draw(st.none() | st.integers(0, 2**32 - 1))
    if draw(st.booleans()):
        return RawFile(name, path, None, draw(SIZES), crc)
    return RawFile(name, draw(TEXTS), path, draw(SIZES), crc, draw(PLACES))


@given(st.lists(raw_files(), max_size=20), st.slices(20))
def test_what_goes_in_comes_out(files, part):
    kept = RawFiles(files)
    assert len(kept) == len(files)
    assert list(kept) == files
    assert kept[part] == tuple(files[part])
    assert [kept[at] for at in range(-len(files), len(files))] == files + files
    assert list(kept.names()) == [file.name for file in files]
    assert list(kept.sizes()) == [file.size for file in files]


@given(st.lists(raw_files(), max_size=20), st.integers(0, 20))
def test_sizes_are_added_up_from_any_file_on(files, first):
    expected = sum(file.size for file in files[first:])
    assert size_of(files, first) == size_of(RawFiles(files), first) == expected


@given(st.lists(raw_files(), max_size=20))
def test_sorting_is_by_name_and_keeps_equal_ones_in_their_order(files):
    assert list(RawFiles(files).sorted()) == sorted(files, key=lambda file: file.name)


def test_many_of_one_name_keep_their_order():
    names = ["S001C001P001R001A001", "S001C001P001R001A002"]
    files = RawFiles(RawFile(names[n % 2], names[n % 2], None, n) for n in range(2000))
    assert [file.size for file in files.sorted()] == [*range(0, 2000, 2), *range(1, 2000, 2)]


@given(st.lists(raw_files(), max_size=20), st.data())
def test_some_names_are_left_out(files, data):
    names = st.sampled_from([file.name for file in files] or ["S001C001P001R001A001"])
    gone = frozenset(data.draw(st.sets(names | NAMES)))
    assert list(RawFiles(files).without(gone)) == [f for f in files if f.name not in gone]


def test_there_is_nothing_behind_the_end():
    files = RawFiles([RawFile("S001C001P001R001A001", "S001C001P001R001A001.skeleton", None, 1)])
    for at in (1, -2):
        with pytest.raises(IndexError):
            files[at]


def test_a_place_beyond_any_file_is_the_farthest_there_is():
    file = RawFile("a01_s01_e00_v01", "x.zip", "a01_s01_e00_v01.json", 1, 2, Place(2**64 - 1, 1, 8))
    assert RawFiles([file])[0].place == Place(2**63 - 1, 1, 8)


def test_a_recording_takes_sixty_bytes_and_its_name_no_more(tmp_path):
    """The listing of a hundred thousand files must not be what fills memory."""
    names = [f"S001C001P{p:03}R001A{a:03}" for p in range(1, 41) for a in range(1, 61)]
    data = ntu_bytes(names[0], frames=1)
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        for name in names:
            archive.writestr(f"raw/{name}.skeleton", data)
    files = list_sources([tmp_path / "raw.zip"], "ntu").files
    assert list(files.names()) == sorted(names)
    assert len(files._rows) == 60 * len(names)
    assert len(files._texts) == 1
