import time

import pytest
import torch

from pspmodel.bench.measure import alternate, process_peak, ratio

CPU = torch.device("cpu")


def test_steps_are_measured_in_turn():
    calls = []
    steps = {name: lambda name=name: (calls.append(name), time.sleep(0.11)) for name in "ab"}
    advanced = []
    seconds = alternate(steps, 3, CPU, lambda: advanced.append(1))
    assert calls == ["a", "b"] + ["a", "b"] * 3  # once to see how long they take
    assert len(advanced) == 6
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}
    assert all(value.wall >= 0.11 > value.cpu for values in seconds.values() for value in values)


def test_short_steps_are_repeated_and_their_time_is_that_of_one():
    calls = []
    seconds = alternate({"short": lambda: (calls.append(1), time.sleep(0.02))}, 2, CPU)
    per_measurement, rest = divmod(len(calls) - 1, 2)
    assert rest == 0
    assert 2 <= per_measurement <= 5
    assert all(value.wall >= 0.02 > value.cpu for value in seconds["short"])


def test_ratio_pairs_neighbours():
    # While something else ran, both of the second pair took ten times as long.
    assert ratio([2.0, 20.0, 2.2], [1.0, 10.0, 1.0]) == 2.0


def test_memory_of_a_process_of_its_own(tmp_path):
    small, large = process_peak(bytearray, 1), process_peak(bytearray, 300 * 2**20)
    if small is None:
        pytest.skip("this system does not say how much memory a process held")
    assert large - small == pytest.approx(300 * 2**20, rel=0.2)
