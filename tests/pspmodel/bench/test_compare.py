"""Both sides on the same clips: equal before they are timed, and what is said of them."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pspmodel.bench.compare import EXACT, compare
from pspmodel.bench.contest import Contest, Settings
from pspmodel.bench.flops import flops
from pspmodel.bench.sides import OurSide, PlainSide, agreement
from pspmodel.errors import PspmodelError, UsageError

TINY = Settings(labelled=2, unlabelled=5, width=1 / 16)


@pytest.fixture(scope="module")
def contest():
    return Contest(TINY)


def sides(contest):
    ours = OurSide(contest, "fp64")
    return ours, PlainSide(contest, ours.method)


def test_losses_and_gradients_agree_to_rounding(contest):
    assert max(agreement(*sides(contest))) < EXACT


def test_a_store_agrees_too(ntu_store_path):
    settings = Settings(store=ntu_store_path, labelled=3, unlabelled=8, width=1 / 16)
    assert max(agreement(*sides(Contest(settings)))) < EXACT


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.ppa.attention["part"].output[1].weight.mul_(1.001),
        lambda network: network.encoder.blocks[3].gain.mul_(1.001),
        lambda network: network.classifier.bias[0].add_(0.001),
    ],
)
def test_a_small_difference_is_noticed(contest, change):
    ours, plain = sides(contest)
    with torch.no_grad():
        change(plain.method)
    assert max(agreement(ours, plain)) > 10 * EXACT


def test_a_difference_ends_the_comparison(monkeypatch):
    monkeypatch.setattr(PlainSide, "losses", lambda self: {
        name: term * (1 + 1e-4) for name, term in self.method.losses(
            self._labelled, self._labels, self._unlabelled).items()})  # fmt: skip
    with pytest.raises(PspmodelError, match=r"differ: in float64 losses by 1\.0e-04"):
        compare(TINY, rounds=1)


def test_predictions_agree(contest):
    ours, plain = sides(contest)
    ours.step(), plain.step()  # move the running statistics
    ours.method.eval(), plain.method.eval()
    with torch.no_grad():
        torch.testing.assert_close(ours.predict(), plain.predict(), rtol=1e-8, atol=1e-8)


def test_a_step_trains_both_alike(contest):
    """Unfused and fused, ours and theirs: after two steps the weights are the same."""
    ours, plain = sides(contest)
    before = ours.method.network.classifier.weight.clone()
    for _ in range(2):
        ours.step(), plain.step()
    moved = ours.method.network.classifier.weight
    assert not torch.equal(moved, before)
    expected = plain.method.classifier.weight - before
    torch.testing.assert_close(moved - before, expected, rtol=1e-5, atol=1e-12)


def test_what_goes_through_ours_is_what_is_there(contest):
    plain, ours = contest.plain_shapes(), OurSide(contest).shapes()
    assert plain.encoded == 2 * 2 * 7
    absent = round(2 * 2 * 7 * contest.source.absent)
    # All absent bodies share a row, whatever their stream, labelled or not.
    assert ours.encoded == plain.encoded - absent + 1
    assert (ours.classified, ours.projected) == (plain.classified, plain.projected)
    network = OurSide(contest).method.network
    assert flops(network, ours) < flops(network, plain)


def test_other_mathematics_are_named():
    assert Contest(TINY).differences() == []
    settings = Settings(recipe="psp-paper", labelled=2, unlabelled=3, width=1 / 16)
    found = "; ".join(Contest(settings).differences())
    for word in ("attention_scale is sqrt, not full", "body_from is parts, not joints",
                 "data.absent_bodies is drop, not keep",
                 "attention_weights is full, not shared-over-time",
                 "network.dsta.temporal is attention, not convolution"):  # fmt: skip
        assert word in found


@pytest.mark.parametrize(
    ("override", "difference"),
    [
        ("network.classifier=per-stream", "network.classifier is per-stream, not shared"),
        ("network.dsta.temporal=attention", "network.dsta.temporal is attention, not convolution"),
        ("options.projections=per-level", "projections is per-level, not shared"),
        ("options.attention_weights=full", "attention_weights is full, not shared-over-time"),
        ("options.attention=false", "attention is False, not True"),
        ('options.levels=["part"]', "levels is ('part',), not ('joint', 'part', 'body')"),
        ("data.frames=20", "data.frames is 20, not 0"),
        ('data.streams=["joint", "bone"]', "data.streams is ('joint', 'bone'), not ('joint', "
                                           "'motion')"),
    ],
)  # fmt: skip
def test_each_option_alone_is_named_trains_and_is_counted(contest, override, difference):
    # Without absent bodies no norm weighs its rows, which PyTorch would count and we do not.
    other = Contest(replace(TINY, overrides=(override,), one_person=0.0))
    assert other.differences() == [difference]
    # The baseline does what it always does, and so much is said of it.
    assert other.plain_flops() == contest.plain_flops()
    ours = OurSide(other)
    ours.step()
    network = ours.method.network
    with FlopCounterMode(display=False) as counter:
        torch.stack(list(ours.losses().values())).sum().backward()
    assert flops(network, ours.shapes()) == counter.get_total_flops()


def test_what_the_baseline_does_is_what_pytorch_counts(contest):
    plain = PlainSide(contest)
    with FlopCounterMode(display=False) as counter:
        torch.stack(list(plain.losses().values())).sum().backward()
    # It adds the members of groups up one by one, where ours has a product, there and back.
    means = 2 * (2 * contest.plain_shapes().attended * 16 * 13 * 25 * (10 + 5))
    assert contest.plain_flops() == counter.get_total_flops() + means


def test_width_and_batches_default_to_the_recipe():
    contest = Contest(Settings(labelled=1, unlabelled=1))
    assert contest.blocks[-1].channels_out == 256
    assert Contest(TINY).blocks[-1].channels_out == 16
    whole = Contest(Settings(width=1 / 16))
    assert (len(whole.source.labelled), len(whole.source.unlabelled)) == (9, 90)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Settings(overrides=("method=supervised",)), "trains supervised; bench compares psp"),
        (Settings(recipe="psp-code+a1"), "trains supervised; bench compares psp"),
        (Settings(recipe="psp-code+b1"), "contrasts nothing"),
        (Settings(overrides=("options.contrast_weight=0",)), "contrasts nothing"),
        (Settings(overrides=("network.encoder=stgcn",)), "bench compares psp with its own, dsta"),
    ],
)
def test_only_psp_is_compared(settings, reason):
    with pytest.raises(UsageError, match=reason):
        Contest(settings)


def test_what_is_compiled_is_what_training_compiles(contest, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda of, **_: compiled.append(of) or of)
    method = OurSide(contest, compiled=True).method
    assert [each.__func__ for each in compiled] == [type(method.network.encoder).trunk]
    compiled.clear()
    OurSide(contest)
    assert not compiled
