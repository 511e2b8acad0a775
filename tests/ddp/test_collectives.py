"""Sums, gathers and agreements of processes, and the gradients that pass through them."""

import pytest
import torch

from support import shares


def tensors(sizes, *shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, *shape, generator=generator, dtype=torch.float64) for n in sizes]


def test_a_sum_reaches_all_and_its_gradient_is_that_of_all(two):
    parts, weights = tensors([4, 4], 3), tensors([4, 4], 3, seed=1)
    for total, gradient in two.run(shares.summed, parts, weights):
        torch.testing.assert_close(total, parts[0] + parts[1])
        torch.testing.assert_close(gradient, weights[0] + weights[1])


@pytest.mark.parametrize("sizes", [(3, 3), (1, 4), (0, 2), (5, 0)])
def test_rows_are_gathered_in_order_whatever_their_number(two, sizes):
    parts = tensors(sizes, 2, 3)
    weights = tensors([sum(sizes)] * 2, 2, 3, seed=1)
    for process, (rows, start, gradient) in enumerate(two.run(shares.gathered, parts, weights)):
        assert torch.equal(rows, torch.cat(parts))
        assert start == sum(sizes[:process])
        expected = (weights[0] + weights[1])[start : start + sizes[process]]
        torch.testing.assert_close(gradient, expected)


def test_three_processes_gather_too(three):
    parts = tensors([2, 0, 3], 2)
    weights = tensors([5] * 3, 2, seed=1)
    for rows, start, gradient in three.run(shares.gathered, parts, weights):
        assert torch.equal(rows, torch.cat(parts))
        torch.testing.assert_close(gradient, sum(weights)[start : start + len(gradient)])


def test_numbers_of_all_are_known_to_all(two):
    assert two.run(shares.counted, [7, 2]) == [[7, 2], [7, 2]]


def test_shares_of_a_mean_add_up_to_it(two):
    parts = tensors([1, 4])
    total = sum(two.run(shares.share_of_mean, parts))
    torch.testing.assert_close(total, torch.cat(parts).mean())
    assert torch.equal(shares.share_of_mean(parts[:1]), parts[0].mean())


def test_the_first_acts_alone_and_all_have_its_result_or_its_error(two, tmp_path):
    assert two.run(shares.only_first, tmp_path, False) == [(10, "")] * 2
    assert two.run(shares.only_first, tmp_path, True) == [(-1, "the disk is full")] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["by-0"]
