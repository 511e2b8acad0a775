"""The learning rate of every step."""

from __future__ import annotations

from pspmodel.config import OptimConfig


def learning_rate(optim: OptimConfig, epoch: int) -> float:
    """Rate of a 0-based epoch: linear warm-up, then a factor at each milestone (psp.md section 8).

    >>> settings = OptimConfig(lr=0.1, warmup_epochs=2, milestones=(5,))
    >>> [round(learning_rate(settings, epoch), 4) for epoch in (0, 1, 4, 5)]
    [0.05, 0.1, 0.1, 0.01]
    """
    passed = sum(epoch >= milestone for milestone in optim.milestones)
    warmup = min(1.0, (epoch + 1) / optim.warmup_epochs) if optim.warmup_epochs else 1.0
    return optim.lr * warmup * optim.decay**passed
