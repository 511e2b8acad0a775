import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pspmodel.data.resident import ResidentData
from pspmodel.errors import ConfigError
from pspmodel.losses.nt_xent import nt_xent
from pspmodel.methods import DataFacts, build
from pspmodel.recipe import load_config
from skeldata import KINECT20, KINECT25
from support.methods import joint_step, made

BLOCKS = [[8, 8, 4, 2], [8, 16, 4, 2]]


@pytest.fixture(scope="module")
def data(ntu_store):
    return ResidentData(ntu_store, torch.device("cpu"))


FACTS = DataFacts("ntu60", KINECT25, 60, 2, 50)


def psp(network=None, **options):
    torch.manual_seed(0)
    return made("psp", FACTS, options, blocks=BLOCKS, network=network or {})


def of_recipe(name):
    torch.manual_seed(0)
    return build(load_config(name, dataset="ntu60"), FACTS)


def step_of(data):
    labelled, unlabelled = data.clips(np.arange(4)), data.clips(np.arange(10, 17))
    return joint_step(labelled, data.labels_of(np.arange(4)), unlabelled)


@pytest.mark.parametrize(
    ("dataset", "layout", "classes", "persons", "expected"),
    [("ntu60", KINECT25, 60, 2, 5_138_940), ("nw-ucla", KINECT20, 10, 1, 5_118_890)],
)
def test_the_default_network_has_the_published_number_of_parameters(
    dataset, layout, classes, persons, expected
):
    method = made("psp", DataFacts(dataset, layout, classes, persons, 50))
    assert sum(p.numel() for p in method.parameters()) == expected


def test_terms_are_those_of_the_paper(data):
    method = psp(contrast_weight=0.3)
    labelled, unlabelled = data.clips(np.arange(4)), data.clips(np.arange(10, 17))
    labels = data.labels_of(np.arange(4))
    method.eval()  # batch statistics would mix the parts that are recomputed apart below
    terms = method.losses(joint_step(labelled, labels, unlabelled))
    assert set(terms) == {"classification", "contrast/joint", "contrast/part", "contrast/body"}

    net = method.network
    logits = net(labelled.joint, labelled.clip_index, 4) + net(
        labelled.motion, labelled.clip_index, 4
    )
    torch.testing.assert_close(terms["classification"], F.cross_entropy(logits, labels))
    joint = net.embed(net.encoder(unlabelled.joint), unlabelled.clip_index, 7)
    motion = net.embed(net.encoder(unlabelled.motion), unlabelled.clip_index, 7)
    for level in ("joint", "part", "body"):
        expected = 0.3 * nt_xent(joint[level], motion[level], 0.07)
        torch.testing.assert_close(terms[f"contrast/{level}"], expected, rtol=1e-4, atol=1e-5)


def test_without_unlabelled_clips_or_weight_there_is_no_contrast(data):
    labelled, labels = data.clips(np.arange(4)), data.labels_of(np.arange(4))
    assert set(psp().losses(joint_step(labelled, labels))) == {"classification"}
    assert set(psp(contrast_weight=0.0).losses(joint_step(labelled, labels, labelled))) == {
        "classification"
    }
    some = psp(levels=["part"]).losses(joint_step(labelled, labels, labelled))
    assert set(some) == {"classification", "contrast/part"}


LEVELS = ("joint", "part", "body")


@pytest.mark.parametrize(
    ("row", "levels"),
    [
        ("a1", ()),
        ("a2", LEVELS),
        ("a3", LEVELS),
        ("b1", ()),
        ("b2", ("joint",)),
        ("b3", ("part",)),
        ("b4", ("body",)),
        ("b5", ("joint", "part")),
        ("b6", ("joint", "body")),
        ("b7", ("part", "body")),
        ("b8", LEVELS),
    ],
)
def test_every_row_of_the_ablations_trains(row, levels, data):
    method = of_recipe(f"tiny+{row}")
    terms = method.losses(step_of(data))
    assert set(terms) == {"classification", *(f"contrast/{level}" for level in levels)}
    sum(terms.values()).backward()
    untrained = [name for name, p in method.named_parameters() if p.grad is None]
    assert untrained == []
    assert any("ppa" in name for name in dict(method.named_parameters())) == (
        bool(levels) and row != "a2"
    )


def test_without_any_level_psp_is_the_supervised_baseline(data):
    """As in the paper, where both rows have one number."""
    alone, none = of_recipe("tiny+a1"), of_recipe("tiny+b1")
    assert none.views("joint") == alone.views("joint") == ()
    step = step_of(data)
    for method in (alone, none):
        optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            sum(method.losses(step).values()).backward()
            optimizer.step()
    theirs = none.state_dict()
    assert theirs.keys() == alone.state_dict().keys()
    assert all(torch.equal(theirs[name], value) for name, value in alone.state_dict().items())


