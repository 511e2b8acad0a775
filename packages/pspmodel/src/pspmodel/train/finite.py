"""Whether weights may still be saved: a step can spoil them although its loss was finite."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pspmodel.collectives import largest
from pspmodel.errors import NonFiniteLossError


@torch.no_grad()
def check_weights(step: int, *modules: nn.Module | None) -> None:
    """Refuse parameters and buffers that are not finite, in one look; all processes agree.

    The host waits for the device here, so this stands before checkpoints and in no ordinary step.

    Args:
        step: 0-based, the last one done.
        modules: what is to be saved; None is passed over.

    Raises:
        NonFiniteLossError: something in them is nan or infinite, here or in another process.
    """
    flags = [
        tensor.isfinite().all()
        for module in modules
        if module is not None
        for tensor in _saved_numbers(module)
    ]
    spoiled = bool(flags) and not bool(torch.stack(flags).all())
    if largest(int(spoiled)):
        raise NonFiniteLossError(step, "weights", math.nan)


def _saved_numbers(module: nn.Module) -> list[Tensor]:
    return [tensor for tensor in module.state_dict().values() if tensor.is_floating_point()]
