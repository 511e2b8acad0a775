"""PSTL's random views of a clip: crop of the mirrored sequence, shear, turn, flip.

They differ from `pspmodel.data.augment` in kind: the crop keeps the speed of a clip and continues it
backwards at its ends, the shear is stronger than the body, turns are to one side, and coordinates
are mirrored with the joints only if that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from pspmodel.config import StrictModel
from pspmodel.data.rotation import rotation, shear
from pspmodel.data.transfer import to_device
from skeldata import Layout


class ViewConfig(StrictModel):
    """How strong the views are; the numbers are those of PSTL's released code.

    Attributes:
        padding: the clip is continued by T // padding mirrored frames at both ends before T frames
            are cut out; 0 leaves the frames alone.
        shear: largest off-diagonal of the shear matrix.
        turn: largest angle about one axis drawn at random, degrees, to one side.
        wobble: largest angle about each of the two other axes, degrees.
        flip: probability of exchanging left and right joints.
        mirror: whether a flip also mirrors the coordinates; the released code does not, which makes
            bodies that face backwards.
        alike: one draw for all clips of a batch, as in the released code, instead of one a clip.
    """

    padding: int = Field(default=6, ge=0)
    shear: float = Field(default=1.0, ge=0)
    turn: float = Field(default=30.0, ge=0, le=180)
    wobble: float = Field(default=1.0, ge=0, le=180)
    flip: float = Field(default=0.5, ge=0, le=1)
    mirror: bool = True
    alike: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ViewDraws:
    """What happens to each of n clips.

    Attributes:
        shift: (n,) int64, the first frame, counted from the clip's own first one.
        matrix: (n, 3, 3) linear map of coordinates.
        flip: (n,) bool.
    """

    shift: Tensor
    matrix: Tensor
    flip: Tensor

    def __getitem__(self, index: Tensor) -> ViewDraws:
        """The draws of some clips, or those of each row's clip."""
        return ViewDraws(self.shift[index], self.matrix[index], self.flip[index])


def draw_views(config: ViewConfig, clips: int, frames: int, device: torch.device) -> ViewDraws:
    """Draw for ``clips`` clips of T = ``frames`` frames, from torch's default generator."""
    u = torch.rand((1 if config.alike else clips, 12), device=device)
    pad = frames // config.padding if config.padding else 0
    eye = torch.eye(3, device=device)
    main = eye[(3 * u[:, 1]).long().clamp(max=2)]
    angles = torch.deg2rad(
        u[:, 2:5] * torch.lerp(eye.new_full((), config.wobble), eye.new_full((), config.turn), main)
    )
    with torch.autocast(device.type, enabled=False):
        matrix = rotation(angles) @ shear((2 * u[:, 5:11] - 1) * config.shear)
    shift = (u[:, 0] * (2 * pad + 1)).long().clamp(max=2 * pad) - pad
    draws = ViewDraws(shift, matrix, flip=u[:, 11] < config.flip)
    return draws[torch.zeros(clips, dtype=torch.int64, device=device)] if config.alike else draws


def apply_views(x: Tensor, draws: ViewDraws, layout: Layout, *, mirror: bool) -> Tensor:
    """Change rows: crop, linear map, flip.

    Args:
        x: (R, 3, T, V) coordinates, or their motion or bones.
        draws: one a row.
        layout: joints.
        mirror: see `ViewConfig`.

    Returns:
        (R, 3, T, V); what is zero stays zero.
    """
    frames = x.shape[2]
    source = draws.shift[:, None] + torch.arange(frames, device=x.device)
    source = torch.where(source < 0, -1 - source, source)
    source = torch.where(source >= frames, 2 * frames - 1 - source, source)
    x = x.gather(2, source[:, None, :, None].expand_as(x))
    with torch.autocast(x.device.type, enabled=False):  # coordinates keep their precision
        x = (draws.matrix.to(x.dtype) @ x.flatten(2)).view_as(x)
    flipped = x[..., to_device(layout.flip_index, x.device)]
    if mirror:
        flipped = torch.cat((-flipped[:, :1], flipped[:, 1:]), dim=1)
    return torch.where(draws.flip[:, None, None, None], flipped, x)
