import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pspmodel.config import DataConfig, HeldOutConfig
from pspmodel.data.resident import ResidentData
from pspmodel.data.selection import choose_split, select
from pspmodel.errors import UsageError
from pspmodel.evaluate.features import (
    features_of,
    linear_probe,
    nearest_neighbours,
    probe_rows,
)
from pspmodel.methods import DataFacts
from support.methods import made


def clouds(n, channels, classes, seed, spread=1.0):
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = 2 * generator.normal(size=(classes, channels))
    features = centres[labels] + spread * generator.normal(size=(n, channels))
    return features.astype(np.float32), labels


def test_the_probe_is_scikit_learns_logistic_regression():
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = clouds(90, 12, 4, seed=0, spread=3)
    x[:, 3] = 7.0  # a feature that never changes
    test, labels = clouds(50, 12, 4, seed=1, spread=3)
    test[:, 3] = 9.0
    found = linear_probe(x, y, test, labels, 4)
    mean, deviation = x.mean(axis=0, dtype=float), x.std(axis=0, dtype=float)
    deviation[3] = 1.0
    model = linear_model.LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
    model.fit((x - mean) / deviation, y)
    expected = model.predict_log_proba((test - mean) / deviation)
    # log-probabilities: softmax does not see a common shift of the scores.
    shifted = torch.log_softmax(torch.from_numpy(found.logits), dim=1).numpy()
    np.testing.assert_allclose(shifted, expected, atol=1e-4)
    assert found.labels is labels


def test_the_probe_ignores_scale_and_shift_of_features_and_repeats():
    x, y = clouds(60, 8, 3, seed=2, spread=2)
    test, labels = clouds(30, 8, 3, seed=3, spread=2)
    once = linear_probe(x, y, test, labels, 3)
    scale, shift = np.float32(2.0) ** np.arange(8, dtype=np.float32), np.float32(5.0)
    other = linear_probe(x * scale + shift, y, test * scale + shift, labels, 3)
    np.testing.assert_allclose(other.logits, once.logits, atol=2e-3)
    np.testing.assert_array_equal(linear_probe(x, y, test, labels, 3).logits, once.logits)


def test_the_probe_scores_unseen_classes_last():
    x, y = clouds(40, 6, 2, seed=4)
    found = linear_probe(x, y, x, y, 5)
    assert found.logits.shape == (40, 5)
    assert set(found.logits.argmax(axis=1)) == {0, 1}
    assert found.top(1) == 1.0


def naive_neighbours(x, y, test, classes, k):
    predicted = []
    for row in test:
        similarity = [
            float(row @ other / (np.linalg.norm(row) * np.linalg.norm(other))) for other in x
        ]
        nearest = sorted(range(len(x)), key=lambda i: -similarity[i])[:k]
        rank = {
            label: (
                sum(y[i] == label for i in nearest),
                np.mean([similarity[i] for i in nearest if y[i] == label] or [-2]),
            )
            for label in range(classes)
        }
        predicted.append(max(rank, key=rank.get))
    return predicted


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(2, 5))
def test_neighbours_vote_as_counted_by_hand(seed, k, classes):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(12, 4)).astype(np.float32)
    y = generator.integers(0, classes, 12)
    test = generator.normal(size=(9, 4)).astype(np.float32)
    found = nearest_neighbours(x, y, test, np.zeros(9, dtype=int), classes, k)
    expected = naive_neighbours(x.astype(float), y, test.astype(float), classes, k)
    assert found.logits.argmax(axis=1).tolist() == expected
    assert np.floor(found.logits).sum(axis=1).tolist() == [k] * 9


def test_neighbours_only_compare_directions_and_find_themselves():
    x, y = clouds(30, 5, 3, seed=5, spread=4)
    lengths = np.linspace(0.1, 9, 30, dtype=np.float32)[:, None]
    assert nearest_neighbours(x, y, x * lengths, y, 3, 1).top(1) == 1.0


def test_more_rows_than_one_block_are_all_asked():
    x, y = clouds(40, 5, 4, seed=6)
    many, labels = clouds(1100, 5, 4, seed=6)
    found = nearest_neighbours(x, y, many, labels, 4, 3)
    one = nearest_neighbours(x, y, many[-7:], labels[-7:], 4, 3)
    np.testing.assert_array_equal(found.logits[-7:], one.logits)


@pytest.mark.parametrize("k", [0, 13])
def test_too_many_neighbours_are_refused(k):
    x, y = clouds(12, 4, 2, seed=0)
    with pytest.raises(UsageError, match=rf"--knn {k}: 12 clips have labels"):
        nearest_neighbours(x, y, x, y, 2, k)


def test_which_labels_a_probe_may_use(ntu_store):
    protocol, split = choose_split(ntu_store, protocol=None, ratio="0.2", seed=0, labels=None)
    chosen = select(ntu_store, protocol, split, DataConfig(), HeldOutConfig())
    assert probe_rows(ntu_store, chosen, "split").tolist() == chosen.labelled.tolist()
    everything = probe_rows(ntu_store, chosen, "all")
    assert sorted({*everything, *chosen.test}) == list(range(len(ntu_store)))
    assert not set(everything) & set(chosen.test)


def test_features_are_the_embedding_in_eval_mode(ntu_store):
    torch.manual_seed(0)
    facts = DataFacts("ntu60", ntu_store.layout, 60, 2, 50)
    method = made("psp", facts, blocks=[[8, 8, 4, 2]])
    data = ResidentData(ntu_store, torch.device("cpu"))
    rows = np.array([9, 2, 33])
    method.train()
    found = features_of(method, data, rows, batch=2)
    assert method.training
    method.eval()
    with torch.inference_mode():
        expected = method.embed(data.clips(rows)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert found.shape == (3, 16)
