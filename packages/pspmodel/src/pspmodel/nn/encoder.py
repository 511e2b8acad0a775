"""What all encoders have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from pspmodel.errors import UsageError


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
