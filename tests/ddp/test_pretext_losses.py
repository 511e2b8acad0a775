"""Losses of SDS-CL and PSTL over the clips of all processes, against plain loops on one."""

import pytest
import torch

from pspmodel.losses.barlow_twins import barlow_twins
from pspmodel.losses.decoupled import Embeddings, decoupled_contrast, token_contrast
from pspmodel.nn.projection import WideProjection
from support import pretext_shares as shares
from support.barlow_twins_oracle import barlow_twins_loops
from support.sds_cl_oracle import token_contrast_loops

EXACT = {"rtol": 1e-9, "atol": 1e-11}
SIZES = [(3, 3), (4, 3), (1, 5)]


def parts_of(sizes, *shape, seed):
    generator = torch.Generator().manual_seed(seed)
    whole = torch.randn(sum(sizes), *shape, generator=generator, dtype=torch.float64)
    return whole.requires_grad_(), [part.detach() for part in whole.split(sizes)]


def assert_shares(answers, expected, wholes):
    torch.testing.assert_close(sum(loss for loss, *_ in answers), expected.detach(), **EXACT)
    for side, wanted in enumerate(torch.autograd.grad(expected, wholes)):
        found = torch.cat([gradients[side] for _, gradients, *_ in answers])
        torch.testing.assert_close(found, wanted, **EXACT)


@pytest.mark.parametrize("sizes", SIZES)
def test_token_contrast_is_the_mean_over_all_clips(two, sizes):
    (first, firsts), (second, seconds) = (parts_of(sizes, 4, 5, seed=seed) for seed in (0, 1))
    answers = two.run(shares.share_of_token_contrast, firsts, seconds, 0.2)
    for loss in (token_contrast_loops, token_contrast):
        assert_shares(answers, loss(first, second, 0.2), (first, second))


@pytest.mark.parametrize("sizes", SIZES)
def test_every_one_of_the_nine_terms_is_shared(two, sizes):
    shapes = 2 * ([(4, 5)] * 2 + [(3, 5)] * 2 + [(7,)])
    wholes, parts = zip(
        *(parts_of(sizes, *shape, seed=seed) for seed, shape in enumerate(shapes)), strict=True
    )
    answers = two.run(shares.share_of_decoupled_contrast, *parts)
    expected = decoupled_contrast(Embeddings(*wholes[:5]), Embeddings(*wholes[5:]))
    assert len(expected) == 9
    for name, term in expected.items():
        torch.testing.assert_close(answers[0][0][name] + answers[1][0][name], term, **EXACT)
    for side, wanted in enumerate(torch.autograd.grad(sum(expected.values()), wholes)):
        found = torch.cat([gradients[side] for _, gradients in answers])
        torch.testing.assert_close(found, wanted, **EXACT)


@pytest.mark.parametrize("dimensions", [1, 4, 5, 12])  # fewer than clips, or more
@pytest.mark.parametrize("sizes", SIZES)
def test_barlow_twins_correlates_the_clips_of_all(two, sizes, dimensions):
    (first, firsts), (second, seconds) = (parts_of(sizes, dimensions, seed=s) for s in (0, 1))
    answers = two.run(shares.share_of_barlow_twins, firsts, seconds, 0.3)
    for loss in (barlow_twins_loops, barlow_twins):
        assert_shares(answers, loss(first, second, 0.3), (first, second))


@pytest.mark.parametrize("dimensions", [2, 9])
def test_barlow_twins_of_three_processes(three, dimensions):
    sizes = (2, 1, 3)
    (first, firsts), (second, seconds) = (parts_of(sizes, dimensions, seed=s) for s in (0, 1))
    answers = three.run(shares.share_of_barlow_twins, firsts, seconds, 0.3)
    assert_shares(answers, barlow_twins_loops(first, second, 0.3), (first, second))


def test_the_projector_normalises_over_the_clips_of_all(two):
    torch.manual_seed(0)
    projector = WideProjection(4, 8).double()
    (first, firsts), (second, seconds) = (parts_of((2, 5), 4, seed=seed) for seed in (0, 1))
    answers = two.run(shares.share_of_projected_twins, projector, firsts, seconds)
    expected = barlow_twins(projector(first), projector(second), 0.01)
    wanted = torch.autograd.grad(expected, list(projector.parameters()), retain_graph=True)
    assert_shares(answers, expected, (first, second))
    for index, gradient in enumerate(wanted):
        found = sum(weights[index] for *_, weights in answers)
        torch.testing.assert_close(found, gradient, **EXACT)
