"""Averaged weights: a slow copy of the method, which teaches and predicts."""

from __future__ import annotations

import copy

import torch

from pspmodel.methods.base import Method


class Average:
    """Exponential moving average of all weights and batch statistics.

    Early on, when there is little to average, it follows faster: with decay min(decay,
    (1 + n) / (10 + n)) after n updates.

    Args:
        method: what to follow.
        decay: share that stays at each update.

    Attributes:
        method: the averaged copy, in eval mode, without gradients.
    """

    def __init__(self, method: Method, decay: float) -> None:
        self.decay = decay
        self.method = copy.deepcopy(method).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, method: Method, updates: int) -> None:
        """Move towards the method, as the update behind ``updates`` earlier ones."""
        share = 1 - min(self.decay, (1 + updates) / (10 + updates))
        own, new = self.method.state_dict(), method.state_dict()
        names = [name for name, tensor in own.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([own[name] for name in names], [new[name] for name in names], share)
        for name in own.keys() - set(names):
            own[name].copy_(new[name])
