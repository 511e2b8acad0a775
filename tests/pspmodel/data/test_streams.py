import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pspmodel.data.streams import IndexStream, mixed

counts = st.integers(1, 40)


@given(counts, counts, st.integers(0, 9), st.integers(1, 12))
def test_every_pass_holds_every_row_once(count, batch, seed, steps):
    rows = np.arange(100, 100 + count)
    stream = IndexStream(rows, batch, seed, "x")
    flat = np.concatenate([stream.at(step) for step in range(steps)])
    for start in range(0, len(flat) - count + 1, count):
        assert sorted(flat[start : start + count]) == rows.tolist()
    rest = flat[len(flat) // count * count :]
    assert len(set(rest.tolist())) == len(rest)


@given(counts, counts, st.integers(0, 50))
def test_a_step_depends_on_nothing_before_it(count, batch, step):
    rows = np.arange(count)
    walked = IndexStream(rows, batch, 3, "x")
    for earlier in range(step):
        walked.at(earlier)
    np.testing.assert_array_equal(walked.at(step), IndexStream(rows, batch, 3, "x").at(step))


def test_seeds_and_names_and_passes_shuffle_differently():
    rows = np.arange(50)
    orders = [
        IndexStream(rows, 50, seed, name).at(step).tolist()
        for seed, name, step in ((0, "a", 0), (0, "a", 1), (1, "a", 0), (0, "b", 0))
    ]
    assert len({tuple(order) for order in orders}) == 4


def test_mixed_seeds_are_stable_and_distinct():
    assert mixed(1, 23) != mixed(12, 3)
    assert 0 <= mixed("a") < 2**63
    assert mixed(0, "step", 5) == mixed(0, "step", 5)
