import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pspmodel.data.resident import ResidentData
from pspmodel.errors import ConfigError
from pspmodel.losses.nt_xent import nt_xent
from pspmodel.methods import DataFacts
from skeldata import KINECT20, KINECT25
from support.methods import joint_step, made

BLOCKS = [[8, 8, 4, 2], [8, 16, 4, 2]]


@pytest.fixture(scope="module")
def data(ntu_store):
    return ResidentData(ntu_store, torch.device("cpu"))


def psp(**options):
    torch.manual_seed(0)
    return made("psp", DataFacts("ntu60", KINECT25, 60, 2, 50), options, blocks=BLOCKS)


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
