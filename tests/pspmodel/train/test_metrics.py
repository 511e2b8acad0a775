import pytest
import torch

from pspmodel.errors import NonFiniteLossError
from pspmodel.train.metrics import LossWindow, MetricsFile


def terms(a, b):
    return {"a": torch.tensor(a), "b": torch.tensor(b)}


def test_the_window_gives_means_once():
    window = LossWindow()
    window.add(0, terms(1.0, 4.0))
    window.add(1, terms(3.0, 8.0))
    assert window.take() == {"a": 2.0, "b": 6.0}
    assert window.take() == {}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_first_bad_step_and_term_are_named(bad):
    window = LossWindow()
    window.add(7, terms(1.0, 4.0))
    window.add(8, terms(1.0, bad))
    window.add(9, terms(bad, bad))
    with pytest.raises(NonFiniteLossError, match="step 8: loss term 'b' is") as caught:
        window.take()
    assert (caught.value.step, caught.value.term) == (8, "b")


def test_lines_behind_a_step_and_torn_lines_are_cut(tmp_path):
    file = MetricsFile(tmp_path / "metrics.jsonl")
    assert file.read() == []
    for step in (10, 20, 30):
        file.append({"step": step})
    with open(file.path, "a") as handle:
        handle.write('{"step": 4')
    file.cut_behind(20)
    assert file.read() == [{"step": 10}, {"step": 20}]
    assert file.path.read_text() == '{"step": 10}\n{"step": 20}\n'
