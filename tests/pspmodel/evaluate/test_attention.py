import numpy as np
import pytest
import torch

from pspmodel.errors import UsageError
from pspmodel.evaluate.attention import (
    attended_persons,
    attention_maps,
    network_of,
    received,
    rows_named,
    was_trained,
)
from pspmodel.methods import DataFacts
from pspmodel.train.setup import new_run
from support.methods import made
from support.small_run import SMALL


@pytest.fixture(scope="module")
def make_run(tmp_path_factory, ntu_store_path):
    def make(*more, **options):
        return new_run(
            ntu_store_path, ratio="0.2", recipe="tiny", overrides=(*SMALL, *more), device="cpu",
            out=tmp_path_factory.mktemp("runs") / "run", **options,
        )  # fmt: skip

    return make


@pytest.fixture(scope="module")
def run(make_run):
    return make_run()


def two_persons(store):
    return int(np.flatnonzero(store.read_present().any(axis=2).all(axis=1))[0])


def one_person(store):
    return int(np.flatnonzero(store.read_present().any(axis=2).sum(axis=1) == 1)[0])


def test_maps_are_means_over_heads_of_what_the_network_applies(run, ntu_store):
    network = network_of(run.method, "psp")
    clips = run.data.clips(np.array([two_persons(ntu_store)]))
    network.train()
    maps = attention_maps(network, clips, "motion")
    assert network.training
    assert {level: each.shape for level, each in maps.items()} == {
        "joint": (2, 25, 25), "part": (2, 10, 10), "body": (2, 5, 5),
    }  # fmt: skip
    network.eval()
    with torch.inference_mode():
        heads = network.attention_maps(network.encoder(clips.motion))
    for level, each in maps.items():
        by_hand = sum(heads[level][:, head] for head in range(4)) / 4
        np.testing.assert_allclose(each, by_hand.numpy(), atol=1e-6)
    assert not np.allclose(attention_maps(network, clips, "joint")["body"], maps["body"])


def test_joints_receive_the_mean_size_of_their_column():
    attention = np.zeros((1, 3, 3), dtype=np.float32)
    attention[0, :, 1] = [0.3, -0.6, 0.0]
    groups = {"part": np.array([1, 0, 1]), "body": np.array([0, 0, 0])}
    np.testing.assert_allclose(received({"joint": attention}, groups), [[0, 0.3, 0]], rtol=1e-6)
    part = np.array([[[0.2, 0.0], [-0.4, 1.0]]], dtype=np.float32)
    np.testing.assert_allclose(received({"part": part}, groups), [[0.5, 0.3, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("absent", ["drop", "keep"])
def test_each_person_that_is_there_is_drawn_as_it_stands(make_run, ntu_store, absent):
    run = make_run(f"data.absent_bodies={absent}")
    network = network_of(run.method, "psp")
    for row, count in ((one_person(ntu_store), 1), (two_persons(ntu_store), 2)):
        persons = attended_persons(run, network, row)
        assert len(persons) == count
        present = ntu_store.read_present([row])[0]
        order = np.flatnonzero(present.any(axis=1))
        for person, who in zip(persons, order, strict=True):
            frames = np.flatnonzero(present[who])
            middle = frames[len(frames) // 2]
            np.testing.assert_array_equal(person.pose, ntu_store.read([row])[0, who, middle])
            assert f"frame {middle}" in person.title
            np.testing.assert_allclose(
                person.received, np.abs(person.maps["joint"]).mean(axis=0), rtol=1e-5
            )
    clips = run.data.clips(np.array([row]))
    maps = attention_maps(network, clips)
    np.testing.assert_allclose(persons[1].maps["part"], maps["part"][1], atol=1e-6)


def test_a_method_without_maps_is_told_so(ntu_store):
    facts = DataFacts("ntu60", ntu_store.layout, 60, 2, 50)
    method = made("supervised", facts, blocks=[[8, 8, 4, 2]])
    with pytest.raises(UsageError, match="method 'supervised' has no attention maps"):
        network_of(method, "supervised")


def test_whether_the_attention_was_ever_trained(make_run, run):
    assert was_trained(run)
    assert not was_trained(make_run("train.unlabelled_batch=0"))
    assert not was_trained(make_run("options.contrast_weight=0"))


def test_unknown_clips_are_named(ntu_store):
    names = [ntu_store.names[7], ntu_store.names[2]]
    assert rows_named(ntu_store, names) == [7, 2]
    with pytest.raises(UsageError, match=rf"no such sample; its first is {ntu_store.names[0]}"):
        rows_named(ntu_store, [names[0], "S001"])


def test_maps_are_of_the_streams_that_the_run_has(make_run, ntu_store):
    run = make_run('data.streams=["joint", "bone"]')
    network, row = network_of(run.method, "psp"), two_persons(ntu_store)
    joint, bone = (attended_persons(run, network, row, stream) for stream in ("joint", "bone"))
    assert not np.allclose(joint[0].maps["body"], bone[0].maps["body"])
    with pytest.raises(
        UsageError, match=r"^stream 'motion' is none of the run's; use joint or bone$"
    ):
        attended_persons(run, network, row, "motion")
