"""`prepare` when all goes its way, and what it says of files that it does not take."""

import json
import random

import numpy as np
import pytest

from skeldata import SourceError, draw, load_recipe, open_store, prepare
from skeldata.errors import (
    RejectedFilesError,
    StoreExistsError,
)
from skeldata.store import schema, write
from skeldata.synth import NTU_DAMAGES, UCLA_DAMAGES, ntu_bytes, write_ucla
from support import preparation_oracle as oracle
from support.archives import folder_is_clean, members, rewrite


def test_the_store_holds_what_the_contract_says(source, tmp_path, small_blocks):
    report = prepare("ntu", [source], tmp_path / "ntu.zarr")
    store = open_store(tmp_path / "ntu.zarr")
    raw = members(source)
    assert store.names == tuple(sorted(raw))
    assert len(store) == report.rows == 24
    assert store.read().shape == (24, 2, 50, 25, 3)
    for row, name in enumerate(store.names):
        joint, moved, present, length = oracle.prepared_ntu(raw[name])
        np.testing.assert_allclose(store.read([row])[0], joint, rtol=0, atol=2e-4)
        np.testing.assert_allclose(store.read([row], "motion")[0], moved, rtol=0, atol=2e-4)
        np.testing.assert_array_equal(store.read_present([row])[0], present)
        assert store.lengths[row] == length
        facts = [int(name[i : i + 3]) for i in (1, 5, 9, 13, 17)]
        columns = [store.column(c)[row] for c in ("setup", "camera", "subject", "replication")]
        assert [*columns, store.labels[row] + 1] == facts
    assert store.recipe == load_recipe("psp").model_dump(mode="json")
    assert store.attributes["format_version"] == 1
    folder_is_clean(tmp_path, "ntu.zarr")


def test_folder_zip_workers_blocks_and_order_give_one_digest(source, tmp_path, monkeypatch):
    digests = {prepare("ntu", [source], tmp_path / "a.zarr", workers=1).content_digest}
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in reversed(members(source).items()):
        (folder / f"{name}.skeleton").write_bytes(data)
    by_folder = prepare("ntu", [folder], tmp_path / "b.zarr", workers=2)
    digests.add(by_folder.content_digest)
    assert by_folder.source_digest == open_store(tmp_path / "a.zarr").source_digest
    monkeypatch.setattr(write, "ROWS_PER_BLOCK", 7)
    digests.add(prepare("ntu", [source], tmp_path / "c.zarr").content_digest)
    assert len(digests) == 1
    changed = rewrite(
        source, tmp_path / "x.zip", {"S001C001P001R001A001": ntu_bytes("S001C001P001R001A001", 9)}
    )
    assert prepare("ntu", [changed], tmp_path / "d.zarr").content_digest not in digests


def test_ranks_in_the_store_are_the_draw(source, tmp_path):
    prepare("ntu", [source], tmp_path / "ntu.zarr")
    store = open_store(tmp_path / "ntu.zarr")
    for protocol in ("xsub", "xview"):
        train = store.train_mask(protocol)
        names = [name for name, inside in zip(store.names, train, strict=True) if inside]
        for seed in schema.SPLIT_SEEDS:
            ranks = store.ranks(protocol, seed)
            assert (ranks[~train] == -1).all()
            for ratio in ("0.2", "0.5", "1"):
                split = draw("ntu60", protocol, ratio, seed, names=names)
                k = max(split.per_class)
                labelled = {store.names[row] for row in np.flatnonzero((ranks >= 0) & (ranks < k))}
                assert labelled == set(split.names)


@pytest.mark.parametrize("damage", ["NaN coordinate", "24 joints", "cut in mid-line"])
def test_broken_files_are_left_out_and_told(source, tmp_path, damage, small_blocks):
    raw = members(source)
    victim = sorted(raw)[3]
    broken = NTU_DAMAGES[damage](raw[victim], random.Random(0))
    bad = rewrite(source, tmp_path / "bad.zip", {victim: broken})
    report = prepare("ntu", [bad], tmp_path / "ntu.zarr")
    (rejection,) = report.rejected
    assert rejection.name == victim
    assert rejection.line >= 1
    store = open_store(tmp_path / "ntu.zarr")
    assert victim not in store.names
    assert len(store) == 23
    stated = store.attributes["rejected"]
    assert stated == [{"name": victim, "line": rejection.line, "reason": rejection.reason}]
    with pytest.raises(RejectedFilesError, match=f"nothing is written: {victim}, line"):
        prepare("ntu", [bad], tmp_path / "strict.zarr", strict=True)
    folder_is_clean(tmp_path, "bad.zip", "ntu.zarr")


