"""The follower and its momentum, and a queue that forgets the oldest."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pspmodel.errors import UsageError
from pspmodel.nn.momentum import Follower, KeyQueue, momentum_at
from pspmodel.nn.norm import BatchNorm2d


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 1), BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1)).double()


def test_momentum_at_the_ends_and_in_the_middle():
    assert momentum_at(0) == 0.996
    assert momentum_at(0.5) == pytest.approx(0.998, abs=1e-15)
    assert momentum_at(1) == 1
    assert momentum_at(0, 0.9) == pytest.approx(0.9)


@given(st.integers(2, 50), st.floats(0, 0.999))
def test_momentum_grows_on_a_symmetric_curve(steps, start):
    values = [momentum_at(step / steps, start) for step in range(steps + 1)]
    assert all(one < other for one, other in pairwise(values))
    for one, other in zip(values, reversed(values), strict=True):
        assert one + other == pytest.approx(1 + start)


def test_a_follower_starts_equal_and_has_no_gradient():
    leader = network(0)
    follower = Follower(leader)
    for name, tensor in leader.state_dict().items():
        assert torch.equal(follower.module.state_dict()[name], tensor)
        assert follower.module.state_dict()[name].data_ptr() != tensor.data_ptr()
    assert not any(p.requires_grad for p in follower.parameters())
    follower.module(torch.randn(2, 3, 4, 5).double()).sum()
    assert all(p.requires_grad for p in leader.parameters())


@pytest.mark.parametrize("momentum", [0.0, 0.25, 0.996, 1.0])
def test_every_entry_moves_batch_statistics_too(momentum):
    leader = network(0)
    follower = Follower(leader)
    before = {name: tensor.clone() for name, tensor in follower.module.state_dict().items()}
    with torch.no_grad():
        for parameter in leader.parameters():
            parameter.add_(torch.randn_like(parameter))
    leader(torch.randn(6, 3, 4, 5).double())
    follower.follow(leader, momentum)
    after = follower.module.state_dict()
    assert {"1.running_mean", "1.running_var"} < after.keys()
    for name, tensor in leader.state_dict().items():
        if tensor.is_floating_point():
            assert not torch.equal(tensor, before[name]), name
            expected = momentum * before[name] + (1 - momentum) * tensor
            torch.testing.assert_close(after[name], expected, rtol=1e-12, atol=1e-14)
        else:
            assert torch.equal(after[name], tensor), name


def test_following_an_equal_leader_changes_no_bit():
    leader = network(0).float()
    follower = Follower(leader)
    follower.follow(leader, 0.996)
    for name, tensor in leader.state_dict().items():
        assert torch.equal(follower.module.state_dict()[name], tensor)


def test_a_new_queue_holds_random_directions():
    torch.manual_seed(0)
    queue = KeyQueue(64, 5)
    torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(64))
    assert abs(float(queue.keys.mean())) < 0.1
    assert set(queue.state_dict()) == {"keys", "place"}
    assert not list(queue.parameters())


@given(
    st.integers(1, 12),
    st.lists(st.integers(0, 15), max_size=8),
    st.integers(0, 2**31),
)
def test_a_queue_keeps_the_last_keys_in_their_places(length, sizes, seed):
    torch.manual_seed(seed)
    queue = KeyQueue(length, 3).double()
    places = list(queue.keys.clone())
    written = 0
    for size in sizes:
        rows = torch.randn(size, 3, dtype=torch.float64)
        queue.push(rows)
        for row in rows:
            places[written % length] = row / row.norm()
            written += 1
    torch.testing.assert_close(queue.keys, torch.stack(places), rtol=1e-12, atol=1e-14)
    assert int(queue.place) == written % length


def test_batches_of_the_paper_fill_the_queue_in_256_steps():
    queue = KeyQueue(32768, 2)
    rows = torch.tensor([[3.0, 4.0]])
    for step in range(1, 4):
        queue.push(rows.expand(128, 2))
        assert int(queue.place) == 128 * step % 32768
    assert (queue.keys[: 3 * 128] == torch.tensor([0.6, 0.8])).all()
    queue.push(rows.expand(32768 - 3 * 128, 2))
    assert int(queue.place) == 0


def test_keys_in_the_queue_have_no_gradient_and_a_push_does_not_spoil_one():
    queue = KeyQueue(4, 3)
    negatives = queue.negatives()
    before = negatives.clone()
    query = torch.randn(2, 3, requires_grad=True)
    loss = (query @ negatives.T).square().sum()
    queue.push(query * 2)
    assert not queue.keys.requires_grad
    assert torch.equal(negatives, before)
    loss.backward()
    expected = 2 * (query.detach() @ before.T) @ before
    torch.testing.assert_close(query.grad, expected)


def test_a_queue_goes_on_from_its_state():
    torch.manual_seed(0)
    one, other = KeyQueue(7, 3), KeyQueue(7, 3)
    one.push(torch.randn(5, 3))
    other.load_state_dict(one.state_dict())
    rows = torch.randn(4, 3)
    one.push(rows)
    other.push(rows)
    assert torch.equal(one.keys, other.keys)
    assert torch.equal(one.place, other.place)


def test_an_empty_queue_is_refused():
    with pytest.raises(UsageError, match="a queue of 0 keys holds nothing"):
        KeyQueue(0, 3)
