"""Files that are missing, damaged, foreign, or arrays of another kind."""

import json
import random
import re

import numcodecs.blosc
import numcodecs.zstd
import pytest
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from skeldata.store.verify import Finding, verify_store
from support.store_files import change_json, name_of, rewrite, told

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
