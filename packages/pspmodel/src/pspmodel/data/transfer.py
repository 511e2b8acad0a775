"""Numbers of the CPU on their way to the training device."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def to_device(numbers: NDArray[Any], device: torch.device) -> Tensor:
    """A tensor of numbers on a device; a GPU gets them without the CPU waiting for its work."""
    tensor = torch.from_numpy(numbers)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
