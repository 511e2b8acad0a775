"""Every way in which a store can be wrong, and that a sound one is not."""

import json
import random
import re

import numcodecs.blosc
import numcodecs.zstd
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from skeldata import StoreError, UsageError, draw, open_store
from skeldata.splits import training_names, write_split
from skeldata.splits.split import list_split
from skeldata.store.seal import SEAL
from skeldata.store.verify import Finding, verify_store
from skeldata.streams import derive
from skeldata.synth import ntu_bytes, write_ntu, write_ucla
from support.store_files import (
    change,
    change_attributes,
    change_json,
    copied,
    prepared,
    rewrite,
)


@pytest.fixture(scope="module")
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


def told(store, **options):
    return "\n".join(map(str, verify_store(store, **options)))


def name_of(store, row):
    return open_store(store).names[row]


# ---- sound stores --------------------------------------------------------------------------------


def test_sound_stores_have_no_findings_and_progress_reaches_the_end(
    sound, ntu_store_path, tmp_path
):
    calls = []
    assert verify_store(sound, advanced=lambda *call: calls.append(call)) == []
    assert calls == [(5, 14), (10, 14), (14, 14)]
    assert verify_store(ntu_store_path) == []
    write_ucla(tmp_path / "raw", 7, seed=1)
    assert verify_store(prepared("ucla", tmp_path / "raw", tmp_path / "u.zarr", block=3)) == []


def test_a_store_of_test_rows_only_is_sound(tmp_path):
    """Its masks and ranks are all of one value, for which zarr may write no chunk."""
    (tmp_path / "raw").mkdir()
    for name in ("S001C001P003R001A001", "S001C001P003R002A001"):
        (tmp_path / "raw" / f"{name}.skeleton").write_bytes(ntu_bytes(name, frames=4))
    path = prepared("ntu", tmp_path / "raw", tmp_path / "t.zarr", frames=3)
    assert not open_store(path).train_mask("xsub").any()
    assert verify_store(path) == []


def test_not_more_than_a_block_of_an_array_is_read_at_once(sound, monkeypatch):
    read = []
    get = zarr.Array.__getitem__

    def watched(array, selection):
        values = get(array, selection)
        if np.ndim(values) >= 3:
            read.append(len(values))
        return values

    monkeypatch.setattr(zarr.Array, "__getitem__", watched)
    assert verify_store(sound) == []
    assert set(read) == {5}
    assert len(read) == 3 * 5  # three blocks of four streams and presence, each read once


# ---- bytes and files -----------------------------------------------------------------------------

CODEC_SETTINGS = "how a compressor was set; decoding does not ask"


def is_irrelevant(file, before, after):
    """Why a change of bytes leaves all that can be read as it was; None if it does not."""
    if file.name == "zarr.json":
        try:
            old, new = json.loads(before), json.loads(after)
        except ValueError:
            return None
        if old == new:
            return "white space"
        for content in (old, new):
            for codec in content.get("codecs", [])[1:]:
                codec.pop("configuration", None)
        return CODEC_SETTINGS if old == new else None
    array = next(p for p in file.parents if (p / "zarr.json").exists())
    codecs = [codec["name"] for codec in json.loads((array / "zarr.json").read_bytes())["codecs"]]
    decode = {"blosc": numcodecs.blosc.decompress, "zstd": numcodecs.zstd.decompress}.get(
        codecs[-1]
    )
    try:
        return "slack of the compressor" if decode and decode(before) == decode(after) else None
    except (RuntimeError, ValueError):
        return None


