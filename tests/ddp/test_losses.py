"""Losses over the clips of all processes: shares add up to the loss of one, gradients are equal."""

import pytest
import torch
import torch.nn.functional as F

from pspmodel.losses.nt_xent import coarse_to_fine, nt_xent
from support import shares
from support.psp_oracle import nt_xent_loops

EXACT = {"rtol": 1e-9, "atol": 1e-12}
SIZES = [(3, 3), (4, 3), (1, 5)]


def parts_of(sizes, channels, seed):
    generator = torch.Generator().manual_seed(seed)
    whole = torch.randn(sum(sizes), channels, generator=generator, dtype=torch.float64)
    return whole.requires_grad_(), [part.detach() for part in whole.split(sizes)]


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("sizes", SIZES)
def test_nt_xent_has_global_negatives_and_their_gradients(two, sizes, temperature):
    (first, firsts), (second, seconds) = parts_of(sizes, 5, 0), parts_of(sizes, 5, 1)
    answers = two.run(shares.share_of_nt_xent, firsts, seconds, temperature)
    for expected in (
        nt_xent_loops(first, second, temperature),
        nt_xent(first, second, temperature),
    ):
        torch.testing.assert_close(sum(loss for loss, _ in answers), expected.detach(), **EXACT)
        wanted = torch.autograd.grad(expected, (first, second))
        for side, gradient in enumerate(wanted):
            found = torch.cat([gradients[side] for _, gradients in answers])
            torch.testing.assert_close(found, gradient, **EXACT)


def test_nt_xent_of_three_processes(three):
    sizes = (2, 1, 3)
    (first, firsts), (second, seconds) = parts_of(sizes, 4, 0), parts_of(sizes, 4, 1)
    answers = three.run(shares.share_of_nt_xent, firsts, seconds, 0.07)
    expected = nt_xent_loops(first, second, 0.07)
    torch.testing.assert_close(sum(loss for loss, _ in answers), expected.detach(), **EXACT)
    wanted = torch.autograd.grad(expected, (first, second))
    for side, gradient in enumerate(wanted):
        found = torch.cat([gradients[side] for _, gradients in answers])
        torch.testing.assert_close(found, gradient, **EXACT)


def test_coarse_to_fine_gathers_each_level_by_itself(two):
    wholes, parts = [], []
    for side in range(2):
        made = {level: parts_of((2, 3), 4, seed + 10 * side) for seed, level in enumerate("jpb")}
        wholes.append({level: whole.detach() for level, (whole, _) in made.items()})
        parts.append({level: split for level, (_, split) in made.items()})
    answers = two.run(shares.share_of_coarse_to_fine, *parts)
    for level, expected in coarse_to_fine(*wholes).items():
        torch.testing.assert_close(answers[0][level] + answers[1][level], expected, **EXACT)


@pytest.mark.parametrize("sizes", SIZES)
def test_cross_entropy_is_the_mean_over_all_labelled_clips(two, sizes):
    whole, parts = parts_of(sizes, 4, 0)
    labels = torch.arange(sum(sizes)) % 4
    answers = two.run(shares.share_of_cross_entropy, parts, labels.split(sizes))
    expected = F.cross_entropy(whole, labels)
    torch.testing.assert_close(sum(loss for loss, _ in answers), expected.detach(), **EXACT)
    (gradient,) = torch.autograd.grad(expected, whole)
    torch.testing.assert_close(torch.cat([g for _, g in answers]), gradient, **EXACT)
