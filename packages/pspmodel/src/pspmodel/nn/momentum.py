"""Momentum contrast: an encoder that follows another slowly, and a queue of the keys it made."""

from __future__ import annotations

import copy
import math
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pspmodel.collectives import gather
from pspmodel.errors import UsageError

Module = TypeVar("Module", bound=nn.Module)


def momentum_at(progress: float, start: float = 0.996) -> float:
    """Share of itself that the follower keeps, ``1 - (1 - start) * (cos(pi t) + 1) / 2``.

    It grows from ``start`` to 1 on a cosine (BYOL; SkeAttnCLR's released code).

    Args:
        progress: t, share of the training that is done, 0 to 1.
        start: value at 0.

    >>> momentum_at(0.0), momentum_at(0.5), momentum_at(1.0)
    (0.996, 0.998, 1.0)
    """
    return 1 - (1 - start) * (math.cos(math.pi * progress) + 1) / 2


class Follower(nn.Module, Generic[Module]):
    """A copy of a module that has no gradients and follows it as a moving average.

    It starts equal. All its state is in parameters and buffers, so checkpoints hold it.

    Args:
        leader: the module to copy.

    Attributes:
        module: the copy.
    """

    module: Module

    def __init__(self, leader: Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(leader).requires_grad_(False)

    @torch.no_grad()
    def follow(self, leader: Module, momentum: float) -> None:
        """Set every state entry, batch statistics too, to ``momentum * own + (1 - momentum) * leader's``.

        What equals the leader's stays the same to the last bit; counters are copied.

        Args:
            leader: a module of the same structure.
            momentum: share of itself that it keeps, 0 to 1.
        """
        own, theirs = self.module.state_dict(), leader.state_dict()
        moving = [name for name, tensor in own.items() if tensor.is_floating_point()]
        if moving:
            torch._foreach_lerp_(
                [own[name] for name in moving], [theirs[name] for name in moving], 1 - momentum
            )
        for name in own.keys() - set(moving):
            own[name].copy_(theirs[name])


class KeyQueue(nn.Module):
    """The last K keys, first in first out; random directions until keys have come.

    With several processes it takes the keys of all of them, one process after the other, so that
    all hold the same queue. Keys and place are buffers: a resumed run has the same queue.

    Args:
        length: K.
        channels: C of a key.

    Raises:
        UsageError: the length is not positive.
    """

    keys: Tensor
    place: Tensor

    def __init__(self, length: int, channels: int) -> None:
        super().__init__()
        if length < 1:
            raise UsageError(f"a queue of {length} keys holds nothing; use at least 1")
        self.register_buffer("keys", F.normalize(torch.randn(length, channels), dim=1))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.keys)

    def negatives(self) -> Tensor:
        """(K, C) unit keys; a copy, because a gradient may need them after the next `push`."""
        return self.keys.clone()

    @torch.no_grad()
    def push(self, keys: Tensor) -> None:
        """Take the keys of a step in place of the oldest ones.

        Args:
            keys: (n, C) of this process, any length; they are normalised.
        """
        arrived, _ = gather(F.normalize(keys.detach().to(self.keys.dtype), dim=1))
        count = len(arrived)
        kept = arrived[-len(self) :]  # of more than fit, the last ones
        order = torch.arange(count - len(kept), count, device=self.keys.device)
        self.keys.index_copy_(0, (self.place + order) % len(self), kept)
        self.place.add_(count).remainder_(len(self))