def test_a_flipped_bit_anywhere_is_found(store):
    """At positions spread over every file; the few changes that change nothing are named."""
    generator = random.Random(7)
    irrelevant, tried = [], 0
    for file in sorted(path for path in store.rglob("*") if path.is_file()):
        data = file.read_bytes()
        for position in generator.sample(range(len(data)), min(len(data), 4)):
            flipped = bytearray(data)
            flipped[position] ^= 1 << generator.randrange(8)
            file.write_bytes(flipped)
            tried += 1
            if not verify_store(store):
                reason = is_irrelevant(file, data, bytes(flipped))
                assert reason, f"{file.relative_to(store)}, byte {position} of {len(data)}"
                irrelevant.append(reason)
        file.write_bytes(data)
    assert len(irrelevant) < 0.03 * tried
    assert verify_store(store) == []


def test_a_missing_file_is_found_whichever_it_is(store):
    for file in sorted(path for path in store.rglob("*") if path.is_file()):
        name = file.relative_to(store).as_posix()
        hidden = file.rename(file.with_name(".hidden"))
        findings = verify_store(store)
        assert findings, name
        assert findings[0].array == ("zarr.json" if name == "zarr.json" else
                                     name.partition("/c/")[0].removesuffix("/zarr.json")), name  # fmt: skip
        hidden.rename(file)
    assert verify_store(store) == []


@pytest.mark.parametrize(
    "change_of_bytes",
    [lambda d: d[:-3], lambda d: d + b"x", lambda d: b"", lambda d: bytes(len(d))],
)
@pytest.mark.parametrize("chunk", ["motion/c/1/0/0/0/0", "name/c/0", "splits/xsub/rank/c/0/0"])
def test_a_cut_longer_empty_or_blank_chunk_is_found(store, chunk, change_of_bytes):
    file = store / chunk
    file.write_bytes(change_of_bytes(file.read_bytes()))
    (finding, *_) = verify_store(store)
    assert finding.array == chunk.partition("/c/")[0]
    assert finding.problem.startswith("cannot be read")


def test_a_missing_block_is_named_with_rows_and_sample(store):
    tenth = name_of(store, 10)
    (store / "motion/c/2/0/0/0/0").unlink()
    (finding,) = verify_store(store)
    assert finding == Finding(
        "motion",
        "the block is missing: no file motion/c/2/0/0/0/0",
        block=2,
        row=10,
        name=tenth,
        rows=4,
    )


@pytest.mark.parametrize(
    "name", ["joint/c/3/0/0/0/0", "joint/c/0/0/0/0/1", "extra/zarr.json", "journal.jsonl"]
)
def test_a_file_that_does_not_belong_is_found(store, name):
    (store / name).parent.mkdir(parents=True, exist_ok=True)
    (store / name).write_bytes(b"x")
    assert told(store) == f"{name}: this file is no part of the store"
    (store / name).rename((store / name).with_name(".x"))
    assert verify_store(store) == []


def test_with_crc32c_no_bit_of_a_chunk_is_slack(store):
    rewrite(
        store, "present", compressors=(BloscCodec(cname="lz4", shuffle="noshuffle"), Crc32cCodec())
    )
    assert verify_store(store) == []
    file = store / "present/c/1/0/0"
    data = file.read_bytes()
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        file.write_bytes(flipped)
        assert re.match("present, block 1: cannot be read", told(store)), position


def test_what_lies_behind_the_last_row_is_found(store):
    array = zarr.open_array(store / "joint", mode="r+")
    content = json.loads((store / "joint/zarr.json").read_bytes())
    content["shape"][0] = 15
    zarr.Array.from_dict(array.store_path, content)[14] = 1e-9
    assert told(store) == "joint, block 2: is not zero behind the last row"


# ---- streams and presence ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        ("motion", "is not the difference of consecutive joints"),
        ("bone", "is not the difference of joint and parent joint"),
        ("bone-motion", "is not the difference of consecutive bones"),
    ],
)
def test_a_stream_that_does_not_follow_is_found_in_its_row(store, stream, problem):
    def nudge(values):
        values[[7, 9], 0, 1, 3, 2] = np.nextafter(values[[7, 9], 0, 1, 3, 2], np.float32(9))

    change(store, stream, nudge)
    expected = f"{stream}, block 1, row 7 ({name_of(store, 7)}): {problem} (and 1 more rows)"
    assert told(store) == expected


