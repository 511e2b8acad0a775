"""SkeAttnCLR's multi-head attention mask: how much of each feature is salient."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.heads import node_mean


class AttentionMask(nn.Module):
    """``sigmoid(Lambda * MHSA(LayerNorm(X)))`` over the T' * V tokens of each person.

    The mask has a value for every frame, joint *and channel*. Nothing trains it directly: it learns
    through the features that `parted_means` weighs with it.

    Source: SkeAttnCLR's MHAM, released code. (Its drop-path and SimAM dropout are made and never
    called there; they are not here.)

    Args:
        channels: C of the features, a multiple of ``heads``.
        heads: of the self-attention.
        sharpness: Lambda; 0 gives 1/2 everywhere, a large one a mask of zeros and ones.

    Raises:
        UsageError: the heads do not divide the channels.
    """

    def __init__(self, channels: int, heads: int = 8, sharpness: float = 2.0) -> None:
        super().__init__()
        if channels % heads:
            raise UsageError(
                f"{heads} heads of the attention mask do not divide {channels} channels; "
                "use a divisor"
            )
        self.heads = heads
        self.sharpness = sharpness
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Mask of features: (R, C, T', V) -> (R, C, T', V) in (0, 1)."""
        tokens = self.norm(features.flatten(2).mT)
        query, key, value = (
            self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        raw = self.output(attended.transpose(1, 2).flatten(2))
        mask = torch.sigmoid(self.sharpness * raw)
        return mask.mT.view(features.shape)


def parted_means(features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Salient and non-salient part of the pooled features; they add up to `node_mean`.

    Both are divided by the number of places, not by the mass of the mask: ``mean(X * mask)`` and
    ``mean(X * (1 - mask))``.

    Args:
        features: (R, C, T', V), not normalised.
        mask: the same shape, 0 to 1.

    Returns:
        (R, C) salient, (R, C) non-salient, in float32 at least.
    """
    salient = node_mean(features * mask)
    return salient, node_mean(features) - salient
