"""Parts of batches, as several processes take them, and absent bodies that share a row."""

import dataclasses

import numpy as np
import pytest
import torch

from pspmodel.config import AugmentConfig
from pspmodel.data.clips import Clips, joined
from pspmodel.data.resident import ResidentData
from pspmodel.methods import DataFacts
from support.methods import KEPT, joint_step, made

CPU = torch.device("cpu")
STRONG = AugmentConfig(
    crop=0.6, flip=0.5, yaw=40, tilt=5, shear=0.1, scale=0.1, noise=0.02, hide=0.1
)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("augment", [None, STRONG], ids=["stored", "augmented"])
def test_parts_add_up_to_the_batch(ntu_store, keep, augment):
    data = ResidentData(ntu_store, CPU, KEPT if keep else None)
    rows = np.random.default_rng(0).permutation(60)[:11]
    whole = expanded(data.clips(rows, 7, augment=augment))
    for processes in (2, 3):
        parts = [
            expanded(data.clips(rows, 7, slice(r, None, processes), augment))
            for r in range(processes)
        ]
        assert sum(part.count for part in parts) == whole.count == 11
        for process, part in enumerate(parts):
            for clip in range(part.count):
                mine = part.clip_index == clip
                there = whole.clip_index == process + processes * clip
                assert torch.equal(part.joint[mine], whole.joint[there])
                assert torch.equal(part.motion[mine], whole.motion[there])


def expanded(clips):
    """Every person in a row of its own."""
    if clips.person_index is None:
        return clips
    return Clips(
        {name: stream[clips.person_index] for name, stream in clips.streams.items()},
        clips.clip_index,
        clips.count,
    )


def double(clips):
    return dataclasses.replace(clips, streams={s: x.double() for s, x in clips.streams.items()})


@pytest.mark.parametrize("method", ["psp", "supervised"])
def test_sharing_a_row_among_absent_bodies_changes_nothing(ntu_store, method):
    data = ResidentData(ntu_store, CPU, KEPT)
    labelled, unlabelled = (double(data.clips(rows)) for rows in (np.arange(20, 27), np.arange(9)))
    assert len(joined(labelled, unlabelled).joint) < 2 * 16
    labels = data.labels_of(np.arange(20, 27))

    def run(*batch):
        torch.manual_seed(0)
        facts = DataFacts("ntu60", ntu_store.layout, 60, 2, 50)
        network = made(method, facts, blocks=[[8, 8, 4, 2], [8, 16, 4, 2]]).double()
        terms = dict(network.losses(joint_step(batch[0], labels, batch[1])))
        torch.stack(list(terms.values())).sum().backward()
        gradients = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
        statistics = {n: b.clone() for n, b in network.named_buffers()}
        with torch.no_grad():
            scores = network.eval().predict(batch[0])
        return {n: t.detach() for n, t in terms.items()}, gradients, statistics, scores

    few, all_rows = run(labelled, unlabelled), run(expanded(labelled), expanded(unlabelled))
    torch.testing.assert_close(few, all_rows, rtol=1e-9, atol=1e-11)
