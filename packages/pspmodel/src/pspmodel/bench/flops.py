"""Floating-point operations of PSP, counted from its sizes.

Counted are matrix products and convolutions, two operations a multiply-add, as is usual; padding
counts as data. Norms, activations and sums are left out: a few per cent of the operations, though
not of the time.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from pspmodel.nn.dsta import DstaBlock, DstaEncoder
from pspmodel.nn.heads import OfEach
from pspmodel.nn.ppa import LevelAttention, OverTime
from pspmodel.nn.psp import PSPNetwork
from pspmodel.nn.temporal import FrameAttention


@dataclass(frozen=True)
class Shapes:
    """How much of what goes through the network.

    Attributes:
        frames: T.
        encoded: bodies through the encoder, of all modalities together.
        classified: clips through the classifier, of all modalities.
        attended: bodies through the pyramid attention, of all modalities.
        projected: embeddings through the projection, of all modalities and levels.
        contrasted: clips in the contrast of each level, whose embeddings are twice as many.
    """

    frames: int
    encoded: int
    classified: int
    attended: int = 0
    projected: int = 0
    contrasted: int = 0


def flops(network: PSPNetwork, shapes: Shapes, *, backward: bool = True) -> int:
    """Operations of one step, or of one forward pass.

    A product whose two factors both take gradients costs twice as much again backwards; the first
    convolution and the group means have one factor that takes none.

    Args:
        network: whose sizes count.
        shapes: of the batch.
        backward: whether gradients are computed too.
    """
    encoder, ppa = network.encoder, network.ppa
    assert isinstance(encoder, DstaEncoder)
    places = shapes.encoded * shapes.frames * encoder.joints
    entry = _conv(encoder.input, places)
    full = 0
    frames = shapes.frames
    for block in encoder.blocks:
        assert isinstance(block, DstaBlock)
        forward, frames = _block(block, shapes.encoded, frames, encoder.joints)
        full += forward
    full += _linear(network.classifier, shapes.classified)
    if network.projection is not None:
        full += _linear(network.projection, shapes.projected)
    full += len(network.levels) * 2 * (2 * shapes.contrasted) ** 2 * encoder.channels_out

    members, groups = network.pyramid.averages.shape
    parts = network.pyramid.parts
    means = 2 * shapes.attended * encoder.channels_out * frames * members * groups
    for name, nodes in (("joint", members), ("part", parts), ("body", groups - parts)):
        if ppa is not None and name in ppa.attention:
            full += _level(ppa.attention[name], shapes.attended, frames, nodes)
    if not backward:
        return entry + full + means
    return 2 * entry + 3 * full + 2 * means


def _block(block: DstaBlock, persons: int, frames: int, joints: int) -> tuple[int, int]:
    """Forward operations of a block, and its number of frames afterwards."""
    places = persons * frames * joints
    channels = block.query_key.in_channels
    total = _conv(block.query_key, places)
    total += 2 * places * block.heads * block.embed * joints  # queries with keys
    total += 2 * places * block.heads * channels * joints  # attention with features
    for layer in (block.spatial, block.feed_forward, block.skip_spatial, block.skip_feed_forward):
        total += _conv(layer, places)
    if isinstance(block.temporal, FrameAttention):
        later, operations = _over_frames(block.temporal, places, frames)
        return total + operations, later
    convolution = block.temporal[0]
    assert isinstance(convolution, nn.Conv2d)
    later = -(-frames // convolution.stride[0])
    for layer in (block.temporal, block.skip_temporal):
        total += _conv(layer, persons * later * joints)
    return total, later


def _over_frames(layer: FrameAttention, places: int, frames: int) -> tuple[int, int]:
    """Frames after an attention over them, and its forward operations."""
    later = -(-frames // layer.stride)
    channels = layer.query_key.in_channels
    total = _conv(layer.query_key, places)
    total += 2 * places * layer.heads * layer.embed * later  # queries with keys
    total += 2 * places * layer.heads * channels * later  # attention with features
    for kept in (layer.output, layer.feed_forward, layer.skip_output, layer.skip_feed_forward):
        total += _conv(kept, places // frames * later)
    return later, total


def _level(level: nn.Module, persons: int, frames: int, nodes: int) -> int:
    """Forward operations of the attention of one level."""
    assert isinstance(level, LevelAttention)
    places = persons * frames * nodes
    products = 1 if level.output is None else 2  # queries with keys; the map with values
    total = _conv(level, places) + products * 2 * places * level.channels * nodes
    if isinstance(level.inputs, OverTime):
        total += _linear(level.inputs, persons * nodes)
    return total


def _conv(module: nn.Module, places: int) -> int:
    """Forward operations of the convolutions of a module at ``places`` positions of the output."""
    weights = [m.weight for m in module.modules() if isinstance(m, nn.Conv2d)]
    return sum(2 * places * weight.numel() for weight in weights)


def _linear(module: nn.Module, rows: int) -> int:
    """Forward operations of the linear layers of a module; each row goes through one `OfEach`."""
    if isinstance(module, OfEach):
        module = next(iter(module.values()))
    weights = [m.weight for m in module.modules() if isinstance(m, nn.Linear)]
    return sum(2 * rows * weight.numel() for weight in weights)
