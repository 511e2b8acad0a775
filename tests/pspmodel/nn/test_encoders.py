"""Encoders by name."""

import pytest

from pspmodel.config import NetworkConfig
from pspmodel.nn.dsta import DstaEncoder, scaled_blocks
from pspmodel.nn.encoders import build_encoder
from pspmodel.nn.stgcn import StGcn
from pspmodel.nn.tcn import TcnEncoder
from skeldata import KINECT20, KINECT25


@pytest.mark.parametrize(
    ("name", "kind", "channels"),
    [("dsta", DstaEncoder, 256), ("stgcn", StGcn, 256), ("tcn", TcnEncoder, 160)],
)
def test_encoders_come_by_name(name, kind, channels):
    encoder = build_encoder(NetworkConfig(encoder=name), KINECT25)
    assert type(encoder) is kind
    assert (encoder.channels_out, encoder.joints) == (channels, 25)


def test_widths_are_configurable():
    half = build_encoder(NetworkConfig(dsta={"width": 0.5}), KINECT20)
    expected = DstaEncoder(20, scaled_blocks(0.5))
    assert [p.shape for p in half.parameters()] == [p.shape for p in expected.parameters()]
    slim = build_encoder(NetworkConfig(encoder="stgcn", stgcn={"channels": [16, 16, 32]}), KINECT20)
    assert slim.channels_out == 32
    deep = build_encoder(NetworkConfig(encoder="tcn", tcn={"channels": 8, "depth": 9}), KINECT20)
    assert len(deep.layers) == 9