def test_a_changed_joint_contradicts_streams_and_digest(store):
    def nudge(values):
        values[12, 0, 2, 5, 0] += 1e-3

    change(store, "joint", nudge)
    lines = told(store).splitlines()
    assert [line.partition(",")[0] for line in lines[:-1]] == ["motion", "bone", "bone-motion"]
    assert all(f"block 2, row 12 ({name_of(store, 12)})" in line for line in lines[:-1])
    assert lines[-1].startswith("attributes: content_digest is ")


def test_a_consistent_change_of_all_streams_contradicts_the_digest(store):
    opened = open_store(store)
    joint = opened.read()
    joint[3, 0] *= np.float32(1.5)
    made = derive(opened.streams, joint, opened.read_present(), opened.layout)
    for name, values in made.items():
        change(store, name, lambda _, values=values: values)
    (finding,) = verify_store(store)
    digest = open_store(store).content_digest
    assert re.fullmatch(
        rf"content_digest is {digest}, the rows give [0-9a-f]{{64}}", finding.problem
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (np.nan, "joint, block 0, row 2 .*: has values that are not finite"),
        (-np.inf, "joint, block 0, row 2 .*: has values that are not finite"),
    ],
)
def test_values_that_are_not_finite_are_found(store, value, problem):
    def spoil(values):
        values[2, 0, 0, 0, 0] = value

    change(store, "joint", spoil)
    assert re.match(problem, told(store))


@pytest.mark.parametrize("value", [1e-30, -0.0])
@pytest.mark.parametrize("stream", ["joint", "bone-motion"])
def test_an_absent_body_is_exactly_zero(store, stream, value):
    row = int(np.argmin(open_store(store).read_present()[:, 1].any(axis=1)))

    def spoil(values):
        values[row, 1, 0, 0, 0] = value

    change(store, stream, spoil)
    problem = f"row {row} ({name_of(store, row)}): is not exactly 0 where a body is absent"
    assert f"{stream}, block {row // 5}, {problem}" in told(store)


def test_presence_must_have_a_body_in_every_frame_and_enters_the_digest(store):
    absent = int(np.argmin(open_store(store).read_present()[:, 1].any(axis=1)))

    def invent(values):
        values[absent, 1] = True

    change(store, "present", invent)
    assert "attributes: content_digest is" in told(store)

    def remove(values):
        values[6, :, 2] = False

    change(store, "present", remove)
    assert f"present, block 1, row 6 ({name_of(store, 6)}): has a frame without any body" in told(
        store
    )


def test_a_boolean_is_0_or_1(store):
    for path, block in (("present", "c/1/0/0"), ("splits/xsub/train", "c/0")):
        rewrite(store, path, compressors=None)
        data = bytearray((store / path / block).read_bytes())
        data[data.index(1)] = 3
        (store / path / block).write_bytes(data)
        assert re.search(f"^{path}.*: has bytes other than 0 and 1$", told(store), re.MULTILINE)


# ---- names and what follows from them ------------------------------------------------------------


def swap(values):
    values[[3, 4]] = values[[4, 3]]


@pytest.mark.parametrize(
    ("row", "name", "problem"),
    [
        (4, "S001C001P001R001A061", "is not a sample name of ntu60"),
        (4, "S001C001P001R001", "is not a sample name of ntu60"),
        (4, "S001C001P001R001A001", "does not sort behind the name before it"),
        (0, "S001C002P005R002A008", "is on the official missing list"),
    ],
)
def test_names_are_valid_sorted_and_not_missing(store, row, name, problem):
    def rename(values):
        values[row] = name

    change(store, "name", rename)
    assert f"name, row {row} ({name}): {problem}" in told(store)


def test_names_are_there_once(store):
    names = open_store(store).names

    def repeat(values):
        values[5] = names[4]

    change(store, "name", repeat)
    assert f"name, row 5 ({names[4]}): does not sort behind the name before it" in told(store)


