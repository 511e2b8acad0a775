"""PSTL's pretext: what each pass of the encoder sees, what is contrasted, what a recipe may ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from pspmodel.config import RunConfig
from pspmodel.data.masking import slowest_frames, stillness
from pspmodel.errors import ConfigError
from pspmodel.methods import DataFacts, Method, build
from pspmodel.recipe import load_config
from pspmodel.train.schedule import learning_rate
from skeldata import KINECT20, KINECT25
from support.barlow_twins_oracle import barlow_twins_loops
from support.pretext_methods import DETERMINISTIC, batch, pretext_step, small, with_absent

CLOSE = {"rtol": 1e-8, "atol": 1e-9}
PERSONS = (1, 2, 1, 2, 2, 1)
UNCHANGED = DETERMINISTIC[3:]


def tiny(*overrides: str, **named: Any) -> Method:
    return small("pstl", *overrides, **named)


class Watched:
    """What went into the encoder and what came out of encoder and projector, pass by pass."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []
        self.kept: list[Tensor | None] = []
        self.features: list[Tensor] = []
        self.projected: list[Tensor] = []


@contextmanager
def watching(method: Method) -> Iterator[Watched]:
    watched = Watched()

    def encoded(module: Any, inputs: Any, output: Tensor) -> None:
        watched.seen.append(inputs[0])
        watched.kept.append(inputs[1] if len(inputs) > 1 else None)
        watched.features.append(output)

    hooks = [
        method.network.encoder.register_forward_hook(encoded),
        method.pretext.register_forward_hook(lambda *a: watched.projected.append(a[2])),
    ]
    yield watched
    for hook in hooks:
        hook.remove()


def three(method: Method) -> list[Any]:
    return [batch(method, PERSONS, seed=seed) for seed in range(3)]


def test_the_recipe_has_the_published_number_of_parameters() -> None:
    config = load_config("pstl", dataset="ntu60")
    with torch.device("meta"):
        method = build(config, DataFacts("ntu60", KINECT25, 60, 2, 50, config.data.streams))
    parts = method.network.encoder, method.network.classifier, method.pretext
    counts = [sum(p.numel() for p in part.parameters()) for part in parts]
    assert counts == [821_380, 15_420, 77_094_912]


@pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
def test_each_pass_sees_its_own_view_and_mask(layout: Any) -> None:
    method = tiny(*UNCHANGED, layout=layout)
    views = three(method)
    with watching(method) as watched:
        method.losses(pretext_step(*views))
    whole, fewer_frames, fewer_joints = (view.joint for view in views)
    assert torch.equal(watched.seen[0], whole)

    assert watched.seen[1].shape == (9, 3, 30, layout.joint_count)
    slow = slowest_frames(stillness(fewer_frames, *views[1].owners), 40).tolist()
    taken = {}
    for row, clip in enumerate(views[1].clip_index.tolist()):
        frames = [
            next(t for t in range(50) if torch.equal(fewer_frames[row, :, t], shown))
            for shown in watched.seen[1][row].unbind(1)
        ]
        assert frames == sorted(set(frames))
        assert set(frames) <= set(slow[clip])
        assert taken.setdefault(clip, frames) == frames  # both persons lose the same frames
    assert len({tuple(slow[clip].index(t) for t in frames) for clip, frames in taken.items()}) > 1

    assert torch.equal(watched.seen[2], fewer_joints)
    keep = watched.kept[2]
    draws = 8 if layout is KINECT25 else 6
    assert layout.joint_count - draws <= len(keep) < layout.joint_count
    assert watched.features[2].shape[3] == len(keep)
    assert watched.kept[:2] == [None, None]


def test_frames_may_go_at_the_same_places_of_all_clips() -> None:
    method = tiny(*UNCHANGED, "options.frames_alike=true", "options.fastest=0")
    clips = batch(method, PERSONS)
    with watching(method) as watched:
        method.losses(pretext_step(clips, clips, clips))
    places = [
        next(t for t in range(50) if torch.equal(clips.joint[0, :, t], shown))
        for shown in watched.seen[1][0].unbind(1)
    ]
    assert torch.equal(watched.seen[1], clips.joint[:, :, places])


