import errno
import os
import zipfile
from pathlib import Path

import pytest

from skeldata import ParseError, SourceError
from skeldata.sources import RawFile, SourceReader, detect_dataset, list_sources

NAMES = ["S001C001P001R001A001", "S001C001P001R001A002", "S002C003P007R002A060"]


def content(name):
    return f"bytes of {name}".encode()


def write_folder(folder, names=NAMES):
    for index, name in enumerate(names):
        path = folder / ("deep/er" if index % 2 else "") / f"{name}.skeleton"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name))
    return folder


def write_zip(path, names=NAMES, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name in reversed(names):
            archive.writestr(f"nturgb+d_skeletons/{name}.skeleton", content(name))
    return path


def test_folders_and_zips_list_the_same_names_and_bytes(tmp_path):
    folder = write_folder(tmp_path / "folder")
    archive = write_zip(tmp_path / "a.zip")
    with SourceReader() as reader:
        for root in (folder, archive):
            listing = list_sources([root], "ntu")
            assert [file.name for file in listing.files] == NAMES
            assert [reader.read(file) for file in listing.files] == [content(n) for n in NAMES]
            crcs = [reader.crc(file, reader.read(file)) for file in listing.files]
            assert crcs == [zipfile.crc32(content(n)) for n in NAMES]


def test_folders_of_an_archive_may_be_parted_by_backslashes(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in NAMES:
            archive.writestr(f"nturgb+d\\skeletons\\{name}.skeleton", content(name))
    listing = list_sources([tmp_path / "a.zip"], "ntu")
    assert list(listing.files.names()) == NAMES
    with SourceReader() as reader:
        assert [reader.read(file) for file in listing.files] == [content(n) for n in NAMES]


def test_several_roots_and_zips_inside_folders_are_one_source(tmp_path):
    (tmp_path / "both").mkdir()
    write_zip(tmp_path / "both" / "first.zip", NAMES[:1])
    write_folder(tmp_path / "both", NAMES[1:2])
    last = write_zip(tmp_path / "last.zip", NAMES[2:])
    listing = list_sources([tmp_path / "both", last], "ntu")
    assert [file.name for file in listing.files] == NAMES


def test_the_same_bytes_twice_count_once_and_others_are_refused(tmp_path):
    folder = write_folder(tmp_path / "folder")
    archive = write_zip(tmp_path / "a.zip")
    listing = list_sources([folder, archive], "ntu")
    assert [file.name for file in listing.files] == NAMES
    assert len(listing.ignored) == 3
    assert all("same bytes as" in reason for _, reason in listing.ignored)
    (folder / f"{NAMES[0]}.skeleton").write_bytes(b"bytes of S001C001P001R001A00!")
    with pytest.raises(SourceError, match=f"{NAMES[0]} stands twice with different content"):
        list_sources([folder, archive], "ntu")


def test_other_files_are_ignored_with_a_reason(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "README.txt").write_text("x")
    (folder / "S001C009P001R001A001.skeleton").write_text("x")
    (folder / "._S001C001P001R001A001.skeleton").write_text("x")
    (folder / ".skeleton").write_text("x")
    listing = list_sources([folder], "ntu")
    assert len(listing.files) == 3
    reasons = {os.path.basename(path): reason for path, reason in listing.ignored}
    assert reasons["README.txt"] == "not a .skeleton file"
    assert reasons["S001C009P001R001A001.skeleton"] == "not a sample name"
    assert reasons["._S001C001P001R001A001.skeleton"] == "not a sample name"
    assert len(reasons) == 4


def test_ignored_paths_begin_with_what_was_given(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "lab" / "raw")
    (folder / "deep" / "notes.txt").write_text("x")
    write_zip(folder / "deep" / "again.zip", [*NAMES[:1], "readme"])
    expected = (
        (
            f"raw/deep/again.zip:nturgb+d_skeletons/{NAMES[0]}.skeleton",
            f"same bytes as raw/{NAMES[0]}.skeleton",
        ),
        ("raw/deep/again.zip:nturgb+d_skeletons/readme.skeleton", "not a sample name"),
        ("raw/deep/notes.txt", "not a .skeleton file"),
    )
    assert list_sources([folder], "ntu").ignored == expected
    monkeypatch.chdir(folder / "deep")
    assert list_sources([".."], "ntu").ignored == expected
    assert list_sources(["again.zip"], "ntu").ignored == (
        ("again.zip:nturgb+d_skeletons/readme.skeleton", "not a sample name"),
    )
    both = dict(list_sources(["again.zip", tmp_path / "lab"], "ntu").ignored)
    assert both[f"lab/raw/{NAMES[0]}.skeleton"] == (
        f"same bytes as again.zip:nturgb+d_skeletons/{NAMES[0]}.skeleton"
    )


def test_links_that_lead_back_are_walked_once(tmp_path):
    folder = write_folder(tmp_path / "folder")
    (folder / "deep" / "back").symlink_to(folder, target_is_directory=True)
    assert len(list_sources([folder], "ntu").files) == 3


def test_half_a_zip_is_one_clear_error(tmp_path):
    path = write_zip(tmp_path / "half.zip")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SourceError, match=r"half\.zip is not a complete zip .* cut off\?"):
        list_sources([path], "ntu")


def test_a_damaged_member_is_refused_by_name(tmp_path):
    path = write_zip(tmp_path / "a.zip", compression=zipfile.ZIP_STORED)
    data = path.read_bytes()
    path.write_bytes(data.replace(content(NAMES[1]), b"B" + content(NAMES[1])[1:]))
    listing = list_sources([path], "ntu")
    with SourceReader() as reader:
        assert reader.read(listing.files[0]) == content(NAMES[0])
        with pytest.raises(ParseError, match=f"{NAMES[1]}: damaged in its archive"):
            reader.read(listing.files[1])


def test_a_file_that_vanished_is_the_fault_of_the_source_not_of_the_file(tmp_path):
    listing = list_sources([write_folder(tmp_path)], "ntu")
    os.unlink(path := listing.files[0].path)
    with SourceReader() as reader, pytest.raises(SourceError) as caught:
        reader.read(listing.files[0])
    assert str(caught.value) == f"cannot read {path}: No such file or directory"


def test_a_file_that_may_not_be_read_is_refused_by_name(tmp_path, monkeypatch):
    listing = list_sources([write_folder(tmp_path)], "ntu")

    def forbidden(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with SourceReader() as reader, pytest.raises(ParseError) as caught:
        reader.read(listing.files[0])
    assert str(caught.value) == f"{NAMES[0]}: cannot be read: Permission denied"


def test_what_is_no_recording_may_be_broken(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "notes.txt").symlink_to("nowhere")
    (folder / "._all.zip").write_bytes(b"\0\5\x16\7")
    (folder / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"")
    listing = list_sources([folder], "ntu")
    assert sorted(listing.files.names()) == sorted(NAMES)
    shown = [path.rpartition("/")[2] for path, _ in listing.ignored]
    assert {"notes.txt", "._all.zip", "caf\\udce9.txt"} <= set(shown)


def test_a_recording_that_points_nowhere_is_an_error(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "S001C001P001R001A059.skeleton").symlink_to("nowhere")
    with pytest.raises(SourceError, match=r"A059\.skeleton: No such file"):
        list_sources([folder], "ntu")


def test_absurd_sizes_are_refused_before_reading(tmp_path):
    file = RawFile(NAMES[0], str(tmp_path / "none"), None, 10**12)
    with SourceReader() as reader, pytest.raises(ParseError, match="larger than the limit"):
        reader.read(file)


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ("nowhere", "no such folder or zip"),
        ("empty", "no ntu recordings"),
        ("file.txt", "neither a folder"),
    ],
)
def test_useless_roots_say_so(tmp_path, root, reason):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(SourceError, match=reason):
        list_sources([tmp_path / root], "ntu")


def test_encrypted_archives_are_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := data.find(signature, start)) >= 0:
            data[start + at] |= 1
            start += 4
    path.write_bytes(data)
    with pytest.raises(SourceError, match="encrypted"):
        list_sources([path], "ntu")


def test_the_dataset_is_found_out_from_the_names(tmp_path):
    assert detect_dataset(list_sources([write_folder(tmp_path / "a")], "ntu")).id == "ntu60"
    more = write_folder(tmp_path / "b", [*NAMES, "S018C001P008R001A061"])
    assert detect_dataset(list_sources([more], "ntu")).id == "ntu120"


def test_recordings_of_the_other_dataset_are_recognised(tmp_path):
    with zipfile.ZipFile(tmp_path / "ucla.zip", "w") as archive:
        archive.writestr("all_sqe/a01_s01_e00_v01.json", b"{}")
    with pytest.raises(
        SourceError, match=r"\*\.json: is it `skeldata prepare ucla` that you want\?"
    ):
        list_sources([tmp_path / "ucla.zip"], "ntu")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "readme.txt").write_text("x")
    with pytest.raises(SourceError, match=r"1 other files were seen$"):
        list_sources([tmp_path / "other"], "ntu")
