import pytest
import torch
from torch import nn

from pspmodel.nn.projection import NormedProjection, WideProjection


@pytest.mark.parametrize(
    ("widths", "noted"), [((256, 256, 128), 98_816), ((128, 256, 128), 66_048)]
)
def test_parameter_counts_are_the_released_ones(widths, noted):
    assert sum(p.numel() for p in NormedProjection(*widths).parameters()) == noted


def test_a_projection_by_hand():
    torch.manual_seed(0)
    head = NormedProjection(5, 4, 3).double()
    with torch.no_grad():
        head.norm.weight.normal_()
        head.norm.bias.normal_()
    x = torch.randn(6, 5, dtype=torch.float64)
    wide = x @ head.expand.weight.T
    unit = (wide - wide.mean(0)) / torch.sqrt(wide.var(0, correction=0) + 1e-5)
    expected = torch.relu(unit * head.norm.weight + head.norm.bias) @ head.reduce.weight.T
    torch.testing.assert_close(head(x), expected)
    wide = (wide - head.norm.running_mean) / torch.sqrt(head.norm.running_var + 1e-5)
    expected = torch.relu(wide * head.norm.weight + head.norm.bias) @ head.reduce.weight.T
    torch.testing.assert_close(head.eval()(x), expected)


def test_the_wide_one_has_the_published_number_of_parameters():
    with torch.device("meta"):
        projector = WideProjection(256)
    assert sum(p.numel() for p in projector.parameters()) == 77_094_912


def test_the_wide_one_is_the_plain_sequence_of_layers():
    torch.manual_seed(0)
    projector = WideProjection(6, 10).double()
    plain = nn.Sequential(
        nn.Linear(6, 10, bias=False), nn.BatchNorm1d(10), nn.ReLU(),
        nn.Linear(10, 10, bias=False), nn.BatchNorm1d(10), nn.ReLU(),
        nn.Linear(10, 10, bias=False),
    ).double()  # fmt: skip
    with torch.no_grad():
        for norm in projector.norms:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-1, 1)
    layers = [
        projector.hidden[0], projector.norms[0], projector.hidden[1], projector.norms[1],
        projector.output,
    ]  # fmt: skip
    for index, layer in zip((0, 1, 3, 4, 6), layers, strict=True):
        plain[index].load_state_dict(layer.state_dict())
    x = torch.randn(7, 6, dtype=torch.float64)
    torch.testing.assert_close(projector(x), plain(x))
    torch.testing.assert_close(projector.eval()(x), plain.eval()(x))
