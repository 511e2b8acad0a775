"""The learning rate of every step."""

from __future__ import annotations

import math

from pspmodel.config import OptimConfig


def learning_rate(optim: OptimConfig, step: int, steps_per_epoch: int, steps: int) -> float:
    """Rate of a 0-based step.

    ``steps``: linear warm-up by epoch, then a factor at each milestone (psp.md section 8).
    ``cosine``: linear warm-up by step, then half a cosine down to zero behind the last step.

    Args:
        optim: the recipe's.
        step: of the stage.
        steps_per_epoch: of the stage.
        steps: of the stage in all.

    >>> settings = OptimConfig(lr=0.1, warmup_epochs=2, milestones=(5,))
    >>> [round(learning_rate(settings, 10 * epoch, 10, 100), 4) for epoch in (0, 1, 4, 5)]
    [0.05, 0.1, 0.1, 0.01]
    >>> settings = OptimConfig(lr=0.1, warmup_epochs=2, schedule="cosine")
    >>> [round(learning_rate(settings, step, 10, 100), 4) for step in (0, 19, 20, 60, 99)]
    [0.005, 0.1, 0.1, 0.05, 0.0]
    """
    if optim.schedule == "cosine":
        warm = optim.warmup_epochs * steps_per_epoch
        if step < warm:
            return optim.lr * (step + 1) / warm
        done = (step - warm) / max(1, steps - warm)
        return optim.lr * (1 + math.cos(math.pi * done)) / 2
    epoch = step // steps_per_epoch
    passed = sum(epoch >= milestone for milestone in optim.milestones)
    warmup = min(1.0, (epoch + 1) / optim.warmup_epochs) if optim.warmup_epochs else 1.0
    return optim.lr * warmup * optim.decay**passed
