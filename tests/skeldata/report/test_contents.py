"""What a report counts."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from skeldata import open_store
from skeldata.report.contents import gather

OLD = Path(__file__).parents[2] / "data/format-1.zarr"


def test_groups_are_counted_as_a_loop_counts_them(ntu_store):
    contents = gather(ntu_store)
    two = ntu_store.read_present().any(axis=2).all(axis=1)
    columns = {
        name: ntu_store.column(name) for name in ("subject", "camera", "replication", "setup")
    }
    assert set(contents.columns) == set(columns)
    for groups, values in (
        (contents.classes, ntu_store.labels),
        *((contents.columns[name], values) for name, values in columns.items()),
    ):
        assert [group.value for group in groups] == sorted(set(values.tolist()))
        for group in groups:
            rows = [row for row in range(60) if values[row] == group.value]
            assert group.rows == len(rows)
            assert group.length == np.median([ntu_store.lengths[row] for row in rows])
            assert group.two == sum(bool(two[row]) for row in rows)
            for name, protocol in ntu_store.dataset.protocols.items():
                names = [ntu_store.dataset.require_name(ntu_store.names[row]) for row in rows]
                assert group.train[name] == sum(map(protocol.is_train, names))


@pytest.mark.parametrize("protocol", ["xsub", "xview"])
def test_splits_are_those_of_the_rule(ntu_store, protocol):
    """The rule of data_manifests/SCHEMA.md in ten lines, on the store's own training names."""
    contents = gather(ntu_store)
    rule = ntu_store.dataset.protocols[protocol]

    def key(name):
        return sha256(f"skeldata-split/1|ntu60|{protocol}|0|{name}".encode()).hexdigest()

    by_class = {}
    for name in ntu_store.names:
        if rule.is_train(ntu_store.dataset.require_name(name)):
            by_class.setdefault(name[-3:], []).append(name)
    total = sum(map(len, by_class.values()))
    assert contents.test[protocol] == 60 - total
    assert [str(split.ratio) for split in contents.splits[protocol]] == [
        "0.05",
        "0.1",
        "0.2",
        "0.4",
    ]
    for split, steps in zip(contents.splits[protocol], (1, 2, 4, 8), strict=True):
        k = max(total // (20 * len(by_class)) * steps, 1)
        chosen = []
        for names in by_class.values():
            chosen += sorted(names, key=key)[:k]
        text = "".join(f"{name}\n" for name in sorted(chosen))
        assert split.digest == sha256(text.encode()).hexdigest()


def test_names_are_held_against_the_official_ones():
    store = open_store(OLD)
    names = gather(store).names
    official = set(store.dataset.official_names())
    assert names.held == len(set(store.names) & official)
    assert set(names.lacking) == official - set(store.names)
    assert names.official == len(official) == 56_578
    assert set(names.beyond) == set(store.names) - official
    assert names.missing == 302
    assert names.missing_seen == ("S001C002P005R002A008",)


def test_ignored_files_are_counted_by_reason():
    store = open_store(OLD)
    store.attributes["ignored"] = [
        {"path": "a", "reason": "one"}, {"path": "b", "reason": "two"}, {"path": "c", "reason": "one"},
    ]  # fmt: skip
    assert gather(store).ignored == {"one": 2, "two": 1}
