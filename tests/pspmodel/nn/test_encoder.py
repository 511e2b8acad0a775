"""What all encoders have in common: that they can be compiled, and copied afterwards."""

import copy

import pytest
import torch

from pspmodel.config import NetworkConfig
from pspmodel.nn.encoder import compile_encoders
from pspmodel.nn.encoders import build_encoder
from pspmodel.nn.streams import StreamClassifier
from skeldata import KINECT20


@pytest.mark.parametrize("stems", ["shared", "per-stream"])
def test_a_compiled_encoder_computes_the_same_under_the_same_names(stems):
    sizes = {"dsta": {"blocks": [[8, 8, 4, 2]], "heads": 2}, "stems": stems}
    torch.manual_seed(0)
    network = StreamClassifier(NetworkConfig.model_validate(sizes), KINECT20, 3, ("joint", "bone"))
    batch = {name: torch.randn(4, 3, 6, 20) for name in ("joint", "bone")}
    names = list(network.state_dict())
    plain = network.encode(batch)
    graphs = []

    def counting(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compile_encoders(network, backend=counting)
    torch._dynamo.reset()
    compiled = network.encode(batch)
    assert graphs
    assert list(network.state_dict()) == names
    for name, part in plain.items():
        torch.testing.assert_close(compiled[name], part)


def test_a_copy_of_a_compiled_encoder_runs_its_own_weights():
    encoder = build_encoder(
        NetworkConfig.model_validate({"dsta": {"blocks": [[8, 8, 4, 2]]}}), KINECT20
    )
    encoder.eval()
    compile_encoders(encoder, backend="eager")
    trunk = vars(encoder)["trunk"]
    compile_encoders(encoder, backend="eager")
    assert vars(encoder)["trunk"] is trunk
    x = torch.randn(2, 3, 6, 20)
    before = encoder(x)
    other = copy.deepcopy(encoder)
    with torch.no_grad():
        for p in other.parameters():
            p.mul_(1.5)
    assert not torch.allclose(other(x), before)
    torch.testing.assert_close(encoder(x), before)