def test_a_store_says_nothing_of_the_machine_it_was_made_on(source, tmp_path):
    told = []
    for lab in ("here", "over_there"):
        folder = tmp_path / lab / "raw"
        folder.mkdir(parents=True)
        for name, data in members(source).items():
            (folder / f"{name}.skeleton").write_bytes(data)
        rewrite(source, folder / "again.zip", {"notes": b"x"})
        (folder / "S001C001P001R001A003.skeleton").write_bytes(b"cut")
        out = tmp_path / lab / "o.zarr"
        journal, lines = schema.partial_path(out) / "journal.jsonl", set()
        prepare(
            "ntu",
            [folder],
            out,
            advanced=lambda *_, lines=lines, of=journal: lines.update(of.read_text().splitlines()),
        )
        told.append(((out / "zarr.json").read_text(), sorted(lines)))
        assert "raw/again.zip:notes.skeleton" in told[-1][0]
        assert str(tmp_path) not in str(told[-1])
    assert told[0] == told[1]


def test_missing_names_are_left_out_and_counted_apart(source, tmp_path):
    missing = "S001C002P005R002A008"
    data = ntu_bytes(missing, quirks=["no_bodies"])
    report = prepare(
        "ntu", [rewrite(source, tmp_path / "m.zip", {missing: data})], tmp_path / "o.zarr"
    )
    assert report.missing == (missing,)
    assert report.rejected == ()
    assert report.rows == 24


def test_a_label_that_contradicts_the_name_is_rejected(tmp_path):
    write_ucla(tmp_path / "raw", 6, seed=1)
    path = sorted((tmp_path / "raw").rglob("*.json"))[0]
    path.write_bytes(UCLA_DAMAGES["label of another class"](path.read_bytes(), random.Random(1)))
    (rejection,) = prepare("ucla", [tmp_path / "raw"], tmp_path / "u.zarr").rejected
    assert (rejection.name, rejection.line) == (path.stem, 1)
    assert "label inside says" in rejection.reason
    content = json.loads(path.read_bytes())
    path.write_text(json.dumps(content | {"file_name": "a01_s01_e00_v02"}))
    (rejection,) = prepare("ucla", [tmp_path / "raw"], tmp_path / "v.zarr").rejected
    assert rejection.reason == "file_name inside says 'a01_s01_e00_v02'"


def test_when_every_file_is_broken_nothing_is_written(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "S001C001P001R001A001.skeleton").write_bytes(b"1\n")
    with pytest.raises(
        SourceError, match="all 1 files were rejected; the first: S001C001P001R001A001, line 2"
    ):
        prepare("ntu", [tmp_path / "raw"], tmp_path / "o.zarr")
    folder_is_clean(tmp_path, "raw")


def test_an_existing_store_is_not_touched_without_overwrite(source, tmp_path):
    out = tmp_path / "o.zarr"
    first = prepare("ntu", [source], out)
    with pytest.raises(StoreExistsError, match="already exists; add --overwrite"):
        prepare("ntu", [source], out, frames=20)
    assert open_store(out).content_digest == first.content_digest
    prepare("ntu", [source], out, frames=20, overwrite=True)
    assert open_store(out).frames == 20
    folder_is_clean(tmp_path, "o.zarr")


def test_one_stray_name_that_makes_it_another_dataset_is_noted(source, tmp_path):
    raw = members(source)
    stray = {"S018C001P008R001A061": next(iter(raw.values()))}
    few = rewrite(source, tmp_path / "few.zip", stray)
    report = prepare("ntu", [few], tmp_path / "few.zarr", workers=1)
    assert report.dataset.id == "ntu120"
    assert report.notes == (
        "taken for NTU RGB+D 120 because of 1 of 25 recordings, such as S018C001P008R001A061; "
        "the others are those of NTU RGB+D 60",
    )
    more = {f"S018C00{c}P008R001A061": next(iter(raw.values())) for c in (1, 2, 3)}
    many = rewrite(source, tmp_path / "many.zip", more)
    assert prepare("ntu", [many], tmp_path / "many.zarr", workers=1).notes == ()
    assert prepare("ntu", [source], tmp_path / "none.zarr", workers=1).notes == ()
