"""The two stages of SDS-CL and PSTL: what learns in which, resuming in both, and what predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from pspmodel.errors import ConfigError
from pspmodel.methods import Method, Step
from pspmodel.recipe import load_config
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run
from skeldata import KINECT20, KINECT25
from support.pretext_methods import SMALL, batch, gradients, pretext_step, small, with_absent
from support.same_bits import same_bits_when_stopped

METHODS = pytest.mark.parametrize("name", ["sds-cl", "pstl"])
STEPS = (
    "stage.pretrain.train.epochs=2",
    "stage.pretrain.train.steps_per_epoch=3",
    "stage.pretrain.train.unlabelled_batch=6",
    "stage.pretrain.optim.lr=0.01",
    "train.epochs=2",
    "train.steps_per_epoch=3",
    "train.labelled_batch=6",
    "train.log_every=1",
    "optim.warmup_epochs=0",
)


def views(method: Method, persons: list[int]) -> list[Any]:
    return [batch(method, persons, seed=seed) for seed in range(len(method.views("pretrain")))]


def labelled_step(method: Method, persons: list[int]) -> Step:
    labels = torch.arange(len(persons)) % method.facts.classes
    return Step("finetune", batch(method, persons, seed=9), labels)


def changed(before: dict[str, torch.Tensor], method: Method) -> set[str]:
    """Which parts of the method are not what they were."""
    now = method.state_dict()
    return {
        ".".join(name.split(".")[: 2 if name.startswith("network") else 1])
        for name, value in before.items()
        if not torch.equal(now[name], value)
    }


@METHODS
@pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
@pytest.mark.parametrize("persons", [[1] * 5, [2, 1, 2, 1, 1], [2] * 5], ids=["one", "some", "two"])
def test_each_stage_trains_its_own_parts_and_no_other(
    name: str, layout: Any, persons: list[int]
) -> None:
    method = small(name, layout=layout, persons=max(persons))
    assert method.stages == ("pretrain", "finetune")
    assert [method.predicts(stage) for stage in method.stages] == [False, True]
    for stage, parts in (
        ("pretrain", ("network.encoder.", "pretext.")),
        ("finetune", ("network.encoder.", "network.classifier.")),
    ):
        method.enter(stage)
        step = (
            pretext_step(*views(method, persons))
            if stage == "pretrain"
            else labelled_step(method, persons)
        )
        terms, found = gradients(method, step)
        assert all(term.isfinite() for term in terms.values())
        for parameter, gradient in found.items():
            assert (gradient is not None) is parameter.startswith(parts), parameter
            assert gradient is None or gradient.isfinite().all()
        trained = [p for p in method.parameters() if p.requires_grad]
        assert len(trained) == sum(gradient is not None for gradient in found.values())
    # The way of a resumed run, and back: entering is a choice, not a change.
    before = {key: value.clone() for key, value in method.state_dict().items()}
    for stage in ("pretrain", "finetune", "pretrain"):
        method.enter(stage)
    assert not changed(before, method)


@METHODS
def test_fine_tuning_is_plain_cross_entropy_on_the_labelled_clips(name: str) -> None:
    method = small(name).eval()  # dropout and batch statistics would differ between the two passes
    step = labelled_step(method, [1, 2, 1])
    terms = method.losses(step)
    assert step.labelled is not None
    expected = F.cross_entropy(method.predict(step.labelled), torch.arange(3))
    assert set(terms) == {"classification"}
    torch.testing.assert_close(terms["classification"], expected)
    # One classifier serves every stream, and the streams' logits are added up.
    net = method.network
    logits = sum(
        net.classifier(net.pool(features, *step.labelled.owners))
        for features in net.encode(step.labelled.streams).values()
    )
    torch.testing.assert_close(method.predict(step.labelled), logits)


@METHODS
def test_predictions_do_not_depend_on_what_only_pre_trains(name: str) -> None:
    method = small(name).eval()
    clips = batch(method, [1, 2, 1])
    before, embedded = method.predict(clips), method.embed(clips)
    with torch.no_grad():
        for value in method.pretext.state_dict().values():
            if value.is_floating_point():
                value.normal_()
    assert torch.equal(method.predict(clips), before)
    assert torch.equal(method.embed(clips), embedded)
    with torch.no_grad():
        next(method.network.encoder.parameters()).normal_()
    assert not torch.equal(method.predict(clips), before)


@METHODS
def test_absent_bodies_may_be_averaged_in(name: str) -> None:
    method = small(name).eval()
    clips = batch(method, [1, 2, 1])
    each, shared = (
        method.predict(with_absent(clips, 2, shared=shared)) for shared in (False, True)
    )
    torch.testing.assert_close(each, shared)
    assert (each - method.predict(clips)).abs().max() > 1e-6


@METHODS
def test_the_pretext_can_be_learnt(name: str) -> None:
    method = small(name, "network.stgcn.dropout=0", dtype=torch.float32)
    method.enter("pretrain")
    optimizer = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=0.01)
    step = pretext_step(
        *[batch(method, [1] * 8, dtype=torch.float32)] * len(method.views("pretrain"))
    )
    losses = []
    torch.manual_seed(0)
    for _ in range(15):
        optimizer.zero_grad()
        losses.append(sum(method.losses(step).values()))
        losses[-1].backward()
        optimizer.step()
    assert min(losses[-5:]) < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("name", "dataset", "pretrain", "finetune"),
    [
        ("sds-cl", "ntu60", (70, 0, 0, 16), (120, 0, 32, 0)),
        ("sds-cl", "nw-ucla", (70, 0, 0, 16), (120, 10, 32, 0)),
        ("pstl", "ntu60", (150, 0, 0, 128), (150, 0, 128, 0)),
        ("pstl", "nw-ucla", (150, 0, 0, 128), (150, 10, 32, 0)),
    ],
)
def test_recipes_have_the_lengths_and_batches_they_state(
    name: str, dataset: str, pretrain: tuple[int, ...], finetune: tuple[int, ...]
) -> None:
    config = load_config(name, dataset=dataset)
    for stage, expected in (("pretrain", pretrain), ("finetune", finetune)):
        train = config.at(stage).train
        found = train.epochs, train.steps_per_epoch, train.labelled_batch, train.unlabelled_batch
        assert found == expected


def run_of(name: str, store: Path, out: Path, *more: str) -> Any:
    return new_run(
        store, ratio="0.2", recipe=name, overrides=(*SMALL[name], *STEPS, *more), out=out,
        device="cpu", resume=out.exists(),
    )  # fmt: skip


@METHODS
def test_stopped_runs_end_with_the_same_bits(
    name: str, ntu_store_path: Path, tmp_path: Path
) -> None:
    straight = run_of(name, ntu_store_path, tmp_path / "straight")
    train(straight)
    written = same_bits_when_stopped(
        lambda folder: run_of(name, ntu_store_path, folder), straight, tmp_path
    )
    pretext, classification = (set(written[at]["terms"]) for at in (0, -1))
    assert classification == {"classification"}
    assert not pretext & classification


@METHODS
def test_the_second_stage_starts_from_the_first(
    name: str, ntu_store_path: Path, tmp_path: Path
) -> None:
    run = run_of(name, ntu_store_path, tmp_path / "run")
    fresh = {key: value.clone() for key, value in run.method.state_dict().items()}
    train(run, stop_at=6)
    assert changed(fresh, run.method) == {"network.encoder", "pretext"}
    pretrained = {key: value.clone() for key, value in run.method.state_dict().items()}
    run = run_of(name, ntu_store_path, tmp_path / "run")
    train(run, resume=True)
    assert changed(pretrained, run.method) == {"network.encoder", "network.classifier"}


@METHODS
def test_fine_tuning_looks_at_unlabelled_clips_for_pseudo_labels_alone(name: str) -> None:
    assert small(name).views("finetune") == ()
    taught = ("pseudo_labels.weight=1", "train.average=0.9", "train.unlabelled_batch=4")
    assert small(name, *taught).views("finetune") == ("strong", "weak")


@METHODS
@pytest.mark.parametrize(
    "batch", ["train.unlabelled_batch", "stage.finetune.train.unlabelled_batch"]
)
def test_pseudo_labels_without_clips_to_give_them_to_are_refused(name: str, batch: str) -> None:
    taught = ("train.unlabelled_batch=4", "pseudo_labels.weight=1", "train.average=0.9")
    with pytest.raises(ConfigError, match=r"in stage finetune.* set stage\.finetune\.train\.unlab"):
        small(name, *taught, f"{batch}=0")
    small(name, *taught, "train.unlabelled_batch=0", "stage.finetune.train.unlabelled_batch=4")
