import numpy as np
import pytest
import torch

from pspmodel.data.resident import ResidentData
from pspmodel.evaluate.scores import Scores, load_scores, save_scores, score, score_streams
from pspmodel.methods import DataFacts
from pspmodel.methods.psp import PSP
from support.methods import config_of, made

LOGITS = np.array([[1, 5, 2, 0], [9, 1, 2, 3], [0, 1, 2, 3], [4, 1, 3, 2]], dtype=np.float32)
LABELS = np.array([1, 0, 0, 2])
ROWS = np.array([5, 3, 40, 41, 17])


def test_top_k_by_hand():
    scores = Scores(LOGITS, LABELS)
    assert [scores.top(k) for k in (1, 2, 3, 4)] == [0.5, 0.75, 0.75, 1.0]


def test_confusion_by_hand():
    expected = np.zeros((4, 4), dtype=int)
    for true, predicted in ((1, 1), (0, 0), (0, 3), (2, 0)):
        expected[true, predicted] += 1
    np.testing.assert_array_equal(Scores(LOGITS, LABELS).confusion(), expected)


def test_each_class_counts_its_own_clips():
    assert Scores(LOGITS, LABELS).per_class() == {0: 0.5, 1: 1.0, 2: 0.0}


def facts_of(store):
    return DataFacts("ntu60", store.layout, 60, 2, 50)


@pytest.fixture
def method(ntu_store):
    torch.manual_seed(0)
    return made("psp", facts_of(ntu_store), blocks=[[8, 8, 4, 2], [8, 8, 4, 2]])


@pytest.fixture(scope="module")
def data(ntu_store):
    return ResidentData(ntu_store, torch.device("cpu"))


def test_scores_do_not_depend_on_batches_and_leave_the_mode_alone(ntu_store, method, data):
    method.train()
    statistics = {k: v.clone() for k, v in method.state_dict().items()}
    together = score(method, data, ROWS)
    apart = score(method, data, ROWS, batch=2)
    assert method.training
    np.testing.assert_allclose(apart.logits, together.logits, rtol=1e-4, atol=1e-5)
    assert together.labels.tolist() == ntu_store.labels[ROWS].tolist()
    assert all(torch.equal(v, statistics[k]) for k, v in method.state_dict().items())


def test_what_only_trains_does_not_predict(method, data):
    before = score(method, data, ROWS).logits
    predicting = ("network.encoder", "network.classifier")
    spoiled = 0
    with torch.no_grad():
        for name, parameter in method.named_parameters():
            if not name.startswith(predicting):
                parameter.fill_(float("nan"))
                spoiled += 1
    assert spoiled > 0
    np.testing.assert_array_equal(score(method, data, ROWS).logits, before)


def test_streams_and_both_come_from_one_prediction(method, data):
    streams = score_streams(method, data, ROWS, batch=3)
    assert list(streams) == ["both", "joint", "motion"]
    np.testing.assert_allclose(
        streams["both"].logits, streams["joint"].logits + streams["motion"].logits, rtol=1e-5
    )
    np.testing.assert_allclose(
        streams["both"].logits, score(method, data, ROWS).logits, rtol=1e-4, atol=1e-5
    )
    method.eval()
    clips = data.clips(ROWS)
    with torch.inference_mode():
        joint = method.network(clips.joint, clips.clip_index, clips.count)
    np.testing.assert_allclose(streams["joint"].logits, joint.numpy(), rtol=1e-4, atol=1e-5)


def test_a_method_with_a_prediction_of_its_own_is_believed(ntu_store, data):
    class Product(PSP):
        def predict(self, clips):
            streams = self.predict_streams(clips)
            return streams["joint"] * streams["motion"]

    torch.manual_seed(0)
    config = config_of("psp", blocks=[[8, 8, 4, 2]])
    method = Product(facts_of(ntu_store), PSP.Options(), config)
    streams = score_streams(method, data, ROWS)
    np.testing.assert_allclose(
        streams["both"].logits, streams["joint"].logits * streams["motion"].logits, rtol=1e-4
    )


def test_bf16_predicts_nearly_the_same_in_float32(method, data):
    exact = score(method, data, ROWS)
    coarse = score(method, data, ROWS, precision="bf16")
    assert coarse.logits.dtype == np.float32
    assert not np.array_equal(coarse.logits, exact.logits)
    # bfloat16 has 8 bits: a few parts in a hundred of the largest score.
    assert np.abs(coarse.logits - exact.logits).max() < 0.05 * np.abs(exact.logits).max()


def test_saved_scores_are_keyed_by_name_and_need_no_pickle(tmp_path):
    names = ["d", "a", "c", "b"]
    save_scores(tmp_path / "scores.npz", names, Scores(LOGITS, LABELS))
    with np.load(tmp_path / "scores.npz", allow_pickle=False) as saved:
        assert saved["name"].tolist() == names
        np.testing.assert_array_equal(saved["logits"], LOGITS)
        np.testing.assert_array_equal(saved["label"], LABELS)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.npz"]
    again, scores = load_scores(tmp_path / "scores.npz")
    assert again == names
    np.testing.assert_array_equal(scores.confusion(), Scores(LOGITS, LABELS).confusion())
