import torch
from torch import nn

from pspmodel.train.average import Average


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.norm = nn.BatchNorm1d(3)


def test_it_starts_equal_and_follows_by_the_decay():
    method = Small()
    average = Average(method, decay=0.75)
    assert not average.method.training
    assert not any(p.requires_grad for p in average.method.parameters())
    expected = method.layer.weight.detach().clone()
    for updates in range(40):
        with torch.no_grad():
            method.layer.weight.add_(1.0)
            method.norm.running_mean.add_(2.0)
            method.norm.num_batches_tracked.add_(1)
        average.update(method, updates)
        decay = min(0.75, (1 + updates) / (10 + updates))
        expected = decay * expected + (1 - decay) * method.layer.weight.detach()
    torch.testing.assert_close(average.method.layer.weight, expected)
    assert 70 < average.method.norm.running_mean[0] < 80
    assert average.method.norm.num_batches_tracked == 40


def test_moving_the_average_leaves_the_method_alone():
    method = Small()
    average = Average(method, 0.9)
    before = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    with torch.no_grad():
        average.method.layer.weight.zero_()
    average.update(method, 3)
    assert all(torch.equal(before[name], tensor) for name, tensor in method.state_dict().items())
