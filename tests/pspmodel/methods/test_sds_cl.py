"""SDS-CL's pretext against its equations, its symmetries, and what it asks of a recipe."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pspmodel.data.clips import Clips
from pspmodel.errors import ConfigError
from pspmodel.methods import DataFacts, Method, build
from pspmodel.recipe import load_config
from skeldata import KINECT20, KINECT25
from support.pretext_methods import batch, pretext_step, rows_of, small, with_absent
from support.sds_cl_oracle import attention_loops, nine_terms

CLOSE = {"rtol": 1e-8, "atol": 1e-9}
PERSONS = (1, 2, 1, 2, 2)


def tiny(*overrides: str, **named: Any) -> Method:
    return small("sds-cl", *overrides, **named)


def embeddings_by_hand(method: Method, own: Tensor, other: Tensor, clips: Clips) -> list[Tensor]:
    """(intra joints, inter joints, intra frames, inter frames, clips) from the notes' sections 4, 5."""
    state = dict(method.pretext.named_parameters())

    def mlp(name: str, x: Tensor) -> Tensor:
        for layer in (0, 2):
            weight, bias = (state[f"{name}.layers.{layer}.{what}"] for what in ("weight", "bias"))
            x = x @ weight.T + bias
            x = x.clamp(min=0) if layer == 0 else x
        return x

    def attended(name: str) -> Tensor:
        mine = {key.removeprefix(f"attention.{name}."): value for key, value in state.items()}
        nodes = "frames" if name.endswith("temporal") else "joints"
        second = other if name.startswith("inter") else None
        rows, _ = attention_loops(mine, own, second, method.options.heads, nodes)
        return torch.stack(
            [rows[clips.clip_index == clip].mean(0) for clip in range(clips.count)]
        )  # (N, C, T, V)

    order = ["intra_temporal", "intra_spatial", "inter_temporal", "inter_spatial"]
    made = {name: attended(name) for name in order}
    return [
        mlp("tokens", made["intra_temporal"].mean(2).mT),
        mlp("tokens", made["inter_temporal"].mean(2).mT),
        mlp("tokens", made["intra_spatial"].mean(3).mT),
        mlp("tokens", made["inter_spatial"].mean(3).mT),
        mlp("clips", torch.cat([made[name].mean((2, 3)) for name in order], dim=1)),
    ]


@pytest.mark.parametrize(
    ("dataset", "layout", "classes", "expected"),
    [("ntu60", KINECT25, 60, 7_501_820), ("nw-ucla", KINECT20, 10, 7_481_770)],
)
def test_the_recipe_has_the_published_number_of_parameters(
    dataset: str, layout: Any, classes: int, expected: int
) -> None:
    config = load_config("sds-cl", dataset=dataset)
    with torch.device("meta"):
        method = build(config, DataFacts(dataset, layout, classes, 2, 50, config.data.streams))
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in (
        ("encoder", method.network.encoder), ("attention", method.pretext.attention),
        ("tokens", method.pretext.tokens), ("clips", method.pretext.clips),
    )}  # fmt: skip
    assert sum(p.numel() for p in method.parameters()) == expected
    assert (counts["attention"], counts["tokens"], counts["clips"]) == (
        4 * 263_680, 131_584, 2_099_200,
    )  # fmt: skip
    if layout is KINECT25:
        assert counts["encoder"] == 4_200_896


@pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
def test_terms_are_those_of_the_notes(layout: Any) -> None:
    method = tiny("options.temperature=0.2", layout=layout, frames=10)
    clips = batch(method, PERSONS[:3])
    joint, motion = method.network.encode(clips.streams).values()
    assert joint.shape == (4, 8, 3, layout.joint_count)
    expected = nine_terms(
        embeddings_by_hand(method, joint, motion, clips),
        embeddings_by_hand(method, motion, joint, clips),
        0.2,
    )
    terms = method.losses(pretext_step(clips))
    torch.testing.assert_close(list(terms.values()), expected, **CLOSE)


def test_the_three_kinds_of_terms_have_weights() -> None:
    clips = batch(tiny(), PERSONS)
    plain = tiny().losses(pretext_step(clips))
    weighted = tiny(
        "options.joint_weight=2", "options.frame_weight=0", "options.global_weight=0.5"
    ).losses(pretext_step(clips))
    factors = {"tsl": 2, "stl": 0, "global": 0.5}
    for name, term in plain.items():
        torch.testing.assert_close(weighted[name], factors[name.split("/")[0]] * term, **CLOSE)


def test_tokens_that_say_nothing_cost_what_the_notes_say() -> None:
    method = tiny()
    with torch.no_grad():
        for projection in (method.pretext.tokens, method.pretext.clips):
            last = projection.layers[2]
            last.weight.zero_()
            last.bias.fill_(1)
    total = sum(method.losses(pretext_step(batch(method, [1, 2] * 8))).values())
    assert total.item() == pytest.approx(31.877, abs=5e-4)


def test_exchanging_the_streams_leaves_the_total() -> None:
    method = tiny()
    clips = batch(method, PERSONS)
    exchanged = dict(zip(clips.streams, reversed(clips.streams.values()), strict=True))
    back = Clips(exchanged, clips.clip_index, clips.count)
    forth, back = (method.losses(pretext_step(of)) for of in (clips, back))
    torch.testing.assert_close(sum(forth.values()), sum(back.values()), **CLOSE)
    torch.testing.assert_close(forth["tsl/intra-inter"], back["tsl/inter-intra"], **CLOSE)
    assert (forth["tsl/intra-inter"] - back["tsl/intra-inter"]).abs().item() > 1e-6


def test_only_the_global_term_looks_at_other_clips() -> None:
    method = tiny().eval()  # batch statistics would mix them
    clips = batch(method, PERSONS)
    whole = method.losses(pretext_step(clips))
    shuffled = method.losses(pretext_step(rows_of(clips, [3, 0, 4, 2, 1])))
    alone = [method.losses(pretext_step(rows_of(clips, [clip]))) for clip in range(5)]
    for name, term in whole.items():
        torch.testing.assert_close(shuffled[name], term, **CLOSE)
        mean = torch.stack([terms[name] for terms in alone]).mean()
        assert torch.allclose(mean, term, rtol=1e-8) is (name != "global")


def test_of_three_streams_each_two_are_contrasted() -> None:
    three = tiny('data.streams=["joint", "bone", "motion"]').eval()
    clips = batch(three, PERSONS)
    found = three.losses(pretext_step(clips))
    pairs = []
    for names in (("joint", "bone"), ("joint", "motion"), ("bone", "motion")):
        two = {name: clips.streams[name] for name in names}
        pairs.append(three.losses(pretext_step(Clips(two, clips.clip_index, clips.count))))
    for name, term in found.items():
        torch.testing.assert_close(term, sum(terms[name] for terms in pairs) / 3, **CLOSE)


def test_absent_bodies_that_are_kept_may_share_a_row() -> None:
    results = []
    for shared in (True, False):
        method = tiny()
        clips = with_absent(batch(method, PERSONS), 2, shared=shared)
        results.append((method.losses(pretext_step(clips)), dict(method.named_buffers())))
    torch.testing.assert_close(*results, **CLOSE)


def test_what_it_cannot_contrast_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"joint is only one; set data\.streams"):
        tiny('data.streams=["joint"]')
    with pytest.raises(ConfigError, match="which encoder tcn does not keep"):
        tiny("network.encoder=tcn")
