"""Encoders by name."""

from __future__ import annotations

from pspmodel.config import NetworkConfig
from pspmodel.nn.dsta import PSP_BLOCKS, Block, DstaEncoder, scaled_blocks
from pspmodel.nn.encoder import Encoder
from pspmodel.nn.stgcn import StGcn
from pspmodel.nn.tcn import TcnEncoder
from skeldata import Layout


def build_encoder(config: NetworkConfig, layout: Layout) -> Encoder:
    """The encoder that ``config.encoder`` names, of the sizes in its table."""
    if config.encoder == "dsta":
        blocks = tuple(Block(*block) for block in config.dsta.blocks) or PSP_BLOCKS
        if config.dsta.width != 1:
            blocks = scaled_blocks(config.dsta.width, blocks)
        return DstaEncoder(
            layout.joint_count, blocks, config.dsta.heads, temporal=config.dsta.temporal
        )
    if config.encoder == "stgcn":
        return StGcn(layout, config.stgcn.channels, config.stgcn.partition, config.stgcn.dropout)
    tcn = config.tcn
    return TcnEncoder(
        layout.joint_count,
        tcn.channels,
        tcn.depth,
        tcn.kernel,
        tcn.dropout,
        tcn.halvings,
        tcn.peaks,
        tcn.distances,
    )
