import subprocess
import sys
import time

import pytest
import torch

from pspmodel.bench.measure import alternate, process_peak, ratio, timed

CPU = torch.device("cpu")


def timer(step):
    return lambda repeats: timed(step, CPU, repeats)


def test_steps_are_measured_in_turn():
    calls = []
    timers = {
        name: timer(lambda name=name: (calls.append(name), time.sleep(0.11))) for name in "ab"
    }
    advanced = []
    seconds = alternate(timers, 3, lambda: advanced.append(1))
    assert calls == ["a", "b"] + ["a", "b"] * 3  # once to see how long they take
    assert len(advanced) == 6
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}
    assert all(value.wall >= 0.11 > value.cpu for values in seconds.values() for value in values)


def test_short_steps_are_repeated_and_their_time_is_that_of_one():
    calls = []
    seconds = alternate({"short": timer(lambda: (calls.append(1), time.sleep(0.02)))}, 2)
    per_measurement, rest = divmod(len(calls) - 1, 2)
    assert rest == 0
    assert 2 <= per_measurement <= 5
    assert all(value.wall >= 0.02 > value.cpu for value in seconds["short"])


def test_ratio_pairs_neighbours():
    # While something else ran, both of the second pair took ten times as long.
    assert ratio([2.0, 20.0, 2.2], [1.0, 10.0, 1.0]) == 2.0


def test_the_most_that_a_process_held():
    code = """
from pspmodel.bench.measure import process_peak
before = process_peak()
held = bytearray(300 * 2**20)
del held
print(before and process_peak() - before)
"""
    grown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    if grown.stdout.strip() == "None":
        pytest.skip("this system does not say how much memory a process held")
    assert int(grown.stdout) == pytest.approx(300 * 2**20, rel=0.2)
    assert process_peak() > 0
