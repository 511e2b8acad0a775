"""Steps of SkeAttnCLR on two processes against one, and what processes hold in common."""

import pytest
import torch

from support import skeattnclr
from support.skeattnclr import DETERMINISTIC

EXACT = {"rtol": 1e-7, "atol": 1e-10}


@pytest.mark.parametrize("persons", [(1, 2, 1, 2), (2, 1, 1, 2, 1)], ids=["even", "uneven"])
def test_terms_gradients_and_statistics_are_those_of_one_process(two, persons):
    overrides = (*DETERMINISTIC, "options.salient_share=0.3")
    terms, gradients, buffers = skeattnclr.share_of_steps(overrides, persons, 3)
    assert set(terms) == {"contrast/whole", "contrast/salient", "contrast/rest"}
    for found in two.run(skeattnclr.share_of_steps, overrides, persons, 3):
        torch.testing.assert_close(found[0], terms, **EXACT)
        torch.testing.assert_close(found[1], gradients, **EXACT)
        for name, buffer in buffers.items():
            if name != "queue.keys":
                torch.testing.assert_close(found[2][name], buffer, **EXACT)
        # Keys of a step stand in the order of the processes, in the places of one process.
        count, order = len(persons), [*range(0, len(persons), 2), *range(1, len(persons), 2)]
        for step in range(3):
            own = slice(step * count, (step + 1) * count)
            keys = found[2]["queue.keys"][own], buffers["queue.keys"][own][order]
            torch.testing.assert_close(*keys, **EXACT)


def test_processes_that_mix_by_themselves_hold_the_same_queue_and_keys(two):
    one, other = two.run(skeattnclr.share_of_steps, (), (1, 2, 1, 2, 2, 1), 3)
    torch.testing.assert_close(other[0], one[0], rtol=0, atol=0)
    torch.testing.assert_close(other[1], one[1], rtol=0, atol=0)
    torch.testing.assert_close(other[2], one[2], rtol=0, atol=0)
    assert int(one[2]["queue.place"]) == 18
