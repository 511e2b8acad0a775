import io
import random
import struct
import subprocess
import sys
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeldata import ParseError, SourceError, inflate
from skeldata.inflate import Place, inflater_in_use, read_member
from skeldata.parse.limits import MAX_FILE_BYTES
from skeldata.sources import SourceReader, list_sources
from support.sequences import attempt

NAME = "S001C001P001R001A001"
ENGINES = ["zlib", "isal"]


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch):
    """Both ways of inflating, each tried by every test that asks for it."""
    module = zlib if request.param == "zlib" else pytest.importorskip("isal.isal_zlib")
    monkeypatch.setattr(inflate, "engine", module)
    return request.param


def zipped(data, method=zipfile.ZIP_DEFLATED, **options):
    """A zip of one member, and where it lies."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, **options) as archive:
        archive.writestr(f"folder/{NAME}.skeleton", data)
        (info,) = archive.infolist()
    place = Place(info.header_offset, info.compress_size, info.compress_type)
    return buffer, place, info.file_size, info.CRC


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def placed(packed, data, size=None, crc=None):
    """An archive whose member is packed as given and declared as if it held ``data``."""
    header = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, 0, 0, 0, 1, 2) + b"nxx"
    archive = io.BytesIO(b"before" + header + packed)
    size = len(data) if size is None else size
    return archive, Place(6, len(packed), 8), size, zlib.crc32(data) if crc is None else crc


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000) | st.text("0123456789. \n", max_size=3000).map(str.encode))
def test_members_come_back_whole_by_both_engines(data):
    for module in (zlib, pytest.importorskip("isal.isal_zlib")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(inflate, "engine", module)
            for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                assert read_member(*zipped(data, method)) == data


def test_large_members_come_back_whole(engine):
    data = random.Random(0).randbytes(300_000) + bytes(700_000)
    assert read_member(*zipped(data)) == data
    assert read_member(*zipped(data, compresslevel=0)) == data
    assert read_member(*placed(deflated(data), data)) == data


def test_the_engine_is_told(engine):
    assert inflater_in_use() == engine


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (4999, "inflates to more than the 4,999 bytes"),
        (5001, "5,000 bytes, not the 5,001"),
        (0, "inflates to more than the 0 bytes"),
    ],
)
def test_sizes_that_lie_are_refused(engine, size, reason):
    data = b"1.25 " * 1000
    with pytest.raises(ParseError, match=f"damaged in its archive: {reason}"):
        read_member(*placed(deflated(data), data, size=size))
    archive, place, _, crc = zipped(data, zipfile.ZIP_STORED)
    with pytest.raises(ParseError, match="damaged in its archive: 5,000 bytes, not"):
        read_member(archive, place, size, crc)


def test_another_crc_is_refused(engine):
    data = b"1.25 " * 1000
    with pytest.raises(ParseError, match="its CRC-32 is not the 0000002a it declares"):
        read_member(*placed(deflated(data), data, crc=42))


def test_a_stream_without_end_takes_no_more_memory_than_declared(engine):
    bomb = deflated(bytes(1 << 26))
    assert len(bomb) < 100_000
    grown = subprocess.run(
        [sys.executable, "-c", BOMB.format(engine=engine)],
        input=bomb,
        capture_output=True,
        check=True,
    )
    assert int(grown.stdout) < 16 * 1024 * 1024


BOMB = """
import io, resource, sys, zlib
from skeldata import inflate
from skeldata.errors import ParseError
if "{engine}" == "zlib":
    inflate.engine = zlib
packed = sys.stdin.buffer.read()
archive = io.BytesIO(b"PK\\x03\\x04" + bytes(26) + packed)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    inflate.read_member(archive, inflate.Place(0, len(packed), 8), 1000, 0)
except ParseError as error:
    assert "inflates to more than the 1,000 bytes" in str(error), error
else:
    raise SystemExit("accepted")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_a_cut_stream_is_refused(engine):
    data = b"1.25 -0.5 " * 500
    packed = deflated(data)
    for cut in range(1, len(packed)):
        with pytest.raises(ParseError, match="damaged in its archive: "):
            read_member(*placed(packed[:-cut], data))


def test_flipped_bits_are_refused(engine):
    data = bytes(random.Random(1).choices(b"0123456789. \n", k=2000))
    packed = deflated(data)
    for bit in range(0, 8 * len(packed), 7):
        broken = bytearray(packed)
        broken[bit // 8] ^= 1 << bit % 8
        found = attempt(read_member, *placed(bytes(broken), data))
        assert found == data or str(found).isprintable()  # true: a bit of padding behind the end


def test_methods_other_than_deflate_are_named():
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(ParseError, match=f"packed by method {method}, which is not supported"):
            read_member(*zipped(b"1\n0\n", method))


def test_absurd_packed_sizes_are_refused_before_reading():
    archive, place, size, crc = zipped(b"1\n0\n")
    for packed in (MAX_FILE_BYTES + 1, 2**62):
        with pytest.raises(ParseError, match="larger than the limit"):
            read_member(archive, Place(place.offset, packed, place.method), size, crc)


@pytest.mark.parametrize(
    ("offset", "packed", "reason"),
    [
        (1, 0, "there is no member where it lists one"),
        (10**9, 0, "there is no member where it lists one"),
        (0, 10**6, "it ends inside the member"),
    ],
)
def test_places_that_lie_are_refused(offset, packed, reason):
    archive, place, size, crc = zipped(b"1\n0\n", zipfile.ZIP_STORED)
    with pytest.raises(ParseError, match=reason):
        read_member(archive, Place(offset, place.packed + packed, place.method), size, crc)


def test_an_encrypted_member_is_refused():
    archive, place, size, crc = zipped(b"1\n0\n")
    archive.getbuffer()[6] |= 1
    with pytest.raises(ParseError, match="encrypted"):
        read_member(archive, place, size, crc)


def test_damaged_archives_give_errors_or_the_true_bytes(tmp_path, engine):
    """Any byte of a zip may be wrong: it cannot be listed, or each file is whole or refused."""
    content = {f"S001C001P001R001A{a:03}": b"%d 1.5\n" % a * 40 for a in range(1, 5)}
    path = tmp_path / "raw.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(f"{name}.skeleton", data)
    whole = path.read_bytes()
    rng = random.Random(0)
    outcomes = set()
    for case in range(400):
        broken = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2))):
            broken[rng.randrange(len(broken))] = rng.choice((0, 255, rng.randrange(256)))
        path.write_bytes(broken[: rng.randrange(len(broken))] if case % 10 == 0 else broken)
        listing = attempt(list_sources, [path], "ntu")
        if isinstance(listing, SourceError):
            outcomes.add("unlisted")
            assert str(listing).isprintable()
            continue
        with SourceReader() as reader:
            for file in listing.files:
                found = attempt(reader.read, file)
                if isinstance(found, ParseError):
                    outcomes.add("refused")
                    assert found.name == file.name
                    assert str(found).isprintable()
                else:
                    outcomes.add("whole")
                    # A name of the directory may be what is wrong; bytes are checked by CRC.
                    assert found in content.values()
    assert outcomes == {"unlisted", "refused", "whole"}
