"""SkeAttnCLR in real runs: resuming in both stages, what the second starts from, streams fused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from pspmodel.evaluate.fuse import fuse_runs
from pspmodel.report import write_report
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run
from support.same_bits import same_bits_when_stopped
from support.skeattnclr import SMALL

STEPS = (
    "stage.pretrain.train.epochs=2",
    "stage.pretrain.train.steps_per_epoch=3",
    "stage.pretrain.train.unlabelled_batch=6",
    "train.epochs=2",
    "train.steps_per_epoch=3",
    "train.labelled_batch=6",
    "train.log_every=1",
)


def run_of(store: Path, out: Path, *more: str, **named: Any) -> Any:
    return new_run(
        store, ratio="0.2", recipe="skeattnclr", overrides=(*SMALL, *STEPS, *more), out=out,
        device="cpu", resume=out.exists(), **named,
    )  # fmt: skip


def test_stopped_runs_end_with_the_same_bits(ntu_store_path: Path, tmp_path: Path) -> None:
    straight = run_of(ntu_store_path, tmp_path / "straight")
    train(straight)
    wanted = straight.method.state_dict()
    assert {"queue.keys", "queue.place", "keys.module.projector.norm.running_var"} < wanted.keys()
    assert int(wanted["queue.place"]) == 36 % 32
    written = same_bits_when_stopped(
        lambda folder: run_of(ntu_store_path, folder), straight, tmp_path
    )
    terms = [set(line["terms"]) for line in written]
    assert terms == [{"contrast/whole", "contrast/salient"}] * 6 + [{"classification"}] * 6


def test_the_second_stage_starts_from_the_encoder_of_the_first(
    ntu_store_path: Path, tmp_path: Path
) -> None:
    run = run_of(ntu_store_path, tmp_path / "run")
    fresh = copy.deepcopy(run.method.state_dict())
    train(run, stop_at=6)
    middle = copy.deepcopy(run.method.state_dict())
    run = run_of(ntu_store_path, tmp_path / "run")
    train(run, resume=True)
    end = run.method.state_dict()

    def changed(one: Any, other: Any) -> set[str]:
        return {
            ".".join(name.split(".")[: 2 if name.startswith("network") else 1])
            for name, value in one.items() if not torch.equal(value, other[name])
        }  # fmt: skip

    assert changed(fresh, middle) == {"network.encoder", "pretext", "keys", "queue"}
    assert changed(middle, end) == {"network.encoder", "network.classifier"}


def test_runs_of_three_streams_are_fused(ntu_store_path: Path, tmp_path: Path) -> None:
    folders = []
    for stream in ("joint", "bone", "motion"):
        run = run_of(ntu_store_path, tmp_path / stream, f'data.streams=["{stream}"]')
        write_report(run, train(run))
        folders.append(run.folder)
    content = fuse_runs(folders, (1, 1, 0.5))
    assert [run["streams"] for run in content["runs"]] == [["joint"], ["bone"], ["motion"]]
    assert content["clips"] == len(run.selection.test)
    assert 0 <= content["top1"] <= content["top5"] <= 1
