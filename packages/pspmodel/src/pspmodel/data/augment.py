"""Random changes of clips that keep their action, in batch on the device.

One draw changes a whole clip: all its frames and both its bodies alike. The steps, in order: temporal
crop and resample, left/right flip, one linear map (rotation, shear, scale), noise. Which joints are
hidden is drawn here too, but they are hidden in the streams: a bone needs both its ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pspmodel.config import AugmentConfig
from pspmodel.data.resample import resampled
from pspmodel.data.rotation import rotation, shear
from skeldata import Layout

_AXES = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """What happens to each of n clips.

    Attributes:
        start, length: (n,) window as shares of the clip, ``start + length <= 1``.
        flip: (n,) bool.
        matrix: (n, 3, 3) linear map of coordinates, without the mirror of a flip.
        noise: (n,) standard deviation.
        hidden: (n, V) bool.
    """

    start: Tensor
    length: Tensor
    flip: Tensor
    matrix: Tensor
    noise: Tensor
    hidden: Tensor

    def __getitem__(self, index: Tensor) -> Draws:
        """The draws of some clips, or those of each person's clip."""
        return Draws(*(getattr(self, name)[index] for name in Draws.__slots__))


class Augmenter:
    """Draws and applies changes.

    Args:
        config: how strong.
        layout: joints, for flips.
        up: the store's vertical axis, ``z`` for recipe psp, ``y`` for yaw.
        device: of the clips.
        frames: T of what it gives; 0 leaves it as it is.
    """

    def __init__(
        self,
        config: AugmentConfig,
        layout: Layout,
        up: str,
        device: torch.device,
        frames: int = 0,
    ) -> None:
        self.config = config
        self._frames = frames
        self._joints = layout.joint_count
        self._flip_index = torch.from_numpy(layout.flip_index).to(device)
        self._up = _AXES[up]
        self._device = device
        # Made once: a batch that copies them anew waits for a GPU.
        turns = torch.full((3,), config.tilt)
        turns[self._up] = config.yaw
        self._turns = torch.deg2rad(turns).to(device)
        self._mirror = torch.tensor([-1.0, 1.0, 1.0], device=device)

    def draw(self, clips: int, generator: torch.Generator) -> Draws:
        """Draw for a number of clips; equal generators give equal draws whatever is switched on."""
        config = self.config
        # One block of uniform numbers, so that switching one change on leaves the others alone.
        u = torch.rand((clips, 16), generator=generator, device=self._device)
        hide = torch.rand((clips, self._joints), generator=generator, device=self._device)
        length = 1 - (1 - config.crop) * u[:, 0]
        angles = (2 * u[:, 3:6] - 1) * self._turns
        sheared = shear((2 * u[:, 6:12] - 1) * config.shear)
        scale = 1 + (2 * u[:, 12:13] - 1) * config.scale
        scale = scale * (1 + (2 * u[:, 13:] - 1) * config.stretch)
        return Draws(
            start=u[:, 1] * (1 - length),
            length=length,
            flip=u[:, 2] < config.flip,
            matrix=rotation(angles) @ sheared * scale[:, None, :],
            noise=config.noise * torch.rand(clips, generator=generator, device=self._device),
            hidden=hide < config.hide,
        )

    def apply(
        self, joint: Tensor, present: Tensor, draws: Draws, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Change persons, but for hidden joints; what is switched off costs nothing.

        Args:
            joint: (P, T, V, 3) coordinates, zeros where absent.
            present: (P, T) bool.
            draws: one for each person, ``draws[clip_index]``.
            generator: for noise.

        Returns:
            Changed joint and present, in the wanted number of frames; absent stays exact zeros.
        """
        config = self.config
        if config.crop < 1 or self._frames not in (0, joint.shape[1]):
            frames = self._frames or joint.shape[1]
            joint, present = resampled(joint, present, draws.start, draws.length, frames)
        if config.flip:
            flipped = joint[:, :, self._flip_index] * self._mirror
            joint = torch.where(draws.flip[:, None, None, None], flipped, joint)
        if config.yaw or config.tilt or config.shear or config.scale or config.stretch:
            joint = (joint.flatten(1, 2) @ draws.matrix.mT).view_as(joint)
        if config.noise:
            noise = torch.randn(joint.shape, generator=generator, device=joint.device)
            joint = joint + noise * draws.noise[:, None, None, None]
        return joint * present[..., None, None], present