def test_a_valid_but_wrong_name_contradicts_columns_and_digest(store):
    names = open_store(store).names
    other = names[8][:17] + ("050" if names[8].endswith("005") else "005")
    assert names[7] < other < names[9]

    def rename(values):
        values[8] = other

    change(store, "name", rename)
    assert f"label, row 8 ({other}): is " in told(store)
    assert "content_digest is" in told(store)


@pytest.mark.parametrize("column", ["label", "subject", "camera", "replication", "setup"])
def test_columns_follow_from_the_name(store, column):
    def step(values):
        values[9:] += 1

    before = zarr.open_array(store / column)[9]
    change(store, column, step)
    expected = f"{column}, row 9 ({name_of(store, 9)}): is {before + 1}, the name gives {before} (and 4 more rows)"
    assert told(store) == expected


def test_lengths_are_positive_and_enter_the_digest(store):
    def longer(values):
        values[1] += 1

    change(store, "length", longer)
    assert re.fullmatch("attributes: content_digest is .*", told(store))

    def none(values):
        values[1] = 0

    change(store, "length", none)
    assert f"length, row 1 ({name_of(store, 1)}): is below 1" in told(store)


@pytest.mark.parametrize("protocol", ["xsub", "xview"])
def test_splits_follow_from_the_rule(store, protocol):
    def flip(values):
        values[2] = ~values[2]

    change(store, f"splits/{protocol}/train", flip)
    pattern = rf"splits/{protocol}/train, row 2 \(.*\): is (True|False), the rule of {protocol} gives (?!\1)"
    assert re.fullmatch(pattern + "(True|False)", told(store))


def test_ranks_follow_from_the_draw(store):
    def next_seed(values):
        values[:, 3] = values[:, 4]

    change(store, "splits/xview/rank", next_seed)
    assert re.match(
        r"splits/xview/rank, row \d+ \(.*\): is \[.*\], the draw gives \[.*\]", told(store)
    )


@pytest.mark.parametrize(
    "edit",
    [
        lambda a: a.update(base="official"),
        lambda a: a["seeds"].append(5),
        lambda a: a.pop("base"),
        lambda a: a.update(more=1),
    ],
)
def test_attributes_of_a_split_follow_from_the_draw(store, edit):
    change_attributes(store, edit, "splits/xsub")
    assert re.fullmatch(r"splits/xsub: attributes are .*, not \{.*", told(store))


# ---- attributes ----------------------------------------------------------------------------------