def test_unlabelled_clips_are_looked_at_where_they_teach():
    average = {"epochs": 1, "labelled_batch": 1, "unlabelled_batch": 1, "average": 0.9}
    for options, weight, views in (
        ({}, 0, ("strong",)),
        ({"contrast_weight": 0.0}, 0, ()),
        ({"levels": []}, 0, ()),
        ({"levels": []}, 0.5, ("strong", "weak")),
        ({}, 0.5, ("strong", "weak")),
    ):
        method = made("psp", FACTS, options, blocks=BLOCKS, train=average,
                      pseudo_labels={"weight": weight})  # fmt: skip
        assert method.views("joint") == views


def test_streams_may_have_classifiers_and_projections_of_their_own(data):
    method = psp({"classifier": "per-stream"}, projections="per-level-and-stream").eval()
    step = step_of(data)
    terms = method.losses(step)
    net, known, free = method.network, step.labelled, step.unlabelled[0]
    pooled = {
        stream: net.pool(net.encoder(known.streams[stream]), *known.owners)
        for stream in ("joint", "motion")
    }
    logits = sum(net.classifier[stream](rows) for stream, rows in pooled.items())
    torch.testing.assert_close(terms["classification"], F.cross_entropy(logits, step.labels))
    attended = {
        stream: net.ppa(*net.pyramid(net.encoder(free.streams[stream]))) for stream in pooled
    }
    for level in LEVELS:
        joint, motion = (
            net.projection[f"{level}_{stream}"](net.pool(attended[stream][level], *free.owners))
            for stream in ("joint", "motion")
        )
        expected = 0.2 * nt_xent(joint, motion, 0.07)
        torch.testing.assert_close(terms[f"contrast/{level}"], expected, rtol=1e-4, atol=1e-5)
    predicted = method.predict_streams(known)
    assert not torch.allclose(predicted["joint"], net.classifier["motion"](pooled["joint"]))


@pytest.mark.parametrize(
    "network",
    [{}, {"classifier": "per-stream"}, {"dsta": {"blocks": BLOCKS, "temporal": "attention"}}],
)
def test_supervised_starts_from_the_same_weights_whatever_the_options(network, data):
    torch.manual_seed(0)
    supervised = made("supervised", FACTS, network={"dsta": {"blocks": BLOCKS}} | network)
    state = psp(network, attention_weights="full", projections="per-level").state_dict()
    for name, value in supervised.state_dict().items():
        assert torch.equal(state[name], value), name


def test_the_paper_by_its_word_trains_and_predicts(data):
    """All its options at once, on a network of two blocks."""
    config = load_config("psp-paper", dataset="ntu60", overrides=[f"network.dsta.blocks={BLOCKS}"])
    torch.manual_seed(0)
    method = build(config, FACTS)
    terms = method.losses(step_of(data))
    sum(terms.values()).backward()
    assert all(p.grad is not None for p in method.parameters())
    assert method.network.ppa.attention["body"].inputs.frames == 13
    assert method.eval().predict(data.clips(np.arange(3))).shape == (3, 60)


def test_labelled_and_unlabelled_share_batch_statistics(data):
    labelled, labels = data.clips(np.arange(4)), data.labels_of(np.arange(4))
    alone = psp().losses(joint_step(labelled, labels))["classification"]
    beside = psp().losses(joint_step(labelled, labels, data.clips(np.arange(20, 30))))[
        "classification"
    ]
    assert abs((alone - beside).item()) > 1e-4


def test_prediction_ignores_everything_that_only_trains(data):
    method = psp().eval()
    clips = data.clips(np.arange(6))
    before = method.predict(clips)
    with torch.no_grad():
        for name, parameter in method.named_parameters():
            if any(part in name for part in ("ppa", "projection")):
                parameter.normal_()
    torch.testing.assert_close(method.predict(clips), before, rtol=0, atol=0)
    with torch.no_grad():
        method.network.classifier.weight.normal_()
    assert not torch.equal(method.predict(clips), before)


def test_the_order_of_clips_orders_the_predictions(data):
    method = psp().eval()
    rows = np.array([3, 50, 11, 29])
    torch.testing.assert_close(
        method.predict(data.clips(rows[::-1].copy())).flip(0),
        method.predict(data.clips(rows)),
        rtol=1e-4,
        atol=1e-5,
    )


def test_wrong_options_and_methods_are_named():
    with pytest.raises(ConfigError, match="unknown key 'temprature'; did you mean 'temperature'"):
        psp(temprature=1)
    with pytest.raises(ConfigError, match="unknown method 'pps'; use one of psp"):
        made("pps", DataFacts("ntu60", KINECT25, 60, 2, 50))


@pytest.mark.parametrize("method", ["psp", "stream-contrast"])
def test_a_contrast_of_one_stream_is_refused_before_the_first_step(method):
    facts = DataFacts("ntu60", KINECT25, 60, 2, 50, ("joint",))
    with pytest.raises(ConfigError, match="needs two streams, and joint is only one"):
        made(method, facts, blocks=[[8, 8, 4, 2]])
    made(method, facts, {"contrast_weight": 0.0}, blocks=[[8, 8, 4, 2]])
