import torch
from torch import nn

from pspmodel.nn.projector import Projector


def test_it_has_the_published_number_of_parameters():
    with torch.device("meta"):
        projector = Projector(256)
    assert sum(p.numel() for p in projector.parameters()) == 77_094_912


def test_it_is_the_plain_sequence_of_layers():
    torch.manual_seed(0)
    projector = Projector(6, 10).double()
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
