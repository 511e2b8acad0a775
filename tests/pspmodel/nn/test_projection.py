import pytest
import torch

from pspmodel.nn.projection import NormedProjection


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