def test_terms_are_barlow_twins_of_the_whole_with_either_part() -> None:
    method = tiny("options.redundancy=0.05")
    with watching(method) as watched:
        terms = method.losses(pretext_step(*three(method)))
    anchor, temporal, spatial = watched.projected
    assert anchor.shape == (6, 24)
    expected = {
        "temporal": barlow_twins_loops(anchor, temporal, 0.05),
        "spatial": barlow_twins_loops(anchor, spatial, 0.05),
    }
    torch.testing.assert_close(dict(terms), expected, **CLOSE)


def test_without_changes_and_masks_the_three_passes_are_one() -> None:
    method = tiny(*DETERMINISTIC, "options.fastest=0")
    clips = batch(method, PERSONS)
    with watching(method) as watched:
        terms = method.losses(pretext_step(clips, clips, clips))
    for projected in watched.projected:
        torch.testing.assert_close(projected, watched.projected[0], **CLOSE)
    torch.testing.assert_close(terms["temporal"], terms["spatial"], **CLOSE)


def test_views_are_drawn_anew_for_each_pass_and_clip_and_shared_by_its_persons() -> None:
    method = tiny("options.views.padding=0", "options.views.flip=0")
    clips = batch(method, [2, 2, 2, 2])
    for person in range(1, 8, 2):  # both persons of a clip are the same
        clips.joint[person] = clips.joint[person - 1]
    with watching(method) as watched:
        method.losses(pretext_step(clips, clips, clips))
    first, third = watched.seen[0], watched.seen[2]
    maps = [
        torch.linalg.lstsq(a.flatten(1).mT, b.flatten(1).mT).solution
        for a, b in zip(clips.joint, first, strict=True)
    ]
    for clip in range(4):
        torch.testing.assert_close(maps[2 * clip], maps[2 * clip + 1])
    assert len({round(float(m[0, 1]), 9) for m in maps}) == 4
    assert not torch.allclose(first, third)


def test_absent_bodies_that_are_kept_may_share_a_row() -> None:
    results = []
    for shared in (True, False):
        method = tiny("network.stgcn.dropout=0.0", "options.views.alike=true")
        views = [with_absent(clips, 2, shared=shared) for clips in three(method)]
        torch.manual_seed(1)
        results.append((dict(method.losses(pretext_step(*views))), dict(method.named_buffers())))
    torch.testing.assert_close(*results, **CLOSE)


def test_the_rate_rises_for_ten_epochs_and_falls_to_zero() -> None:
    config: RunConfig = load_config("pstl", dataset="ntu60")
    optim, train = config.at("pretrain").optim, config.at("pretrain").train
    assert (train.epochs, train.labelled_batch, train.unlabelled_batch) == (150, 0, 128)
    steps = 313 * train.epochs
    rates = [learning_rate(optim, step, 313, steps) for step in (0, 10 * 313, steps - 1)]
    assert rates[0] < 5e-3 / 1000
    assert rates[1] == pytest.approx(5e-3)
    assert rates[2] < 1e-9
    assert config.at("finetune").optim.warmup_epochs == 0
    assert config.at("finetune").optim.weight_decay == 0


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(ConfigError, match="one stream a run, not joint, motion"):
        tiny('data.streams=["joint", "motion"]')
    with pytest.raises(ConfigError, match=r"set network\.encoder to stgcn"):
        tiny("network.encoder=dsta")
    with pytest.raises(ConfigError, match=r"network\.stems to shared"):
        tiny("network.stems=per-stream")
    with pytest.raises(ConfigError, match="mask all 20 frames"):
        tiny(frames=20)
    with pytest.raises(ConfigError, match="joint_draws 25 could mask all 25 joints"):
        tiny("options.joint_draws=25")
    with pytest.raises(ConfigError, match="did you mean 'padding'"):
        tiny("options.views.pading=3")
