"""Momentum contrast on several processes: shares add up, gradients and queues are those of one."""

import pytest
import torch

from pspmodel.losses.queue_contrast import PartEmbeddings, part_aware_contrast
from pspmodel.nn.momentum import KeyQueue
from support import queue_shares
from support.queue_contrast_oracle import part_aware_loops

EXACT = {"rtol": 1e-9, "atol": 1e-12}


def embeddings(sizes, seed):
    """Three kinds of embeddings of all clips, and their parts by process."""
    generator = torch.Generator().manual_seed(seed)
    wholes = torch.randn(3, sum(sizes), 5, generator=generator, dtype=torch.float64)
    return PartEmbeddings(*(whole.requires_grad_() for whole in wholes)), [
        whole.detach().split(sizes) for whole in wholes
    ]


def assert_shares_add_up(processes, sizes, share):
    (query, queries), (key, keys) = embeddings(sizes, 0), embeddings(sizes, 1)
    queue = torch.nn.functional.normalize(torch.linspace(-1, 2, 35).view(7, 5).double().sin())
    answers = processes.run(queue_shares.share_of_part_aware, queries, keys, queue, share)
    whole = part_aware_contrast(query, key, queue, share)
    for name, expected in whole.items():
        torch.testing.assert_close(sum(a[0][name] for a in answers), expected.detach(), **EXACT)
    total = part_aware_loops(query, key, queue, share, 0.2)
    for place, wanted in enumerate(torch.autograd.grad(total, query)):
        found = torch.cat([gradients[place] for _, gradients in answers])
        torch.testing.assert_close(found, wanted, **EXACT)


@pytest.mark.parametrize("sizes", [(3, 3), (4, 3), (1, 5)])
def test_the_three_terms_and_their_gradients(two, sizes):
    assert_shares_add_up(two, sizes, 0.3)


def test_three_processes_too(three):
    assert_shares_add_up(three, (2, 1, 3), 0.5)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 1), (0, 4)])
def test_all_hold_the_queue_of_one_with_the_keys_of_all(two, sizes):
    generator = torch.Generator().manual_seed(0)
    steps = [torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in range(3)]
    torch.manual_seed(0)
    one = KeyQueue(10, 3).double()
    for keys in steps:
        one.push(keys)
    for keys, place in two.run(queue_shares.queue_after, 10, [keys.split(sizes) for keys in steps]):
        torch.testing.assert_close(keys, one.keys, **EXACT)
        assert place == int(one.place) == 12 % 10
