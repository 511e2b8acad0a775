import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pspmodel.data.resident import ResidentData
from pspmodel.methods import DataFacts
from skeldata import KINECT25
from support.methods import joint_step, made

BLOCKS = [[8, 8, 4, 2], [8, 16, 4, 2]]
FACTS = DataFacts("ntu60", KINECT25, 60, 2, 50)


@pytest.fixture(scope="module")
def data(ntu_store):
    return ResidentData(ntu_store, torch.device("cpu"))


def of_seed_3(name):
    torch.manual_seed(3)
    return made(name, FACTS, blocks=BLOCKS)


def test_it_starts_from_psps_weights_and_predicts_the_same(data):
    psp, supervised = of_seed_3("psp").eval(), of_seed_3("supervised").eval()
    clips = data.clips(np.arange(9))
    torch.testing.assert_close(supervised.predict(clips), psp.predict(clips), rtol=0, atol=1e-6)
    torch.testing.assert_close(supervised.embed(clips), psp.embed(clips), rtol=0, atol=1e-6)
    assert sum(p.numel() for p in supervised.parameters()) < sum(
        p.numel() for p in psp.parameters()
    )


def test_the_full_width_inference_model_has_the_published_size():
    method = made("supervised", FACTS)
    assert sum(p.numel() for p in method.parameters()) == 4_216_316


def test_the_loss_is_plain_cross_entropy(data):
    method = of_seed_3("supervised").eval()
    clips, labels = data.clips(np.arange(5)), data.labels_of(np.arange(5))
    terms = method.losses(joint_step(clips, labels, data.clips(np.arange(20, 30))))
    assert set(terms) == {"classification"}
    torch.testing.assert_close(
        terms["classification"], F.cross_entropy(method.predict(clips), labels)
    )


@pytest.mark.parametrize("name", ["psp", "sds-cl", "stream-contrast", "supervised"])
def test_every_method_predicts_the_sum_of_its_streams_and_embeds_clips(name, data):
    method = of_seed_3(name).eval()
    clips = data.clips(np.array([4, 9, 33]))
    streams = method.predict_streams(clips)
    assert all(scores.shape == (3, 60) for scores in streams.values())
    torch.testing.assert_close(method.predict(clips), sum(streams.values()))
    embedded = method.embed(clips)
    assert embedded.shape[0] == 3
    assert embedded.std(dim=0).max() > 0
