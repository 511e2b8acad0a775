"""The compact encoder against plain loops, and what it must not depend on."""

import pytest
import torch

from pspmodel.errors import UsageError
from pspmodel.nn.distances import distances
from pspmodel.nn.tcn import TcnEncoder


def encoder(**sizes):
    torch.manual_seed(0)
    return TcnEncoder(20, **{"channels": 6, "depth": 3, "halvings": 0, **sizes}).double().eval()


@pytest.mark.parametrize("with_distances", [False, True])
def test_it_equals_plain_loops(with_distances):
    model = encoder(kernel=5, halvings=1, with_distances=with_distances)
    x = torch.randn(2, 3, 7, 20, dtype=torch.float64)
    norm, stem = model.input
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    expected = torch.zeros(2, 6, 4, 1, dtype=torch.float64)
    for person in range(2):
        rows = []
        for frame in range(7):
            values = x[person, :, frame].flatten()  # coordinate by coordinate, all joints of each
            if with_distances:
                apart = distances(x[person : person + 1])[0, frame]
                values = torch.cat((values, apart))
            scaled = (values - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
            rows.append(stem.weight[:, :, 0, 0] @ (scaled * norm.weight + norm.bias) + stem.bias)
        for number, (conv, bn) in enumerate(model.layers):
            if number == 1:  # depth 3 in two groups: 1 layer, then 2
                rows = [sum(rows[t : t + 2]) / len(rows[t : t + 2]) for t in range(0, len(rows), 2)]
            new = []
            for t, row in enumerate(rows):
                total = conv.bias.clone()
                for tap in range(5):
                    if 0 <= t + tap - 2 < len(rows):
                        total = total + conv.weight[:, :, 0, tap] @ rows[t + tap - 2]
                total = (total - bn.running_mean) / (bn.running_var + bn.eps).sqrt()
                new.append(row + torch.relu(total * bn.weight + bn.bias))
            rows = new
        expected[person, :, :, 0] = torch.stack(rows, dim=1)
    torch.testing.assert_close(model(x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("halvings", "frames"), [(0, 32), (1, 16), (2, 8)])
def test_frames_are_halved_as_often_as_asked(halvings, frames):
    assert encoder(depth=6, halvings=halvings)(torch.randn(1, 3, 32, 20).double()).shape == (
        1, 6, frames, 1,
    )  # fmt: skip


def test_whole_channels_are_dropped_in_training_alone():
    model = encoder(dropout=0.5).train()
    y = model.dropout(torch.ones(50, 6, 1, 8, dtype=torch.float64))
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(y.amax(dim=3), y.amin(dim=3))
    model.eval()
    x = torch.randn(2, 3, 9, 20, dtype=torch.float64)
    assert torch.equal(model(x), model(x))


def test_wrong_sizes_are_told():
    with pytest.raises(UsageError, match="kernel of 4 taps has no middle"):
        TcnEncoder(20, kernel=4)
    with pytest.raises(UsageError, match=r"built for \(P, C, T, 20\), got \(2, 3, 9, 25\)"):
        encoder()(torch.randn(2, 3, 9, 25))
