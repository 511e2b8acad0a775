"""The optimiser of a stage."""

from __future__ import annotations

import torch
from torch import nn

from pspmodel.config import OptimConfig


def make_optimizer(optim: OptimConfig, method: nn.Module) -> torch.optim.Optimizer:
    """SGD or AdamW over all parameters that are to be trained, fused into few kernels."""
    trained = [p for p in method.parameters() if p.requires_grad]
    groups = [{"params": trained, "weight_decay": optim.weight_decay}]
    if optim.decayed == "matrices":
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": optim.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
    if optim.kind == "adamw":
        return torch.optim.AdamW(groups, lr=optim.lr, betas=optim.betas, fused=True)
    return torch.optim.SGD(
        groups,
        lr=optim.lr,
        momentum=optim.momentum,
        nesterov=optim.nesterov and optim.momentum > 0,
        fused=True,
    )
