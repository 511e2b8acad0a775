import pytest
import torch
from torch import nn

from pspmodel.config import OptimConfig
from pspmodel.train.optimizer import make_optimizer


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def test_sgd_is_the_released_one():
    optimizer = make_optimizer(OptimConfig(lr=0.1, momentum=0.8, weight_decay=0.01), network())
    assert isinstance(optimizer, torch.optim.SGD)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.1, 0.8, 0.01)
    assert group["nesterov"]
    assert group["fused"]
    assert len(group["params"]) == 6
    heavy = make_optimizer(OptimConfig(lr=0.1, nesterov=False), network())
    assert heavy.param_groups[0]["momentum"] == 0.9
    assert not heavy.param_groups[0]["nesterov"]
    plain = make_optimizer(OptimConfig(lr=0.1, momentum=0), network())
    assert not plain.param_groups[0]["nesterov"]


def test_decay_may_be_for_matrices_alone():
    config = OptimConfig(
        kind="adamw", lr=0.1, betas=(0.8, 0.9), weight_decay=0.3, decayed="matrices"
    )
    model = network()
    optimizer = make_optimizer(config, model)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.3, 0.0]
    assert optimizer.param_groups[0]["betas"] == (0.8, 0.9)
    before = [p.detach().clone() for p in model.parameters()]
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for old, new in zip(before, model.parameters(), strict=True):
        expected = old * (1 - 0.1 * 0.3) if old.ndim > 1 else old
        torch.testing.assert_close(new.detach(), expected)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_what_is_frozen_is_left_out(kind):
    model = network()
    model[0].requires_grad_(False)
    optimizer = make_optimizer(OptimConfig(kind=kind, lr=0.1), model)
    assert len(optimizer.param_groups[0]["params"]) == 4
