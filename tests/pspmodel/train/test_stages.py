"""Stages one after the other: lengths, settings, and exact resume at and beside their border."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from pspmodel.config import StrictModel
from pspmodel.errors import ConfigError, InterruptedRunError
from pspmodel.methods import METHODS, Method
from pspmodel.recipe import load_config
from pspmodel.train.checkpoint import load_facts
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run
from pspmodel.train.stages import stages_of
from support.small_run import tensors

RECIPE = """
method = "two-steps"
[data]
streams = ["joint"]
[augment]
yaw = 30
[weak]
yaw = 1
[optim]
lr = 0.1
[train]
epochs = 2
steps_per_epoch = 3
labelled_batch = 4
unlabelled_batch = 5
[stage.pretrain.optim]
lr = 0.02
[stage.pretrain.train]
labelled_batch = 0
epochs = 3
[stage.finetune.train]
unlabelled_batch = 0
average = 0.5
"""


class NoOptions(StrictModel):
    """None."""


class TwoSteps(Method):
    """Fits a mean without labels, then a fresh classifier of it."""

    Options = NoOptions
    stages = ("pretrain", "finetune")

    def __init__(self, facts, options, config):
        super().__init__(facts, options, config)
        self.body = nn.Linear(3, 4)
        self.classifier = nn.Linear(4, facts.classes)
        self.entered, self.seen = [], []

    def views(self, stage):
        return ("strong", "strong", "weak")

    def enter(self, stage):
        self.entered.append(stage)
        if stage == "finetune":
            self.body.requires_grad_(False)
            nn.init.normal_(self.classifier.weight)

    def _features(self, clips):
        return self.body(clips.joint.mean(dim=(2, 3)))

    def losses(self, step):
        self.seen.append(
            (step.stage, len(step.unlabelled), step.progress, step.teacher is not None)
        )
        if step.stage == "pretrain":
            assert step.labelled is None
            first, second, weak = (self._features(view) for view in step.unlabelled)
            return {"pull": ((first - second) ** 2).mean() + ((first - weak) ** 2).mean()}
        logits = self.classifier(self._features(step.labelled))
        index = step.labelled.clip_index
        return {"classification": nn.functional.cross_entropy(logits, step.labels[index])}

    def predict_streams(self, clips):
        logits = self.classifier(self._features(clips))
        return {"joint": logits.new_zeros(clips.count, logits.shape[1]).index_add(
            0, clips.clip_index, logits)}  # fmt: skip

    def embed(self, clips):
        return self._features(clips)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setitem(METHODS, "two-steps", TwoSteps)
    path = tmp_path / "two.toml"
    path.write_text(RECIPE)
    return path


def run_at(folder, store, recipe, **options):
    return new_run(store, ratio="0.2", recipe=str(recipe), out=folder, device="cpu", **options)


@dataclass
class Rows:
    labelled: np.ndarray
    unlabelled: np.ndarray


def test_stages_lie_one_behind_the_other_with_their_own_settings(recipe):
    config = load_config(
        recipe, dataset="ntu60", overrides=["stage.finetune.train.steps_per_epoch=0"]
    )
    first, second = stages_of(config, TwoSteps.stages, Rows(np.arange(9), np.arange(50)))
    assert (first.first, first.steps, first.end) == (0, 9, 9)
    assert (second.first, second.steps_per_epoch, second.end) == (9, 2, 13)  # 9 labelled in fours
    assert (first.settings.optim.lr, second.settings.optim.lr) == (0.02, 0.1)
    assert first.settings.augment == second.settings.augment == config.augment
    (whole,) = stages_of(
        load_config("psp-paper", dataset="ntu60"), ("joint",), Rows(np.arange(9), np.arange(641))
    )
    assert whole.steps_per_epoch == 10


def test_a_method_sees_its_stages_in_order(tmp_path, ntu_store_path, recipe):
    run = run_at(tmp_path / "run", ntu_store_path, recipe)
    body = run.method.body.weight.detach().clone()
    train(run)
    assert run.method.entered == ["pretrain", "finetune"]
    seen = run.method.seen
    assert [stage for stage, *_ in seen] == ["pretrain"] * 9 + ["finetune"] * 6
    assert seen[3] == ("pretrain", 3, pytest.approx(3 / 9), False)
    assert seen[9] == ("finetune", 0, 0.0, True)
    assert not torch.equal(run.method.body.weight, body)
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "evaluation"] == [12, 15]
    assert {line["lr"] for line in lines if line["kind"] == "train"} == {0.02, 0.1}
    names = {name.split(".")[0] for name in tensors(run.folder)}
    assert names == {"model", "optimizer", "average"}


@pytest.mark.parametrize("stop", [4, 9, 10, 12])
def test_resumed_in_either_stage_it_has_the_same_bits(tmp_path, ntu_store_path, recipe, stop):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    undisturbed = train(run_at(whole, ntu_store_path, recipe))
    train(run_at(parts, ntu_store_path, recipe), stop_at=stop)
    assert load_facts(parts / "checkpoints" / "last")["step"] == stop
    resumed = train(run_at(parts, ntu_store_path, recipe, resume=True), resume=True)
    one, other = tensors(whole), tensors(parts)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert resumed.last == undisturbed.last


def test_a_signal_at_the_border_is_resumed_behind_it(tmp_path, ntu_store_path, recipe):
    import os
    import signal

    def stop(step, status):
        if step == 8:
            os.kill(os.getpid(), signal.SIGTERM)

    folder = tmp_path / "run"
    with pytest.raises(InterruptedRunError, match=r"SIGTERM after step [89]"):
        train(run_at(folder, ntu_store_path, recipe), advanced=stop)
    train(run_at(folder, ntu_store_path, recipe, resume=True), resume=True)
    train(run_at(tmp_path / "whole", ntu_store_path, recipe))
    one, other = tensors(folder), tensors(tmp_path / "whole")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_views_are_draws_of_their_own(tmp_path, ntu_store_path, recipe):
    from pspmodel.train.batches import Batches

    run = run_at(tmp_path / "run", ntu_store_path, recipe)
    batches = Batches(run, run.stages[0])
    first, second, weak = batches.at(2, None).unlabelled
    again = batches.at(2, None).unlabelled
    assert not torch.equal(first.joint, second.joint)
    assert torch.equal(second.joint, again[1].joint)
    rows = batches._unlabelled.at(2)
    stored = run.data.clips(rows).joint
    assert (weak.joint - stored).abs().max() < (first.joint - stored).abs().max() / 3
    assert not torch.equal(batches.at(3, None).unlabelled[0].joint, first.joint)


def test_a_stage_that_a_method_does_not_have_is_refused(tmp_path, ntu_store_path):
    with pytest.raises(
        ConfigError, match=r"method psp has no stage 'pretrain'; use \[stage.joint\]"
    ):
        new_run(ntu_store_path, ratio="0.2", recipe="tiny", out=tmp_path / "run", device="cpu",
                overrides=["stage.pretrain.optim.lr=0.1"])  # fmt: skip
