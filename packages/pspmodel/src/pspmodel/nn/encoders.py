"""What all encoders have in common, and how one is made by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from pspmodel.config import NetworkConfig
from pspmodel.errors import UsageError
from skeldata import Layout


class Encoder(nn.Module, ABC):
    """Maps persons (P, C, T, V) to features (P, C', T', n) in two steps: its stem, then the rest.

    A stem of each stream's own can take the place of ``input``; see `StreamClassifier`.

    Attributes:
        keeps_joints: whether the n nodes of the features are the joints.
        channels_out: C'.
        joints: V.
        input: the stem.
        strides: what divides the frames, one after the other, each time rounded up.
    """

    keeps_joints: ClassVar[bool] = True
    channels_out: int
    joints: int
    input: nn.Module
    strides: tuple[int, ...] = ()

    def frames_behind(self, frames: int) -> int:
        """T' for T frames."""
        for stride in self.strides:
            frames = -(-frames // stride)
        return frames

    @abstractmethod
    def new_stem(self) -> nn.Module:
        """A freshly initialised first layer with its norm."""

    @abstractmethod
    def trunk(self, y: Tensor) -> Tensor:
        """What comes behind the stem."""

    def arranged(self, x: Tensor) -> Tensor:
        """Persons in the memory format that the stem wants.

        Raises:
            UsageError: ``x`` has another number of joints.
        """
        if x.ndim != 4 or x.shape[-1] != self.joints:
            raise UsageError(
                f"the encoder was built for (P, C, T, {self.joints}), got {tuple(x.shape)}; "
                "check the layout and the axis order"
            )
        return x

    def __getstate__(self) -> dict[str, Any]:
        """Without what `compile_encoders` put here: a copy must not run the original's weights."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name != "trunk"}

    def forward(self, x: Tensor) -> Tensor:
        """(P, C, T, V) -> (P, channels_out, T', n).

        Raises:
            UsageError: ``x`` has another number of joints.
        """
        return self.trunk(self.input(self.arranged(x)))


def compile_encoders(module: nn.Module, backend: str = "inductor") -> None:
    """Let `torch.compile` have what lies behind the stem of every encoder inside; names stay.

    What is compiled already stays so; copies of it are not compiled.
    """
    for part in module.modules():
        if isinstance(part, Encoder) and "trunk" not in vars(part):
            part.trunk = torch.compile(part.trunk, backend=backend)  # type: ignore[method-assign]


def build_encoder(config: NetworkConfig, layout: Layout) -> Encoder:
    """The encoder that ``config.encoder`` names, of the sizes in its table."""
    if config.encoder == "dsta":
        from pspmodel.nn.encoder import PSP_BLOCKS, Block, DstaEncoder, scaled_blocks

        blocks = tuple(Block(*block) for block in config.dsta.blocks) or PSP_BLOCKS
        if config.dsta.width != 1:
            blocks = scaled_blocks(config.dsta.width, blocks)
        return DstaEncoder(
            layout.joint_count, blocks, config.dsta.heads, temporal=config.dsta.temporal
        )
    if config.encoder == "stgcn":
        from pspmodel.nn.stgcn import StGcn

        return StGcn(layout, config.stgcn.channels, config.stgcn.partition, config.stgcn.dropout)
    from pspmodel.nn.tcn import TcnEncoder

    tcn = config.tcn
    return TcnEncoder(
        layout.joint_count,
        tcn.channels,
        tcn.depth,
        tcn.kernel,
        tcn.dropout,
        tcn.halvings,
        tcn.peaks,
    )
