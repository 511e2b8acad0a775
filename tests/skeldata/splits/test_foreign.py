"""Lists as labs have them: every way of writing the same names gives the same names."""

import contextlib
import gzip
import json
import pickle
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata.errors import ManifestError
from skeldata.splits import draw, training_names, write_split
from skeldata.splits.foreign import names_in, read_entries
from skeldata.splits.listing import MAX_LIST_BYTES

UCLA = training_names("nw-ucla", "xview")
NTU = draw("ntu60", "xsub", "5%").names


def read(path):
    """The names of a list, each entry holding exactly one."""
    entries = read_entries(path)
    assert [len(entry.names) for entry in entries] == [1] * len(entries)
    return [entry.names[0] for entry in entries]


# -- text ------------------------------------------------------------------------------------------

some_names = st.lists(st.sampled_from([*UCLA, *NTU]), min_size=1, max_size=12)
folders = st.sampled_from(["", "./", "/data/ntu raw/", "C:\\Users\\lab\\NTU RGB+D\\", "a, b/"])
suffixes = st.sampled_from(["", ".skeleton", ".json", ".skeleton.npy", ".SKELETON"])
wraps = st.sampled_from(["{}", "  {}\t", '"{}"', "'{}',"])
rests = st.sampled_from(["", ",5", ";x;1.5", "\t12", " 7 # label", ' , "drink water"'])
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
line_ends = st.sampled_from(["\n", "\r\n", "\r"])


@given(
    names=some_names,
    decorations=st.lists(
        st.tuples(folders, suffixes, wraps, rests), min_size=12, max_size=12
    ),
    fillers=st.lists(st.sampled_from(["", "   ", "# a comment", "  # S001C001P001R001A001"])),
    end=line_ends,
    last=st.booleans(),
    encoding=encodings,
    packed=st.booleans(),
)  # fmt: skip
def test_text_in_any_dress(
    tmp_path_factory, names, decorations, fillers, end, last, encoding, packed
):
    lines, places = list(fillers), []
    for name, (folder, suffix, wrap, rest) in zip(names, decorations, strict=False):
        # A folder with a comma cannot stand in an unquoted table; then no columns follow.
        rest = "" if "," in folder or " " in folder else rest
        lines.append(wrap.format(folder + name + suffix) + rest)
        places.append(len(lines))
    data = (end.join(lines) + end * last).encode(encoding)
    path = tmp_path_factory.mktemp("lists") / ("list.txt.gz" if packed else "list.txt")
    path.write_bytes(gzip.compress(data) if packed else data)
    assert read(path) == names
    assert [entry.line for entry in read_entries(path)] == places


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("12,S001C001P001R001A001,0", 1),  # pandas writes the row number first
        ("S001C001P001R001A001_rgb.avi", 0),
        ("xS001C001P001R001A001", 0),
        ("s001c001p001r001a001", 0),
        ("S001C001P001R001A121", 0),
        ("a07_s01_e00_v01", 0),
        ("S001C001P001R001A001,S001C001P001R001A001.skeleton", 1),
        ("S001C001P001R001A001 S001C001P001R001A002", 2),
        ("S001C001P001R001A001/a01_s01_e00_v01", 1),
        ("", 0),
    ],
)
def test_what_holds_a_name(line, found):
    assert len(names_in(line)) == found


def test_only_the_first_row_of_a_table_may_be_a_heading(tmp_path):
    text = "name,label\na01_s01_e00_v01,0\nnonsense\n"
    for name, entries in (("x.csv", 2), ("x.TSV", 2), ("x.csv.gz", 2), ("x.txt", 3)):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        found = read_entries(path)
        assert len(found) == entries
        assert (found[-1].text, found[-1].names, found[-1].line) == ("nonsense", (), 3)
    headless = tmp_path / "headless.csv"
    headless.write_text("a01_s01_e00_v01,0\na01_s01_e00_v02,0\n")
    assert len(read(headless)) == 2


