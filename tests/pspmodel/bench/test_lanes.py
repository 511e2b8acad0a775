"""Variants measured in processes of their own."""

import os
import signal

import pytest
import torch

from pspmodel.bench.contest import Contest, Settings
from pspmodel.bench.lanes import Apart, Here, Variant, lane
from pspmodel.errors import OutOfMemoryError

TINY = Settings(labelled=1, unlabelled=3, width=1 / 16)


@pytest.fixture(scope="module")
def contest():
    return Contest(TINY)


def test_names_of_variants():
    names = [Variant(None).name, Variant("fp32").name, Variant("bf16", compiled=True).name]
    assert names == ["baseline", "fp32", "bf16 compiled"]


def test_a_process_of_its_own_does_what_this_one_would(contest):
    here = Here(contest, Variant("fp32"))
    with lane(contest, Variant("fp32")) as apart:
        assert isinstance(apart, Apart)
        assert apart.warm_up() == here.warm_up() > 100
        assert apart.timed("step", 2).wall > 0
        assert apart.timed("evaluate", 1).cpu > 0
        peak = apart.peak()
        assert peak is None or peak > 100 * 2**20


def test_the_first_steps_which_take_memory_are_not_timed(contest, monkeypatch):
    here = Here(contest, Variant(None))
    steps = []
    monkeypatch.setattr(here._side, "step", lambda: steps.append(1))
    here.warm_up()
    assert len(steps) == 4
    here.timed("step", 1)
    assert len(steps) == 5


def test_threads_are_those_of_the_parent(contest):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        with lane(contest, Variant(None)) as apart:
            assert apart._run(torch.get_num_threads) == before + 1
    finally:
        torch.set_num_threads(before)


def test_a_killed_process_says_what_to_lower(contest):
    killed = pytest.raises(OutOfMemoryError, match=r"measured baseline was killed.*--unlabelled")
    with lane(contest, Variant(None)) as apart, killed:
        apart._run(os.kill, apart._run(os.getpid), signal.SIGKILL)
