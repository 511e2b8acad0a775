import pytest
import torch
from torch import nn

from pspmodel.errors import NonFiniteLossError
from pspmodel.train import finite


def network():
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_whole_numbers_and_absent_averages_are_no_fault():
    finite.check_weights(3, network(), None)


@pytest.mark.parametrize("name", ["0.weight", "1.bias", "1.running_var"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", [0, 1])
def test_one_number_anywhere_is_enough(name, value, place):
    modules = [network(), network()]
    modules[place].state_dict()[name].view(-1)[-1] = value
    with pytest.raises(NonFiniteLossError, match=r"^step 3: weights are nan or infinite; lower"):
        finite.check_weights(3, *modules)


def test_what_another_process_found_counts_here_too(monkeypatch):
    told = []

    def largest(number):
        told.append(number)
        return 1

    monkeypatch.setattr(finite, "largest", largest)
    with pytest.raises(NonFiniteLossError):
        finite.check_weights(3, network())
    with torch.no_grad():
        (spoiled := network())[0].weight.fill_(torch.nan)
    with pytest.raises(NonFiniteLossError):
        finite.check_weights(3, spoiled)
    assert told == [0, 1]
