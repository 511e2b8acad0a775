"""SkeAttnCLR: what each pass sees, what is contrasted, and what follows; runs are in test_skeattnclr_runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pspmodel.errors import ConfigError, UsageError
from pspmodel.methods import DataFacts, Method, Step, build
from pspmodel.methods.skeattnclr import SkeAttnCLR
from pspmodel.nn.heads import node_mean, person_mean
from pspmodel.nn.momentum import momentum_at
from pspmodel.recipe import load_config
from skeldata import KINECT20, KINECT25
from support.pretext_methods import batch, gradients, pretext_step, rows_of, with_absent
from support.queue_contrast_oracle import part_aware_loops
from support.skeattnclr import DETERMINISTIC, tiny

CLOSE = {"rtol": 1e-8, "atol": 1e-10}
PERSONS = (1, 2, 1, 2, 1)
layouts = pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)


def views(method: Method, persons: Any = PERSONS) -> list[Any]:
    return [batch(method, persons, seed=seed) for seed in range(2)]


def labelled_step(method: Method, persons: Any = PERSONS) -> Step:
    labels = torch.arange(len(persons)) % method.facts.classes
    return Step("finetune", batch(method, persons, seed=9), labels)


class Watched:
    """Inputs and outputs of the parts of the method, call by call."""

    def __init__(self) -> None:
        self.query: list[tuple[Tensor, Tensor]] = []
        self.key: list[tuple[Tensor, Tensor]] = []
        self.mask: list[tuple[Tensor, Tensor]] = []
        self.projected: list[tuple[Tensor, Tensor]] = []
        self.projected_keys: list[tuple[Tensor, Tensor]] = []
        self.predicted: list[tuple[Tensor, Tensor]] = []


@contextmanager
def watching(method: SkeAttnCLR) -> Iterator[Watched]:
    watched = Watched()

    def into(calls: list[tuple[Tensor, Tensor]]) -> Any:
        return lambda module, inputs, output: calls.append((inputs[0], output))

    hooks = [
        method.network.encoder.register_forward_hook(into(watched.query)),
        method.keys.module.encoder.register_forward_hook(into(watched.key)),
        method.pretext.mask.register_forward_hook(into(watched.mask)),
        method.pretext.projector.register_forward_hook(into(watched.projected)),
        method.keys.module.projector.register_forward_hook(into(watched.projected_keys)),
        *(p.register_forward_hook(into(watched.predicted)) for p in method.pretext.predictors.values()),
    ]  # fmt: skip
    yield watched
    for hook in hooks:
        hook.remove()


# ---- what is seen and contrasted -----------------------------------------------------------
def test_the_recipe_has_the_published_numbers() -> None:
    config = load_config("skeattnclr", dataset="ntu60")
    facts = DataFacts("ntu60", KINECT25, 60, 2, 64, config.data.streams)
    with torch.device("meta"):
        method = build(config, facts)

    def count(module: Any) -> int:
        return sum(p.numel() for p in module.parameters())

    assert isinstance(method, SkeAttnCLR)
    assert count(method.network.encoder) == 3_083_412
    assert count(method.network.classifier) == 15_420
    assert [count(p) for p in method.pretext.predictors.values()] == [66_048] * 3
    # The released neck has a second projector that nothing uses.
    assert count(method.pretext.mask) + 2 * count(method.pretext.projector) == 461_312
    assert count(method.network) + count(method.pretext) == 3_758_288 - 98_816
    assert method.queue.keys.shape == (32768, 128)
    assert config.at("pretrain").train.epochs == 300
    assert config.at("finetune").train.epochs == 150


@layouts
def test_the_whole_comes_from_a_view_and_the_parts_from_a_mixture(layout: Any) -> None:
    method = tiny(layout=layout)
    query, key = views(method)
    with watching(method) as watched:
        method.losses(pretext_step(query, key))
    (first, _), (second, features) = watched.query
    assert torch.equal(first, query.joint)
    ((answered, _),) = watched.key
    assert torch.equal(answered, key.joint)
    ((masked, _),) = watched.mask
    assert masked is features

    changed = second != query.joint
    places = changed.flatten(0, 1).any(dim=0)  # (T, V)
    assert torch.equal(changed, places.expand_as(changed))
    frames, joints = places.any(dim=1), places.any(dim=0)
    assert torch.equal(places, frames[:, None] & joints)
    assert int(frames.sum()) % 4 == 0
    parts = [part for part in layout.bodies if joints[list(part)].all()]
    assert sum(map(len, parts)) == int(joints.sum())
    assert len(parts) in (3, 4)
    shifts = set()
    for row, clip in enumerate(query.clip_index.tolist()):
        same = [
            other for other in range(query.rows)
            if torch.equal(second[row][:, places], query.joint[other][:, places])
        ]  # fmt: skip
        assert len(same) == 1
        shifts.add((int(query.clip_index[same[0]]) - clip) % query.count)
    assert len(shifts) == 1
    assert 0 not in shifts


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("mixing", ["true", "false"])
def test_terms_are_the_equations(share: float, mixing: str) -> None:
    method = tiny(f"options.salient_share={share}", f"options.mixing={mixing}")
    query, key = views(method)
    queue = method.queue.keys.clone()
    branch = copy.deepcopy(method.pretext), copy.deepcopy(method.keys.module.projector)
    with watching(method) as watched:
        terms = method.losses(pretext_step(query, key))
    assert len(watched.query) == (2 if mixing == "true" else 1)
    mask = watched.mask[0][1]

    def pooled(features: Tensor, clips: Any) -> Tensor:
        return person_mean(node_mean(features), *clips.owners)

    whole, parted, seen = watched.query[0][1], watched.query[-1][1], watched.key[0][1]
    asked = (pooled(whole, query), pooled(parted * mask, query), pooled(parted * (1 - mask), query))
    answered = (pooled(seen, key), pooled(seen * mask, key), pooled(seen * (1 - mask), key))
    torch.testing.assert_close(answered[1] + answered[2], answered[0], **CLOSE)
    pretext, projector = branch
    embedded = [
        pretext.predictors[name](pretext.projector(part))
        for name, part in zip(("whole", "salient", "rest"), asked, strict=True)
    ]
    keys = [projector(part) for part in answered]
    expected = part_aware_loops(embedded, keys, queue, share, 0.2)
    torch.testing.assert_close(sum(terms.values()), expected, **CLOSE)
    assert set(terms) == {
        "contrast/whole", *["contrast/salient"] * (share > 0), *["contrast/rest"] * (share < 1),
    }  # fmt: skip
    pushed = F.normalize(keys[0], dim=1)
    torch.testing.assert_close(method.queue.keys[: query.count], pushed, **CLOSE)
    assert torch.equal(method.queue.keys[query.count :], queue[query.count :])


def test_keys_are_parted_by_the_querys_mask_and_have_none_of_their_own() -> None:
    method = tiny(*DETERMINISTIC)
    assert not any("mask" in name or "predictor" in name for name in method.keys.state_dict())
    other = copy.deepcopy(method)
    with torch.no_grad():
        other.pretext.mask.output.weight.normal_()
    step = pretext_step(*views(method))
    inputs = []
    for each in (method, other):
        with watching(each) as watched:
            each.losses(step)
        inputs.append([given for given, _ in watched.projected_keys])
    assert torch.equal(inputs[0][0], inputs[1][0])
    for part in (1, 2):
        assert (inputs[0][part] - inputs[1][part]).abs().max() > 1e-3


@pytest.mark.parametrize("persons", [(1, 2, 1, 2, 1), (2, 2, 2)])
@pytest.mark.parametrize("mixing", ["true", "false"])
def test_absent_bodies_may_share_a_row(persons: tuple[int, ...], mixing: str) -> None:
    method = tiny("network.stgcn.dropout=0.0", f"options.mixing={mixing}")
    found = []
    for shared in (False, True):
        each = copy.deepcopy(method)
        torch.manual_seed(5)
        step = pretext_step(*(with_absent(v, 2, shared=shared) for v in views(method, persons)))
        found.append((*gradients(each, step), each.queue.keys))
    torch.testing.assert_close(found[0], found[1], **CLOSE)


def test_half_precision_reaches_neither_losses_nor_keys() -> None:
    method = tiny(dtype=torch.float32)
    clips = [batch(method, PERSONS, seed=seed, dtype=torch.float32) for seed in range(2)]
    with torch.autocast("cpu", torch.bfloat16):
        terms, found = gradients(method, pretext_step(*clips))
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())
    assert all(g.isfinite().all() for g in found.values() if g is not None)
    assert method.queue.keys.dtype == torch.float32
    torch.testing.assert_close(method.queue.keys.norm(dim=1), torch.ones(32))


def test_a_batch_of_one_clip_cannot_be_mixed() -> None:
    method = tiny()
    step = pretext_step(*views(method, (2,)))
    with pytest.raises(UsageError, match="a batch has 1"):
        method.losses(step)


# ---- what learns and what follows ----------------------------------------------------------
@layouts
@pytest.mark.parametrize("persons", [(1,) * 5, (2, 1, 2, 1), (2,) * 4], ids=["one", "some", "two"])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_each_stage_trains_its_own_parts_and_no_other(
    layout: Any, persons: Any, share: float
) -> None:
    method = tiny(f"options.salient_share={share}", layout=layout, persons=max(persons))
    for stage, parts in (
        ("pretrain", ("network.encoder.", "pretext.")),
        ("finetune", ("network.encoder.", "network.classifier.")),
    ):
        method.enter(stage)
        step = pretext_step(*views(method, persons))
        if stage == "finetune":
            step = labelled_step(method, persons)
        terms, found = gradients(method, step)
        assert all(term.isfinite() for term in terms.values())
        for name, gradient in found.items():
            trains = name.startswith(parts)
            if share == 1 and name.startswith("pretext.predictors.rest"):
                trains = False
            assert (gradient is not None) is trains, name
            assert gradient is None or gradient.isfinite().all()
        trained = [p for p in method.parameters() if p.requires_grad]
        assert len(trained) == sum(gradient is not None for gradient in found.values())


def test_keys_follow_after_the_weights_have_moved() -> None:
    method = tiny("options.momentum=0.9")
    assert torch.equal(
        method.keys.module.encoder.units[3].project.weight,
        method.network.encoder.units[3].project.weight,
    )
    before = copy.deepcopy(method.keys.module.state_dict())
    optimizer = torch.optim.SGD([p for p in method.parameters() if p.requires_grad], lr=0.1)
    sum(method.losses(pretext_step(*views(method))).values()).backward()
    for name, parameter in method.keys.named_parameters():
        assert parameter.grad is None
        assert torch.equal(parameter, before[name.removeprefix("module.")]), name
    optimizer.step()
    own = copy.deepcopy(method.keys.module.state_dict())
    leader = {
        **{f"encoder.{n}": t.clone() for n, t in method.network.encoder.state_dict().items()},
        **{f"projector.{n}": t.clone() for n, t in method.pretext.projector.state_dict().items()},
    }
    momentum = momentum_at(0.25, 0.9)
    # In eval mode nothing else moves the follower's statistics.
    method.eval()
    method.losses(Step("pretrain", None, None, tuple(views(method)), progress=0.25))
    for name, tensor in method.keys.module.state_dict().items():
        if tensor.is_floating_point():
            expected = momentum * own[name] + (1 - momentum) * leader[name]
            torch.testing.assert_close(tensor, expected, rtol=1e-10, atol=1e-14)
            # A bias in front of a batch norm has no gradient.
            assert name.endswith("bias") or not torch.equal(tensor, own[name]), name


def test_keys_may_be_drawn_by_themselves() -> None:
    method = tiny("options.keys_start=drawn")
    pairs = zip(method.keys.module.encoder.parameters(), method.network.encoder.parameters(),
                strict=True)  # fmt: skip
    assert not all(torch.equal(one, other) for one, other in pairs)
    equal = tiny()
    for name, tensor in method.network.state_dict().items():
        assert torch.equal(tensor, equal.network.state_dict()[name]), name


def test_the_queue_takes_unit_keys_step_by_step() -> None:
    method = tiny()
    for step in range(1, 9):
        before = method.queue.keys.clone()
        clips = views(method)
        method.losses(pretext_step(*clips))
        assert int(method.queue.place) == 5 * step % 32
        new = torch.arange(5 * (step - 1), 5 * step) % 32
        kept = torch.ones(32, dtype=torch.bool)
        kept[new] = False
        assert torch.equal(method.queue.keys[kept], before[kept])
        assert (method.queue.keys[new] != before[new]).any(dim=1).all()
        torch.testing.assert_close(method.queue.keys.norm(dim=1), torch.ones(32).double())
    assert not method.queue.keys.requires_grad


def test_the_pretext_can_be_learnt() -> None:
    method = tiny("network.stgcn.dropout=0.0", "options.mixing=false", dtype=torch.float32)
    optimizer = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=0.01)
    clips = batch(method, [1] * 8, dtype=torch.float32)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        losses.append(sum(method.losses(pretext_step(clips, clips)).values()))
        losses[-1].backward()
        optimizer.step()
    assert min(losses[-5:]) < 0.8 * losses[0]


# ---- fine-tuning and prediction ------------------------------------------------------------
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_fine_tuning_with_or_without_batch_statistics(mode: str) -> None:
    method = tiny(f"options.finetune={mode}")
    method.enter("finetune")
    step = labelled_step(method)
    assert step.labelled is not None
    before = {name: buffer.clone() for name, buffer in method.named_buffers()}
    losses = [method.losses(step)["classification"] for _ in range(2)]
    moved = {n for n, b in method.named_buffers() if not torch.equal(b, before[n])}
    if mode == "train":
        assert moved
        assert all(name.startswith("network.encoder.") for name in moved)
        assert losses[0] != losses[1]  # dropout
    else:
        assert not moved
        assert losses[0] == losses[1]
        expected = F.cross_entropy(method.eval().predict(step.labelled), step.labels)
        torch.testing.assert_close(losses[0], expected, **CLOSE)
    method.eval()
    assert not method.network.encoder.training


def test_predictions_do_not_depend_on_what_only_pre_trains() -> None:
    method = tiny().eval()
    clips = batch(method, PERSONS)
    before, embedded = method.predict(clips), method.embed(clips)
    with torch.no_grad():
        for part in (method.pretext, method.keys, method.queue):
            for value in part.state_dict().values():
                if value.is_floating_point():
                    value.normal_()
    assert torch.equal(method.predict(clips), before)
    assert torch.equal(method.embed(clips), embedded)
    assert embedded.shape == (5, 8)
    one = rows_of(clips, [3])
    torch.testing.assert_close(method.predict(one), before[3:4], **CLOSE)


# ---- settings ------------------------------------------------------------------------------
@pytest.mark.parametrize(("stream", "share"), [("joint", 1.0), ("bone", 0.5), ("motion", 0.5)])
def test_streams_have_their_published_weights(stream: str, share: float) -> None:
    assert tiny(f'data.streams=["{stream}"]').salient_share == share
    assert tiny(f'data.streams=["{stream}"]', "options.salient_share=0.25").salient_share == 0.25


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ('data.streams=["joint", "bone"]', "one stream a run, not joint, bone"),
        ("network.stems=per-stream", "set network.stems to shared"),
        ("options.heads=3", "heads 3 do not divide the encoder's 8 channels"),
    ],
)
def test_settings_that_do_not_fit_are_refused(override: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        tiny(override)


@pytest.mark.parametrize("encoder", ["tcn", "dsta"])
def test_other_encoders_serve_too(encoder: str) -> None:
    method = tiny(
        f"network.encoder={encoder}", "network.tcn.channels=8",
        "network.dsta.blocks=[[8, 8, 4, 2], [8, 8, 4, 2]]", "network.dsta.heads=2",
    )  # fmt: skip
    terms, _ = gradients(method, pretext_step(*views(method)))
    assert all(term.isfinite() for term in terms.values())
