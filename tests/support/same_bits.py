"""Runs that are stopped and go on, against one that is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pspmodel.train.loop import train

STEPS = 12
"""Of the runs: two stages of six."""


def same_bits_when_stopped(
    run_at: Callable[[Path], Any], straight: Any, folder: Path
) -> list[dict[str, Any]]:
    """Check weights, buffers and metrics; returns the lines about training of either run.

    Args:
        run_at: makes the run in a folder, or resumes what is there.
        straight: the same run, trained without a stop.
        folder: to stop others in.
    """
    wanted = straight.method.state_dict()
    # Within the first stage, at its end, within the second.
    for stop in (2, 4, 6, 7, None):
        run = run_at(folder / "stopped")
        outcome = train(run, resume=True, stop_at=stop)
    assert outcome.state.step == STEPS
    found = run.method.state_dict()
    assert wanted.keys() == found.keys()
    for key, value in wanted.items():
        assert torch.equal(found[key], value), key
    first, second = (
        [line for line in map(json.loads, (each.folder / "metrics.jsonl").read_text().splitlines())
         if line["kind"] == "train"]
        for each in (straight, run)
    )  # fmt: skip
    assert first == second
    assert [line["step"] for line in first] == list(range(1, STEPS + 1))
    return first
