"""The plain implementation computes what the network computes, and does the work it is there for."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from pspmodel.bench.baseline import Dense, PlainPSP, released_order
from pspmodel.bench.launches import launches
from pspmodel.data.clips import Clips
from pspmodel.losses import coarse_to_fine
from pspmodel.nn import Block, PSPNetwork, scaled_blocks
from skeldata import KINECT20, KINECT25
from support.methods import dsta
from support.psp_oracle import PUBLISHED, OraclePSP, leaves, nt_xent_loops, scramble

BLOCKS = (Block(4, 4, 2, 1), Block(4, 6, 3, 2))
HEADS, CLASSES = 2, 5
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def networks(layout=KINECT25, blocks=BLOCKS, frames=7, heads=HEADS):
    """Our network with everything off its initial constants, and the plain one with its weights."""
    torch.manual_seed(3)
    ours = PSPNetwork(
        layout, CLASSES, network=dsta(blocks, heads), heads=heads, body_from="joints"
    ).double()
    scramble(ours)
    plain = PlainPSP(layout, CLASSES, blocks=blocks, heads=heads).double()
    plain.load(ours.state_dict())
    return ours, plain


def dense(layout=KINECT25, clips=3, frames=7, bodies=2, seed=5):
    """Clips whose last ones lack the second body."""
    generator = torch.Generator().manual_seed(seed)
    shape = (clips, 3, frames, layout.joint_count, bodies)
    joint, motion = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    joint[clips // 2 :, ..., 1:] = 0
    motion[clips // 2 :, ..., 1:] = 0
    return Dense(joint, motion)


def folded(clips):
    """The same clips for our network: bodies folded into the batch, absent ones too."""
    count, _, _, _, bodies = clips.joint.shape
    joint, motion = (x.permute(0, 4, 1, 2, 3).flatten(0, 1) for x in (clips.joint, clips.motion))
    owners = torch.arange(count).repeat_interleave(bodies)
    return Clips({"joint": joint, "motion": motion}, owners, count)


def our_losses(network, labelled, labels, unlabelled):
    """The released recipe on our network: everything encoded together, modalities attended apart."""
    known, free = folded(labelled), folded(unlabelled)
    parts = (known.joint, known.motion, free.joint, free.motion)
    features = network.encoder(torch.cat(parts)).split([len(part) for part in parts])
    logits = sum(network.classify(x, known.clip_index, known.count) for x in features[:2])
    embeddings = [network.embed(x, free.clip_index, free.count) for x in features[2:]]
    terms = {"classification": F.cross_entropy(logits, labels)}
    for level, term in coarse_to_fine(*embeddings).items():
        terms[f"contrast/{level}"] = 0.2 * term
    return terms


@pytest.mark.parametrize(
    ("layout", "blocks", "frames", "bodies"),
    [
        (KINECT25, BLOCKS, 7, 2),
        (KINECT20, BLOCKS, 7, 1),
        (KINECT25, scaled_blocks(1 / 16), 50, 2),
    ],
)
def test_losses_and_gradients_equal_ours(layout, blocks, frames, bodies):
    ours, plain = networks(layout, blocks)
    labelled = dense(layout, 2, frames, bodies)
    unlabelled = dense(layout, 4, frames, bodies, seed=6)
    labels = torch.tensor([1, 4])
    expected = plain.losses(labelled, labels, unlabelled)
    actual = our_losses(ours, labelled, labels, unlabelled)
    assert list(actual) == list(expected)
    for name, term in expected.items():
        torch.testing.assert_close(actual[name], term, **CLOSE)
    sum(expected.values()).backward()
    sum(actual.values()).backward()
    gradients = {name: parameter.grad for name, parameter in plain.named_parameters()}
    assert gradients.keys() == dict(ours.named_parameters()).keys()
    for name, parameter in ours.named_parameters():
        found = released_order(name, parameter.grad, HEADS)
        torch.testing.assert_close(found, gradients[name], **CLOSE, msg=name)
    for name, value in plain.named_buffers():
        if "running" in name:
            torch.testing.assert_close(ours.get_buffer(name), value, **CLOSE)


def test_contrast_and_embeddings_equal_the_oracle():
    """Not only ours: the third writing of the same equations agrees, too."""
    ours, plain = networks()
    model = OraclePSP(
        leaves(ours), KINECT25, [b.stride for b in BLOCKS], HEADS, "joints", coefficients=PUBLISHED
    )
    clips = dense()
    terms = plain.losses(clips, torch.tensor([0, 1, 2]), clips)
    both = folded(clips)
    # Labelled and unlabelled share batch statistics: encode everything, as the recipe does.
    everything = torch.cat((both.joint, both.motion) * 2)
    features = model.encoder(everything).chunk(4)[2:]
    first, second = (model.embed(x, both.clip_index, both.count) for x in features)
    for level in ("joint", "part", "body"):
        expected = 0.2 * nt_xent_loops(first[level], second[level], 0.07)
        torch.testing.assert_close(terms[f"contrast/{level}"], expected, **CLOSE)


def test_predictions_equal_ours_and_ignore_what_only_trains():
    ours, plain = networks()
    clips = dense()
    ours.eval(), plain.eval()
    both = folded(clips)
    expected = sum(ours(x, both.clip_index, both.count) for x in (both.joint, both.motion))
    torch.testing.assert_close(plain.predict(clips), expected, **CLOSE)
    with torch.no_grad():
        for parameter in (*plain.ppa.parameters(), *plain.projection.parameters()):
            parameter.zero_()
    torch.testing.assert_close(plain.predict(clips), expected, **CLOSE)


def test_evaluation_passes_everything_through_twice():
    ours, plain = networks()
    clips = dense()
    ours.eval(), plain.eval()
    both = folded(clips)
    with FlopCounterMode(display=False) as needed, torch.no_grad():
        for x in (both.joint, both.motion):
            ours.encoder(x)
    with FlopCounterMode(display=False) as done, torch.no_grad():
        plain.predict(clips)
    assert done.get_total_flops() > 2 * needed.get_total_flops()


def test_absent_bodies_go_through_as_zeros():
    """Neither left out nor merged: the encoder sees every body of every clip, twice."""
    _, plain = networks()
    seen = []
    plain.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    labelled, unlabelled = dense(clips=2), dense(clips=4, seed=6)
    plain.losses(labelled, torch.tensor([0, 1]), unlabelled)
    assert seen[0].shape == (2 * 2 * (2 + 4), 3, 7, 25)
    absent = seen[0].flatten(1).abs().sum(1) == 0
    assert absent.sum() == 2 * (1 + 2)


def test_maps_are_expanded_entry_by_entry():
    """Each entry of the three expanded maps is two selections, and so backwards, in both streams."""
    _, plain = networks()

    def backward_of(names):
        terms = plain.losses(dense(clips=2), torch.tensor([0, 1]), dense(clips=3, seed=6))
        return launches(sum(terms[name] for name in names).backward)

    contrast = ("contrast/joint", "contrast/part", "contrast/body")
    entries = 10 * 10 + 25 * 25 + 25 * 25
    assert backward_of(contrast) - backward_of(("classification",)) > 2 * 2 * entries


def test_heads_are_reordered_channel_by_channel():
    """Ours: each head's queries, then keys, then values; released: all queries, all keys, ..."""
    ours = torch.tensor(
        [f * 100 + k * 10 + c for f in range(2) for k in range(3) for c in range(2)]
    )
    theirs = [f * 100 + k * 10 + c for k in range(3) for f in range(2) for c in range(2)]
    assert released_order("ppa.attention.joint.inputs.bias", ours, 2).tolist() == theirs
    pair = torch.arange(8).view(8, 1, 1, 1)
    reordered = released_order("encoder.blocks.0.query_key.weight", pair, 2)
    assert reordered.flatten().tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    assert released_order("encoder.blocks.0.spatial.0.weight", pair, 2) is pair
