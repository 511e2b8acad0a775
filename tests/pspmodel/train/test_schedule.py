import pytest

from pspmodel.config import OptimConfig
from pspmodel.recipe import load_config
from pspmodel.train.schedule import learning_rate


def test_the_released_schedule():
    optim = load_config("psp-code", dataset="ntu60").optim
    rates = [learning_rate(optim, 500 * epoch, 500, 60_000) for epoch in range(120)]
    assert rates[:5] == pytest.approx([0.002, 0.004, 0.006, 0.008, 0.01])
    assert rates[5:60] == pytest.approx([0.01] * 55)
    assert rates[60:90] == pytest.approx([0.001] * 30)
    assert rates[90:] == pytest.approx([0.0001] * 30)


def test_no_warm_up_starts_at_the_full_rate():
    assert learning_rate(OptimConfig(lr=0.3), 0, 10, 100) == 0.3
