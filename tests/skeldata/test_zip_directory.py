import random
import struct
import zipfile

import pytest

from skeldata import zip_directory
from skeldata.zip_directory import Entry, entries


def of_zipfile(path):
    """The entries as `zipfile` has them, or its error."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except Exception as error:
        return type(error), str(error)
    return [
        Entry(
            i.filename, bool(i.flag_bits & 1), i.compress_type, i.CRC, i.compress_size,
            i.file_size, i.header_offset,
        )
        for i in infos
    ]  # fmt: skip


def found(path):
    try:
        return list(entries(path))
    except Exception as error:
        return type(error), str(error)


def write(path, names=("a.skeleton", "sub/", "sub/b.skeleton", "é/ß.txt"), comment=b"", extra=b""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.compress_type, info.extra = zipfile.ZIP_DEFLATED, extra
            archive.writestr(info, b"content of " + name.encode() * 9)
        archive.comment = comment
    return path


@pytest.fixture
def zipfile_asked(monkeypatch):
    """How often `zipfile` had to be asked."""
    asked = []

    class Watched(zipfile.ZipFile):
        def __init__(self, *args, **kwargs):
            asked.append(args)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(zip_directory.zipfile, "ZipFile", Watched)
    return asked


USUAL = {
    "plain": {},
    "empty": {"names": ()},
    "an extra field of another kind": {"extra": struct.pack("<HHI", 0x5455, 4, 7)},
    "many": {"names": [f"{n}.skeleton" for n in range(3000)]},
    "one name twice": {"names": ["a.skeleton", "a.skeleton"]},
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("options", USUAL.values(), ids=USUAL)
def test_usual_archives_are_read_here_as_zipfile_reads_them(tmp_path, options, request):
    path = write(tmp_path / "x.zip", **options)
    expected = of_zipfile(path)
    asked = request.getfixturevalue("zipfile_asked")
    assert found(path) == expected
    assert not asked


def test_large_archives_are_read_here(tmp_path, monkeypatch, request):
    """With low limits zipfile writes what only archives beyond 4 GB or 65,535 members have."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 60)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    path = write(tmp_path / "x.zip", names=[f"{n}" * 40 for n in range(6)])
    data = path.read_bytes()
    assert b"PK\6\6" in data
    assert b"\xff" * 8 in data
    expected = of_zipfile(path)
    asked = request.getfixturevalue("zipfile_asked")
    assert found(path) == expected
    assert not asked


UNUSUAL = {
    "a comment": lambda data, path: write(path, comment=b"from a lab"),
    "bytes in front": lambda data, path: path.write_bytes(b"#!/bin/sh\n" + data),
    "bytes behind": lambda data, path: path.write_bytes(data + b"\n"),
    "another name in an extra field": lambda data, path: write(
        path, extra=struct.pack("<HHBI", 0x7075, 5, 1, 0)
    ),
    "a NUL in a name": lambda data, path: path.write_bytes(data.replace(b"b.skel", b"b\0skel")),
    "a name that is no UTF-8": lambda data, path: path.write_bytes(
        data.replace("é/ß".encode(), b"\xff\xff/\xff\xff")
    ),
    "a newer version": lambda data, path: path.write_bytes(
        data.replace(b"PK\1\2\x14\3\x14", b"PK\1\2\x14\3\x64")
    ),
    "a cut": lambda data, path: path.write_bytes(data[:-9]),
    "no zip": lambda data, path: path.write_bytes(b"PK" * 50),
    "nothing": lambda data, path: path.write_bytes(b""),
}


@pytest.mark.parametrize("change", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_archives_are_left_to_zipfile(tmp_path, change, zipfile_asked):
    path = write(tmp_path / "x.zip")
    change(path.read_bytes(), path)
    zipfile_asked.clear()
    got = found(path)
    assert len(zipfile_asked) == 1
    assert got == of_zipfile(path)


@pytest.mark.parametrize("large", [False, True])
def test_no_damage_divides_it_from_zipfile(tmp_path, monkeypatch, large):
    if large:
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 60)
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    path = write(tmp_path / "x.zip", extra=struct.pack("<HHI", 0x5455, 4, 7))
    whole = path.read_bytes()
    start = whole.index(b"PK\1\2")
    rng = random.Random(0)
    outcomes = set()
    for case in range(600):
        broken = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.randrange(start, len(broken))
            broken[at] = rng.choice((0, 1, 255, broken[at] ^ 1, rng.randrange(256)))
        path.write_bytes(broken)
        expected = of_zipfile(path)
        assert found(path) == expected, case
        outcomes.add(type(expected))
    assert outcomes == {list, tuple}


def test_nothing_comes_out_before_all_is_checked(tmp_path):
    path = write(tmp_path / "x.zip")
    data = path.read_bytes()
    last = data.rindex(b"PK\1\2")
    path.write_bytes(data[:last] + b"PK\1\3" + data[last + 4 :])
    taken = []
    with pytest.raises(zipfile.BadZipFile):
        taken.extend(entries(path))
    assert not taken
