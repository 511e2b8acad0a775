from collections import Counter
from decimal import Decimal
from typing import get_args

import pytest

from pspmodel.published import GROUPS, Group, paper, published
from skeldata import get_dataset

# Read once more from the tables of the paper (arXiv 2302.02327, tables 2 and 3), not from our file.
PSP_TABLES = {
    ("ntu60", "xsub"): "5:72.2 10:78.1 20:82.6 40:85.4",
    ("ntu60", "xview"): "5:76.3 10:82.1 20:86.9 40:90.8",
    ("nw-ucla", "xview"): "5:69.2 15:77.8 30:80.6 40:83.6",
}


@pytest.mark.parametrize("where", PSP_TABLES)
def test_the_papers_own_table(where):
    expected = {
        Decimal(percent) / 100: float(value)
        for percent, value in (pair.split(":") for pair in PSP_TABLES[where].split())
    }
    assert paper().ratios(*where) == expected
    assert paper().ratios("ntu120", "xsub") == {}


def test_every_number_is_a_percentage_of_a_known_protocol_with_a_source():
    for method in published():
        assert method.accuracy, method.name
        assert method.source.title
        assert method.source.selection
        for (dataset, protocol, ratio), value in method.accuracy.items():
            get_dataset(dataset).protocol(protocol)
            assert 0 < ratio <= 1
            assert 20 < value < 100, (method.name, value)


def test_more_labels_are_never_worse_in_a_published_row():
    for method in published():
        for dataset, protocol in {key[:2] for key in method.accuracy}:
            values = [value for _, value in sorted(method.ratios(dataset, protocol).items())]
            assert values == sorted(values), (method.name, dataset, protocol)


def test_groups_keep_label_draws_apart():
    counts = Counter(method.group for method in published())
    assert list(counts) == list(GROUPS)
    assert set(counts) == set(get_args(Group))
    assert counts["paper"] == 1
    names = [method.name for method in published()]
    assert len(set(names)) == len(names)
    for method in published():
        ratios = {ratio for _, _, ratio in method.accuracy}
        # The paper's tables have no 1 %; the pre-training papers have 1 and 10 % alone.
        assert (Decimal("0.01") in ratios) == (method.group == "other")
        if method.group == "other":
            assert ratios == {Decimal("0.01"), Decimal("0.1")}


def test_psp_leads_the_rows_it_quotes_but_for_one_cell():
    ahead = [
        (method.name, *key)
        for method in published()
        if method.group == "quoted"
        for key, value in method.accuracy.items()
        if value > paper().accuracy.get(key, 100)
    ]
    assert ahead == [("X-CAR", "nw-ucla", "xview", Decimal("0.3"))]
