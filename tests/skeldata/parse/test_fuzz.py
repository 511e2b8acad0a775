"""A mutation fuzzer: every damaged file is refused with a reason, or read the same by everyone."""

import json
import random
import zipfile
from collections import Counter

import numpy as np
import pytest

from skeldata import ParseError, get_dataset, load_recipe, read_ntu, read_ucla
from skeldata.parse.choice import load_parser
from skeldata.sources import list_sources
from skeldata.synth import NTU_DAMAGES, UCLA_DAMAGES, ntu_bytes, ucla_bytes
from skeldata.worker import Worker
from support.fuzzer import MUTATIONS, mutant
from support.sequences import attempt, facts

CASES, AT_ONCE = 1200, 100
FILES = {
    "ntu": [
        ntu_bytes("S001C001P001R001A001", frames=2, quirks=[]),
        ntu_bytes("S001C001P003R001A055", frames=1, quirks=["crlf", "capital_e", "hand_states"]),
        ntu_bytes("S001C001P001R001A001", frames=12, quirks=["id_change", "empty_start"]),
        b"2\n0\n0\n",
    ],
    "ucla": [ucla_bytes("a03_s02_e01_v03", frames=frames) for frames in (1, 2, 4)],
}
PLAIN = {"ntu": read_ntu, "ucla": read_ucla}
DATASET = {"ntu": "ntu60", "ucla": "nw-ucla"}


def naive_ntu(data):
    """(frames, {id: (frame numbers, joints)}): what stands at the declared places, unchecked."""
    lines = iter(data.split(b"\n"))
    tracks = {}
    frames = int(next(lines))
    for frame in range(frames):
        for _ in range(int(next(lines))):
            numbers, blocks = tracks.setdefault(int(next(lines).split()[0]), ([], []))
            numbers.append(frame)
            blocks.append(
                [list(map(float, next(lines).split()[:3])) for _ in range(int(next(lines)))]
            )
    return frames, tracks


def naive_ucla(data):
    content = json.loads(data.decode("utf-8-sig"))
    frames = len(content["skeletons"])
    return frames, {0: (list(range(frames)), content["skeletons"])}


NAIVE = {"ntu": naive_ntu, "ucla": naive_ucla}


def outcome(family, data):
    """``refused`` or ``read``; everything that must hold in either case is asserted."""
    plain = attempt(PLAIN[family], data)
    other = attempt(load_parser(family).read, data)
    if isinstance(plain, ParseError):
        assert plain.reason
        assert str(plain).isprintable()
        assert len(str(plain)) < 250
        if family == "ntu" or b"\n" not in data.strip():
            assert 1 <= plain.line <= data.count(b"\n") + 2
        assert str(other) == str(plain)
        return "refused"
    assert facts(other) == facts(plain)
    frames, tracks = NAIVE[family](data)
    assert plain.frame_count == frames
    assert [body.body_id for body in plain.bodies] == list(tracks)
    for body, (numbers, blocks) in zip(plain.bodies, tracks.values(), strict=True):
        assert body.frame_index.tolist() == numbers
        expected = np.array(blocks, dtype=np.float64).astype(np.float32)
        np.testing.assert_array_equal(body.xyz, expected)
        assert np.isfinite(body.xyz).all()
    return "read"


@pytest.mark.parametrize("begin", range(0, CASES, AT_ONCE))
@pytest.mark.parametrize("family", FILES)
def test_mutants_are_refused_with_a_reason_or_read_the_same_by_all(family, begin):
    seen = Counter(
        outcome(family, mutant(FILES[family], seed)) for seed in range(begin, begin + AT_ONCE)
    )
    assert set(seen) == {"refused", "read"}  # else the fuzzer damages everything, or nothing


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("family", FILES)
def test_each_kind_of_mutation_alone(family, mutation):
    for seed in range(8):
        for data in FILES[family]:
            outcome(family, mutation(data, random.Random(seed)))


@pytest.mark.parametrize("family", FILES)
def test_a_batch_of_broken_files_never_stops_a_worker(tmp_path, family):
    """Every file of a zip full of mutants and damages becomes a row or a rejection with its name."""
    dataset = get_dataset(DATASET[family])
    damages = NTU_DAMAGES if family == "ntu" else UCLA_DAMAGES
    names = [name for name in dataset.official_names() if name not in dataset.missing_names()]
    make = ntu_bytes if family == "ntu" else ucla_bytes
    content = {}
    for seed, name in enumerate(names[:160]):
        own = make(name, frames=4)
        content[name] = own if seed % 8 == 0 else mutant([own, *FILES[family]], seed)
    for name, damage in zip(names[160:], damages.values(), strict=False):
        content[name] = damage(make(name, frames=14), random.Random(0))
    with zipfile.ZipFile(tmp_path / "raw.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(f"{name}{dataset.suffix}", data)
    files = list_sources([tmp_path / "raw.zip"], family).files
    assert [file.name for file in files] == sorted(content)

    batch = Worker(dataset, load_recipe("psp")).prepare(0, files)
    kept, rejected = batch.kept, [offset for offset, _ in batch.rejected]
    assert sorted(kept + rejected) == list(range(len(files)))
    assert batch.rows.names == [files[offset].name for offset in kept]
    assert np.isfinite(batch.rows.streams["joint"]).all()
    for offset, rejection in batch.rejected:
        assert rejection.name == files[offset].name
        assert rejection.reason
        assert str(rejection).isprintable()
    unharmed = {name for seed, name in enumerate(names[:160]) if seed % 8 == 0}
    assert unharmed <= set(batch.rows.names)
    assert set(names[160 : 160 + len(damages)]).isdisjoint(batch.rows.names)
