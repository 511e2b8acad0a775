"""The classifier of several streams: what they share, what each has of its own."""

import pytest
import torch
from torch import nn

from pspmodel.config import NetworkConfig
from pspmodel.nn.norm import BatchNorm2d, StreamNorm, sample_weights, split_norms
from pspmodel.nn.streams import StreamClassifier
from skeldata import KINECT20, KINECT25

NAMES = ("joint", "bone", "motion")
SIZES = {
    "dsta": {"blocks": ((8, 8, 4, 1), (8, 12, 4, 2))},
    "stgcn": {"channels": (4, 8)},
    "tcn": {"channels": 12, "depth": 3, "halvings": 1},
}


def network(layout=KINECT20, classes=5, **settings):
    torch.manual_seed(0)
    return StreamClassifier(NetworkConfig(**SIZES, **settings), layout, classes, NAMES)


def streams(layout=KINECT20, rows=4, frames=9, seed=1):
    generator = torch.Generator().manual_seed(seed)
    shape = (rows, 3, frames, layout.joint_count)
    return {name: torch.randn(shape, generator=generator) for name in NAMES}


@pytest.mark.parametrize("layout", [KINECT20, KINECT25], ids=lambda layout: layout.name)
@pytest.mark.parametrize("stems", ["shared", "per-stream"])
@pytest.mark.parametrize("norms", ["shared", "per-stream"])
@pytest.mark.parametrize("encoder", sorted(SIZES))
def test_every_encoder_takes_every_layout_and_every_sharing(layout, stems, norms, encoder):
    model = network(layout, encoder=encoder, stems=stems, norms=norms)
    features = model.encode(streams(layout))
    assert tuple(features) == NAMES
    index = torch.tensor([0, 0, 1, 2])
    for part in features.values():
        assert part.shape[:2] == (4, model.encoder.channels_out)
        assert part.shape[3] == (layout.joint_count if model.encoder.keeps_joints else 1)
        assert model.classify(part, index, 3).shape == (3, 5)
    sum(part.sum() for part in features.values()).backward()
    lost = [name for name, p in model.named_parameters() if p.grad is None]
    assert set(lost) <= {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("encoder", sorted(SIZES))
def test_with_everything_shared_a_stream_alone_is_the_same_in_evaluation(encoder):
    model = network(encoder=encoder).eval()
    batch, index = streams(), torch.tensor([0, 1, 1, 2])
    for name, part in model.encode(batch).items():
        torch.testing.assert_close(
            model.classify(part, index, 3), model(batch[name], index, 3), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("encoder", sorted(SIZES))
def test_stems_of_their_own_tell_streams_apart(encoder):
    batch = streams()
    same = dict.fromkeys(NAMES, batch["joint"])
    shared = network(encoder=encoder).eval().encode(same)
    torch.testing.assert_close(shared["joint"], shared["bone"])
    model = network(encoder=encoder, stems="per-stream").train()
    model.encode(batch)  # statistics of each stream's own
    model.eval()
    own = model.encode(same)
    assert (own["joint"] - own["motion"]).abs().max() > 1e-2
    before = {name: part.clone() for name, part in own.items()}
    with torch.no_grad():
        for p in model.stems["bone"].parameters():
            p.mul_(1.5)
    after = model.encode(same)
    assert torch.equal(after["joint"], before["joint"])
    assert not torch.allclose(after["bone"], before["bone"])


@pytest.mark.parametrize("encoder", sorted(SIZES))
def test_trunks_of_their_own_are_encoders_of_their_own(encoder):
    model = network(encoder=encoder, trunks="per-stream", stems="per-stream", norms="per-stream")
    alone = network(encoder=encoder)
    size = sum(p.numel() for p in alone.encoder.parameters())
    own = sum(p.numel() for n, p in model.named_parameters() if not n.startswith("classifier"))
    assert own == 3 * size
    model.eval()
    batch = streams()
    found = model.encode(batch)
    parts = {
        "joint": model.encoder,
        "bone": model.further["bone"],
        "motion": model.further["motion"],
    }
    for name, part in parts.items():
        torch.testing.assert_close(found[name], part(batch[name]))
    same = model.encode(dict.fromkeys(NAMES, batch["joint"]))
    assert (same["joint"] - same["bone"]).abs().max() > 1e-3
    assert (same["bone"] - same["motion"]).abs().max() > 1e-3
    torch.testing.assert_close(  # the first stream starts from the weights of the shared one
        found["joint"], alone.eval().encode(batch)["joint"]
    )


def test_norms_of_their_own_keep_statistics_apart():
    model = network(norms="per-stream").train()
    batch = streams()
    alone = model.encode(batch)["joint"]
    other = model.encode({**batch, "bone": 5 * batch["bone"]})["joint"]
    torch.testing.assert_close(alone, other)
    mixed = network().train()
    assert not torch.allclose(
        mixed.encode(batch)["joint"], mixed.encode({**batch, "bone": 5 * batch["bone"]})["joint"]
    )


def test_a_stream_norm_is_one_norm_for_each_chunk_with_its_weights():
    torch.manual_seed(0)
    norm = StreamNorm(3, 2).train()
    alone = [BatchNorm2d(3), BatchNorm2d(3)]
    x = torch.randn(8, 3, 2, 2)
    weights = torch.tensor([1.0, 2.0, 0.0, 1.0, 3.0, 1.0, 1.0, 1.0])
    with sample_weights(weights):
        found = norm(x)
    for part, chunk, own, ours in zip(
        found.chunk(2),
        x.chunk(2),
        weights.chunk(2),
        zip(alone, norm.norms, strict=True),
        strict=True,
    ):
        with sample_weights(own):
            torch.testing.assert_close(part, ours[0](chunk))
        torch.testing.assert_close(ours[0].running_var, ours[1].running_var)


def test_all_norms_of_a_module_are_split():
    model = nn.Sequential(
        nn.Conv2d(3, 3, 1), nn.Sequential(BatchNorm2d(3), nn.ReLU()), BatchNorm2d(3)
    )
    split_norms(model, 2)
    assert not any(
        isinstance(child, BatchNorm2d)
        for module in model.modules() if not isinstance(module, nn.ModuleList)
        for child in module.children()
    )  # fmt: skip
    assert sum(isinstance(module, StreamNorm) for module in model.modules()) == 2


@pytest.mark.parametrize("sharing", [{}, {"stems": "per-stream"}, {"norms": "per-stream"},
                                     {"trunks": "per-stream"}])  # fmt: skip
def test_naming_the_empty_rows_changes_no_feature_and_no_statistic(sharing):
    rows, weights = streams(), torch.tensor([1.0, 3.0, 1.0, 2.0])
    for part in rows.values():
        part[[1, 3]] = 0
    plain, told = network(encoder="dsta", **sharing), network(encoder="dsta", **sharing)
    seen = []
    told.encoder.blocks[0].register_forward_pre_hook(lambda _m, x: seen.append(len(x[0])))
    expected, found = plain.encode(rows, weights), told.encode(rows, weights, (1, 3))
    for name in NAMES:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(told.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    # One of six where streams share every weight; else each has its own zeros.
    assert seen == [{"trunks": 4}.get(next(iter(sharing), ""), 12) if sharing else 7]
