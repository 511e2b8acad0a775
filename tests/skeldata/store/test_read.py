"""What is asked of an open store by mistake."""

import numpy as np
import pytest

from skeldata import UsageError


@pytest.mark.parametrize("rows", [5, ["S001C001P001R001A001"], [[1, 2]], [0.5]])
def test_rows_are_numbers_in_a_list_or_a_slice(ntu_store, rows):
    with pytest.raises(UsageError, match=r"no rows of .*`store\.rows_of\(names\)` finds those"):
        ntu_store.read(rows)


def test_rows_beyond_the_end_are_told(ntu_store):
    with pytest.raises(UsageError, match=r"has rows 0\.\.59"):
        ntu_store.read([60])


def test_rows_come_in_the_order_asked_for(ntu_store):
    everything = ntu_store.read()
    rows = np.array([7, 3, 3])
    np.testing.assert_array_equal(ntu_store.read(rows), everything[rows])
    np.testing.assert_array_equal(ntu_store.read(slice(2, 5)), everything[2:5])
    mask = np.arange(60) % 7 == 0
    np.testing.assert_array_equal(ntu_store.read(mask), everything[mask])


@pytest.mark.parametrize("kind", np.typecodes["AllInteger"])
def test_rows_may_be_of_any_integer_type(ntu_store, kind):
    rows = np.array([50, 3, 3], dtype=kind)
    np.testing.assert_array_equal(ntu_store.read(rows), ntu_store.read([50, 3, 3]))
    with pytest.raises(UsageError, match=r"has rows 0\.\.59"):
        ntu_store.read(np.array([np.iinfo(kind).max], dtype=kind))


def test_no_rows_are_no_clips(ntu_store):
    assert ntu_store.read([]).shape == (0, 2, 50, 25, 3)