ATTRIBUTE_CHANGES = {
    "content_digest is 0{64}, the rows give": lambda a: a.update(content_digest="0" * 64),
    "content_digest: String should match": lambda a: a.update(content_digest="X" * 64),
    "source_digest: String should match": lambda a: a.update(source_digest="abc"),
    "recipe_digest is .*, the recipe gives": lambda a: a["recipe"]["selector"].update(keep_ratio=0.8),
    "recipe_digest is 0{64}": lambda a: a.update(recipe_digest="0" * 64),
    "counts.rows is 13, there are 14": lambda a: a["counts"].update(rows=13, files=13),
    "counts.files is 15, not the 14 rows": lambda a: a["counts"].update(files=15),
    "counts.train.xsub is 1, not": lambda a: a["counts"]["train"].update(xsub=1),
    "counts.train is of xsub, not xsub, xview": lambda a: a["counts"]["train"].pop("xview"),
    "counts.missing is 1, 0 are listed": lambda a: a["counts"].update(missing=1),
    "counts.rejected is 0, 1 are listed": lambda a: a["rejected"].append(
        {"name": "S001C001P001R001A001", "line": 3, "reason": "x"}
    ),
    "counts.ignored is 1, 0 are listed": lambda a: a["counts"].update(ignored=1),
    "rejected: 'x' is not a sample name": lambda a: a["rejected"].append(
        {"name": "x", "line": None, "reason": "x"}
    ),
    "missing: 'S001C001P001R001A001' is not on": lambda a: a["missing"].append("S001C001P001R001A001"),
    "classes are not those of ntu60": lambda a: a["classes"].reverse(),
    "columns are camera, ": lambda a: a["columns"].sort(),
    "streams are motion, joint": lambda a: a["streams"].__setitem__(slice(0, 2), ["motion", "joint"]),
    "streams: unknown stream 'velocity'": lambda a: a["streams"].append("velocity"),
    "this file is no part of the store": lambda a: a["streams"].remove("bone"),
    "tools.skeldata: Field required": lambda a: a["tools"].pop("skeldata"),
    "counts.rows: Input should be a valid integer": lambda a: a["counts"].update(rows="14"),
    "recipe: Field required": lambda a: a.pop("recipe"),
    "more: Extra inputs are not permitted": lambda a: a.update(more=1),
    "has format 2; this skeldata reads format 1": lambda a: a.update(format_version=2),
    "has another joint layout": lambda a: a["layout"]["joints"].reverse(),
    "another joint layout": lambda a: a.update(dataset="nw-ucla"),
    "unknown dataset": lambda a: a.update(dataset="ntu61"),
    "not one that skeldata wrote": lambda a: a.update(format="skeletons"),
}  # fmt: skip


@pytest.mark.parametrize("problem", ATTRIBUTE_CHANGES)
def test_a_changed_attribute_is_found(store, problem):
    change_attributes(store, ATTRIBUTE_CHANGES[problem])
    assert re.search(problem, told(store)), told(store)


def test_frames_are_those_of_the_recipe(store):
    def retell(attributes):
        attributes["recipe"]["frames"] = 5

    change_attributes(store, retell)
    assert "recipe_digest is" in told(store)
    stated = re.search("the recipe gives ([0-9a-f]{64})", told(store))[1]
    change_attributes(store, lambda a: a.update(recipe_digest=stated))
    assert told(store) == "attributes: recipe.frames is 5, clips have 4 frames"


def test_a_rejected_name_is_not_a_row(store):
    def reject(attributes):
        attributes["counts"].update(rejected=1, files=15)
        attributes["rejected"] = [{"name": name_of(store, 6), "line": None, "reason": "x"}]

    change_attributes(store, reject)
    assert told(store) == f"attributes, row 6 ({name_of(store, 6)}): is listed as rejected"


def test_sealed_attributes_cannot_change_at_all(store):
    for edit in (
        lambda a: a.update(source_digest="0" * 64),
        lambda a: a["tools"].update(numpy="1"),
    ):
        (store / "zarr.json.keep").write_bytes((store / "zarr.json").read_bytes())
        change_attributes(store, edit, seal=False)
        assert f"attributes: {SEAL} is " in told(store)
        (store / "zarr.json.keep").rename(store / "zarr.json")


# ---- layout of arrays ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "options", "problem"),
    [
        ("label", {"dtype": "int32"}, 'label: data_type is "int32", not "int64"'),
        ("joint", {"dtype": "float64"}, 'joint: data_type is "float64", not "float32"'),
        ("motion", {"chunks": (4, 2, 4, 25, 3)}, "motion: chunk_grid is "),
        ("subject", {"chunks": (7,)}, "subject: chunk_grid is "),
        ("bone", {"fill_value": 1.0}, "bone: fill_value is 1.0, not 0.0"),
        ("bone", {"attributes": {"a": 1}}, 'bone: attributes is {"a": 1}, not {}'),
    ],
)  # fmt: skip
def test_an_array_of_another_layout_is_found(store, path, options, problem):
    rewrite(store, path, **options)
    assert problem in told(store)


