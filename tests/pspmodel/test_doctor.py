"""What the doctor finds of PyTorch."""

import tomllib
from pathlib import Path

import pytest
import torch

from pspmodel import doctor

PROJECT = Path(__file__).parents[2] / "packages/pspmodel/pyproject.toml"


@pytest.fixture
def times(monkeypatch):
    """Sets how fast products are said to be: fp32, bf16."""

    def fixed(full, half):
        monkeypatch.setattr(doctor, "speeds", lambda device, *dtypes: [full, half])

    return fixed


def by_topic():
    return {check.topic: check for check in doctor.examine()}


def test_extras_are_those_of_the_package():
    declared = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["optional-dependencies"]
    names = {extra: {text.split(">=")[0] for text in texts} for extra, texts in declared.items()}
    assert {extra: set(known) for extra, (known, _) in doctor.EXTRAS.items()} == names


def test_speeds_are_measured_for_each_type():
    full, half = doctor.speeds("cpu", torch.float32, torch.bfloat16)
    assert 1e7 < full < 1e14
    assert 1e7 < half < 1e14


def test_quick_bf16_is_offered_and_slow_bf16_advised_against(times, monkeypatch):
    times(100e9, 350e9)
    found = by_topic()["bf16 on cpu"]
    assert (found.state, found.value) == ("ok", "350 GFLOP/s, fp32 100 GFLOP/s: 3.5 times as fast")
    assert "pspmodel bench" in found.advice
    times(100e9, 20e9)
    monkeypatch.setattr(doctor, "_native_bf16", lambda: False)
    found = by_topic()["bf16 on cpu"]
    assert found.state == "slow"
    assert "0.2 times as fast; this processor has no bf16 instructions" in found.value
    assert "fp32" in found.advice


def test_bf16_that_fails_is_told(monkeypatch):
    def refused(device, *dtypes):
        raise RuntimeError("no kernel for bf16\nmore")

    monkeypatch.setattr(doctor, "speeds", refused)
    found = by_topic()["bf16 on cpu"]
    assert (found.state, found.value) == ("missing", "not supported: no kernel for bf16")


def test_threads_are_held_against_cores(monkeypatch, times):
    times(1e11, 1e11)
    monkeypatch.setattr(doctor, "usable_cores", lambda: 2)
    for threads, state in ((8, "slow"), (1, "note"), (2, "ok")):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=threads: count)
        found = by_topic()["threads"]
        assert found.state == state
        assert ("OMP_NUM_THREADS=2" in found.advice) == (state != "ok")


@pytest.mark.parametrize(
    ("driver", "built", "state", "told"),
    [
        (None, None, "note", "no NVIDIA driver"),
        ("/bin/nvidia-smi", None, "missing", "CPU-only"),
        ("/bin/nvidia-smi", "13.0", "missing", "finds no device"),
    ],
)
def test_why_there_is_no_device_is_told(monkeypatch, times, driver, built, state, told):
    times(1e11, 1e11)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built)
    which = doctor.shutil.which
    monkeypatch.setattr(
        doctor.shutil, "which", lambda name: driver if name == "nvidia-smi" else which(name)
    )
    found = by_topic()["cuda"]
    assert found.state == state
    assert told in found.value
    assert found.advice


def test_devices_are_named_with_their_memory(monkeypatch, times):
    times(50e12, 700e12)
    facts = type("Facts", (), {"name": "Big GPU", "major": 9, "minor": 0})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: facts)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (100 << 30, 141 << 30))
    found = by_topic()
    assert found["cuda:0"].value == "Big GPU, compute capability 9.0, 100 of 141 GiB free"
    assert found["bf16 on cuda:0"].value.startswith("700.0 TFLOP/s, fp32 50.0 TFLOP/s: 14 times")
