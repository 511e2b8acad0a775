import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pspmodel.errors import MissingExtraError, UsageError
from pspmodel.evaluate.embedding import (
    chosen_classes,
    class_titles,
    require_scikit_learn,
    thinned,
    tsne,
)
from skeldata import get_dataset

NTU, UCLA = get_dataset("ntu60"), get_dataset("nw-ucla")


def test_chosen_classes():
    assert chosen_classes(NTU, None, [3, 8]) == [3, 8]
    assert chosen_classes(NTU, "all", list(range(60))) == list(range(60))
    assert chosen_classes(NTU, " 60, drop,A001,a023", [0]) == [0, 4, 22, 59]
    many = chosen_classes(NTU, None, list(range(60)))
    assert many == sorted(set(many))
    assert (len(many), many[0], many[-1]) == (10, 0, 59)
    for wrong in ("0", "61", "A061", "class", "-1", ""):
        with pytest.raises(UsageError, match=r"is no class of ntu60; use action ids .* A060"):
            chosen_classes(NTU, wrong, [0])


def test_numbers_are_action_ids_as_in_sample_names():
    for name in ("a06_s01_e00_v01", "a08_s01_e00_v01", "a12_s10_e04_v03"):
        for text in (name[:3], name[1:3], str(int(name[1:3]))):
            assert chosen_classes(UCLA, text, [0]) == [UCLA.label_of(name)]
    for gap in ("7", "a10", "13"):
        with pytest.raises(
            UsageError, match=r"is no class of nw-ucla; .* a12, names such as 'carry'"
        ):
            chosen_classes(UCLA, gap, [0])


@pytest.mark.parametrize("dataset", ["ntu60", "ntu120", "nw-ucla"])
def test_titles_are_read_back_as_the_classes_they_name(dataset):
    facts = get_dataset(dataset)
    titles = class_titles(facts)
    assert len(titles) == len(facts.classes)
    for label, title in enumerate(titles):
        code, _, name = title.partition(" ")
        assert chosen_classes(facts, code, []) == chosen_classes(facts, name, []) == [label]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(3, 40), st.integers(0, 9))
def test_thinning_keeps_the_share_of_each_class(labels, limit, seed):
    labels = np.array(labels)
    rows = 100 + np.arange(len(labels))
    kept = thinned(rows, labels, limit, seed)
    assert kept.tolist() == sorted(set(kept))
    assert set(kept) <= set(rows)
    if len(rows) <= limit:
        assert kept.tolist() == rows.tolist()
        return
    for label in np.unique(labels):
        share = limit * (labels == label).sum() / len(labels)
        assert (labels[kept - 100] == label).sum() == max(1, int(share))
    np.testing.assert_array_equal(kept, thinned(rows, labels, limit, seed))


def test_tsne_repeats_and_keeps_groups_together():
    pytest.importorskip("sklearn.manifold")
    generator = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 12)
    features = (20 * np.eye(3)[groups] + generator.normal(size=(36, 3))).astype(np.float32)
    points = tsne(features, seed=3)
    assert points.shape == (36, 2)
    np.testing.assert_array_equal(points, tsne(features, seed=3))
    distances = np.linalg.norm(points[:, None] - points, axis=2) + 1e9 * np.eye(36)
    assert (groups[distances.argmin(axis=1)] == groups).all()


def test_few_clips_are_refused_or_given_a_smaller_perplexity():
    pytest.importorskip("sklearn.manifold")
    with pytest.raises(UsageError, match="at least 3 clips, not 2"):
        tsne(np.zeros((2, 4), dtype=np.float32))
    features = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    assert np.isfinite(tsne(features)).all()


def test_without_scikit_learn_the_command_to_get_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.manifold", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'pspmodel\[analysis\]'"):
        require_scikit_learn("pspmodel tsne")
