"""Counts of a store, against counting by hand from names and arrays."""

from collections import Counter
from statistics import median

import pytest

from skeldata import draw, open_store
from skeldata.splits import training_names
from skeldata.store.summary import Lengths, summarise
from skeldata.synth import ntu_bytes
from support.store_files import prepared


def test_counts_are_those_of_the_names(ntu_store):
    summary = summarise(ntu_store)
    assert summary.rows == 60
    assert summary.official == (60, 56578)
    assert len(summary.classes) == 60
    per_class = Counter(int(name[-3:]) - 1 for name in ntu_store.names)
    by_label = {c.label: c for c in summary.classes}
    for label, found in by_label.items():
        rows = [row for row, name in enumerate(ntu_store.names) if int(name[-3:]) - 1 == label]
        assert found.rows == per_class[label]
        if not rows:
            assert (found.lengths, found.bodies, set(found.train.values())) == (None, (0, 0), {0})
            continue
        lengths = [int(ntu_store.lengths[row]) for row in rows]
        assert found.lengths == Lengths(min(lengths), median(lengths), max(lengths))
        two = sum(bool(ntu_store.read_present([row])[0, 1].any()) for row in rows)
        assert found.bodies == (len(rows) - two, two)
        for protocol, rule in ntu_store.dataset.protocols.items():
            names = [ntu_store.dataset.require_name(ntu_store.names[row]) for row in rows]
            assert found.train[protocol] == sum(map(rule.is_train, names))
    assert summary.bodies == tuple(sum(c.bodies[m] for c in summary.classes) for m in (0, 1))


def test_labelled_counts_are_those_of_the_draw(ntu_store):
    for protocol in summarise(ntu_store).protocols:
        names = training_names("ntu60", protocol.name, ntu_store.names)
        official = training_names("ntu60", protocol.name)
        assert (protocol.base, protocol.official) == ("store", (len(names), len(official)))
        assert (protocol.train, protocol.test) == (len(names), 60 - len(names))
        assert list(protocol.labelled) == ["0.05", "0.1", "0.2", "0.4"]
        for ratio, counts in protocol.labelled.items():
            split = draw("ntu60", protocol.name, ratio, names=names)
            assert counts == {label: k for label, k in enumerate(split.per_class) if k}


@pytest.mark.parametrize("name", ["S001C001P003R001A001"])
def test_a_protocol_without_training_rows_has_no_labelled_ones(tmp_path, name):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / f"{name}.skeleton").write_bytes(ntu_bytes(name, frames=4))
    store = open_store(prepared("ntu", tmp_path / "raw", tmp_path / "s.zarr", frames=3))
    (xsub, xview) = summarise(store).protocols
    assert (xsub.train, xsub.test, xsub.labelled) == (0, 1, {})
    assert (xview.train, xview.labelled) == (0, {})
