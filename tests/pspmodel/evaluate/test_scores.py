import numpy as np
import pytest
import torch

from pspmodel.data.resident import ResidentData
from pspmodel.evaluate.scores import Scores, save_scores, score
from pspmodel.methods import DataFacts, build

LOGITS = np.array([[1, 5, 2, 0], [9, 1, 2, 3], [0, 1, 2, 3], [4, 1, 3, 2]], dtype=np.float32)
LABELS = np.array([1, 0, 0, 2])


def test_top_k_by_hand():
    scores = Scores(LOGITS, LABELS)
    assert [scores.top(k) for k in (1, 2, 3, 4)] == [0.5, 0.75, 0.75, 1.0]


def test_confusion_by_hand():
    expected = np.zeros((4, 4), dtype=int)
    for true, predicted in ((1, 1), (0, 0), (0, 3), (2, 0)):
        expected[true, predicted] += 1
    np.testing.assert_array_equal(Scores(LOGITS, LABELS).confusion(), expected)


@pytest.fixture
def method(ntu_store):
    torch.manual_seed(0)
    facts = DataFacts("ntu60", ntu_store.layout, 60, 2, 50)
    return build("psp", facts, {"blocks": [[8, 8, 4, 2], [8, 8, 4, 2]]})


def test_scores_do_not_depend_on_batches_and_leave_the_mode_alone(ntu_store, method):
    data = ResidentData(ntu_store, torch.device("cpu"), keep_absent=False)
    rows = np.array([5, 3, 40, 41, 17])
    method.train()
    statistics = {k: v.clone() for k, v in method.state_dict().items()}
    together = score(method, data, rows)
    apart = score(method, data, rows, batch=2)
    assert method.training
    np.testing.assert_allclose(apart.logits, together.logits, rtol=1e-4, atol=1e-5)
    assert together.labels.tolist() == ntu_store.labels[rows].tolist()
    assert all(torch.equal(v, statistics[k]) for k, v in method.state_dict().items())


def test_saved_scores_are_keyed_by_name_and_need_no_pickle(tmp_path):
    names = ["d", "a", "c", "b"]
    save_scores(tmp_path / "scores.npz", names, Scores(LOGITS, LABELS))
    with np.load(tmp_path / "scores.npz", allow_pickle=False) as saved:
        assert saved["name"].tolist() == names
        np.testing.assert_array_equal(saved["logits"], LOGITS)
        np.testing.assert_array_equal(saved["label"], LABELS)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.npz"]