@pytest.mark.parametrize(
    ("path", "cut"), [("present", slice(0, 13)), ("joint", slice(0, 13)), ("camera", slice(1, 14))]
)
def test_an_array_of_fewer_rows_is_found(store, path, cut):
    values = zarr.open_array(store / path)[cut]
    rewrite(store, path, values)
    assert re.search(rf"^{path}: shape is \[13", told(store), re.MULTILINE)


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c["codecs"].__setitem__(0, {"name": "bytes", "configuration": {"endian": "big"}}),
        lambda c: c["codecs"].insert(
            0, {"name": "transpose", "configuration": {"order": [0, 1, 2, 4, 3]}}
        ),
        lambda c: c.update(codecs="blosc"),
        lambda c: c.update(zarr_format=2),
        lambda c: c.update(node_type="group"),
        lambda c: c.update(chunk_grid=None),
        lambda c: c.update(shape=[14, 2, 4]),
        lambda c: c.update(storage_transformers=[{"name": "x"}]),
        lambda c: c.pop("fill_value"),
        lambda c: c.update(must_understand=False),
    ],
)
def test_metadata_of_another_kind_is_found(store, edit):
    change_json(store / "bone/zarr.json", edit)
    findings = verify_store(store)
    assert {finding.array for finding in findings} == {"bone"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", "[" * 100_000, '{"zarr_format": 3}', "\xff"]
)
@pytest.mark.parametrize("path", ["zarr.json", "joint/zarr.json", "splits/xsub/zarr.json"])
def test_metadata_that_is_no_metadata_is_found(store, path, text):
    (store / path).write_bytes(text.encode("latin-1"))
    findings = verify_store(store)
    assert findings
    assert findings[0].array == (path if path == "zarr.json" else path.removesuffix("/zarr.json"))


def test_nothing_and_no_store(tmp_path):
    with pytest.raises(StoreError, match=r"no store at .*; make one with"):
        verify_store(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "is not a zarr store" in told(tmp_path / "empty")
    (tmp_path / "file").write_text("x")
    assert "is not a zarr store" in told(tmp_path / "file")


# ---- manifests -----------------------------------------------------------------------------------


@pytest.fixture
def manifest(sound, tmp_path):
    names = training_names("ntu60", "xsub", open_store(sound).names)
    return write_split(draw("ntu60", "xsub", "0.4", 1, names=names), tmp_path / "splits")


def test_a_manifest_of_the_store_belongs_to_it(sound, manifest):
    assert verify_store(sound, manifests=[manifest, manifest.with_suffix(".txt")]) == []


def test_a_list_of_the_stores_names_belongs_to_it(sound, tmp_path):
    names = training_names("ntu60", "xsub", open_store(sound).names)[:3]
    path = write_split(list_split("ntu60", names, "xsub"), tmp_path)
    assert verify_store(sound, manifests=[path]) == []


def test_a_foreign_manifest_is_found(sound, manifest, tmp_path):
    ucla = write_split(draw("nw-ucla", "xview", "0.05"), tmp_path)
    assert "dataset is nw-ucla, not ntu60" in told(sound, manifests=[ucla])
    official = write_split(draw("ntu60", "xsub", "0.05"), tmp_path)
    assert re.search(
        r"the store lacks [\d,]+ (of the )?labelled names", told(sound, manifests=[official])
    )


def test_an_edited_manifest_is_found(sound, manifest):
    listing = manifest.with_suffix(".txt")
    names = listing.read_text().splitlines()
    listing.write_text("\n".join(names[1:]) + "\n")
    assert f"{listing}: {len(names) - 1} names, {manifest.name} says {len(names)}" in told(
        sound, manifests=[manifest]
    )


def test_a_manifest_drawn_by_another_seed_is_found(sound, manifest):
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"seed": 2}))
    assert "what the rule draws" in told(sound, manifests=[manifest])


def test_a_manifest_that_is_not_there_is_wrong_use(sound, tmp_path):
    with pytest.raises(UsageError, match="no such manifest"):
        verify_store(sound, manifests=[tmp_path / "x.json"])
