from types import SimpleNamespace

import numpy as np
import pytest

from skeldata.datasets import datasets
from skeldata.sources import Listing
from skeldata.splits.draw import draw, rank_names
from skeldata.splits.pool import training_names
from skeldata.store.facts import LEAST_TRAINING_SHARE, OFFICIAL_COUNTS, write_facts
from skeldata.store.schema import SPLIT_SEEDS

ALL = [(dataset, protocol) for dataset in datasets().values() for protocol in dataset.protocols]


class Recorder:
    """Takes what would be written; rows are given by their names alone."""

    def __init__(self, dataset, names):
        recipe = SimpleNamespace(model_dump=lambda mode: {}, digest="")
        self.plan = SimpleNamespace(dataset=dataset, streams=("joint", "motion"), recipe=recipe)
        self.records = [
            SimpleNamespace(names=list(names), digests=[""] * len(names), lengths=[1] * len(names))
        ]
        self.rejected, self.crcs = [], []
        self.columns, self.groups = {}, {}

    def write_column(self, path, values):
        self.columns[path] = values

    def write_group(self, path, attributes):
        self.groups[path] = attributes


def written(dataset, names):
    writer = Recorder(dataset, names)
    write_facts(writer, [], [], Listing(dataset.family, (), ()))
    return writer


@pytest.mark.parametrize(
    ("dataset", "protocol"), ALL, ids=lambda value: getattr(value, "id", value)
)
def test_every_protocol_trains_on_more_than_the_least_share(dataset, protocol):
    training = len(training_names(dataset.id, protocol))
    assert training * LEAST_TRAINING_SHARE > len(dataset.official_names())


def test_official_lists_are_as_long_as_stated():
    assert {d.id: len(d.official_names()) for d in datasets().values()} == OFFICIAL_COUNTS


@pytest.mark.parametrize("count", [1, 5, 370, 372, 1009, 1010, 1020])
def test_ranks_and_base_are_those_of_the_draw(count):
    dataset = datasets()["nw-ucla"]
    training = training_names("nw-ucla", "xview")[:count]
    names = sorted({*training, *(n for n in dataset.official_names() if n.endswith("v03"))})
    writer = written(dataset, names)
    assert writer.groups["splits/xview"] == {
        "base": draw("nw-ucla", "xview", "0.05", names=training).base,
        "seeds": list(SPLIT_SEEDS),
    }
    np.testing.assert_array_equal(writer.columns["splits/xview/train"], np.isin(names, training))
    for column, seed in enumerate(SPLIT_SEEDS):
        rank = rank_names("nw-ucla", "xview", seed, training)
        found = writer.columns["splits/xview/rank"][:, column]
        assert found.tolist() == [rank.get(name, -1) for name in names]


def test_a_store_without_training_rows_has_no_ranks():
    names = [n for n in datasets()["nw-ucla"].official_names() if n.endswith("v03")][:4]
    writer = written(datasets()["nw-ucla"], names)
    assert writer.groups["splits/xview"]["base"] == "store"
    assert (writer.columns["splits/xview/rank"] == -1).all()
    assert not writer.columns["splits/xview/train"].any()