@given(st.binary(max_size=200))
def test_no_bytes_at_all_do_harm(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("bytes")
    for suffix in (".txt", ".csv", ".json", ".pkl", ".txt.gz"):
        path = folder / f"list{suffix}"
        path.write_bytes(data)
        with contextlib.suppress(ManifestError):
            entries = read_entries(path)
            assert [entry.item for entry in entries] == list(range(1, len(entries) + 1))


def test_what_cannot_be_read(tmp_path):
    path = tmp_path / "list.txt"
    with pytest.raises(ManifestError, match="cannot read"):
        read_entries(path)
    with pytest.raises(ManifestError, match="cannot read"):
        read_entries(tmp_path)
    damaged = tmp_path / "damaged.txt.gz"
    data = bytearray(gzip.compress("\n".join(UCLA).encode()))
    data[40] ^= 255
    damaged.write_bytes(data)
    with pytest.raises(ManifestError, match="cannot read"):
        read_entries(damaged)


def test_a_packed_list_that_inflates_without_end_is_not_held_in_memory(tmp_path):
    bomb = tmp_path / "bomb.txt.gz"
    bomb.write_bytes(gzip.compress(bytes(MAX_LIST_BYTES // 8)) * 80)
    tracemalloc.start()
    try:
        with pytest.raises(ManifestError, match="longer than 64 MiB"):
            read_entries(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_LIST_BYTES
    finally:
        tracemalloc.stop()


# -- JSON ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("kind", ["list", "pair", "object"])
def test_json(tmp_path, kind, indent):
    names = [f"{UCLA[4]}.json", "ü", UCLA[2]]
    content = {"list": names, "pair": [names, [0, 1, 2]], "object": {"seed": "x", "names": names}}
    path = tmp_path / "list.json"
    path.write_text(json.dumps(content[kind], indent=indent))
    found = read_entries(path)
    assert [entry.text for entry in found] == names
    assert [entry.names for entry in found] == [(UCLA[4],), (), (UCLA[2],)]
    if kind == "object":  # other strings stand in it, so lines cannot be told
        assert [entry.line for entry in found] == [None] * 3
        assert found[1].where == "item 2"
    else:
        first = {"list": 2, "pair": 3}[kind] if indent else 1
        step = 1 if indent else 0
        assert [entry.line for entry in found] == [first, first + step, first + 2 * step]
    path.rename(tmp_path / "list.txt")  # recognised without its suffix
    assert [entry.text for entry in read_entries(tmp_path / "list.txt")] == names


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[1, 2]", "holds no list of names"),
        ('{"train": ["a01_s01_e00_v01"]}', "holds no list of names"),
        ('[["a01_s01_e00_v01"], ["a01_s01_e00_v02"]]', "holds no list of names"),
        ('["a01_s01_e00_v01",\n oops]', "line 2: not JSON"),
        ("[" * 100_000, "not a JSON list of names"),
        ("[" + "9" * 10_000 + "]", "not a JSON list of names"),
    ],
)
def test_json_that_is_refused(tmp_path, text, what):
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(ManifestError, match=what):
        read_entries(path)


def test_a_manifest_needs_no_import(tmp_path):
    path = write_split(draw("nw-ucla", "xview", "5%"), tmp_path)
    with pytest.raises(ManifestError, match="already a skeldata-split file"):
        read_entries(path)


# -- pickles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".pkl.gz"])
def test_label_pickles(tmp_path, protocol, suffix):
    names = [f"{name}.skeleton" for name in NTU[:300]]
    path = tmp_path / f"train_label{suffix}"
    for content in (names, (names, [7] * 300), [names, list(range(300))], {"names": tuple(names)}):
        data = pickle.dumps(content, protocol)
        path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
        assert read(path) == list(NTU[:300])
        assert {entry.line for entry in read_entries(path)} == {None}


def test_pickles_of_python_2(tmp_path):
    name = NTU[0].encode()
    path = tmp_path / "old.pkl"
    path.write_bytes(b"\x80\x02]q\x00(U\x14" + name + b"q\x01h\x01e.")  # one text, twice
    assert read(path) == [NTU[0]] * 2
    path.write_bytes(b"(lp0\nS'" + name + b"'\np1\na.")
    assert read(path) == [NTU[0]]


class Evil:
    def __reduce__(self):
        return (open, ("harm.txt", "w"))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("suffix", [".pkl", ".txt"])
def test_nothing_in_a_pickle_runs(tmp_path, monkeypatch, protocol, suffix):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"list{suffix}"
    path.write_bytes(pickle.dumps([NTU[0], Evil()], protocol))
    if suffix == ".txt" and protocol < 2:  # text as well as a pickle, so taken for text
        assert read_entries(path)
    else:
        with pytest.raises(ManifestError, match="could run code"):
            read_entries(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x80\x04]r\xff\xff\xff\x7f.", "damaged pickle: memo place"),
        (b"\x80\x04]", "damaged pickle"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.", "damaged pickle"),
        (b"\x80\x04e.", "damaged pickle"),
        (b"\x80\x04}]K\x01s.", "damaged pickle"),  # a list as a key
        (b"", "damaged pickle"),
        (pickle.dumps(5), "holds no list of names"),
    ],
)
def test_damaged_pickles(tmp_path, data, what):
    path = tmp_path / "list.pkl"
    path.write_bytes(data)
    with pytest.raises(ManifestError, match=what):
        read_entries(path)
