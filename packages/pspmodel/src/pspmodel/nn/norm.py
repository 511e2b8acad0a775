"""Batch normalisation over the persons of all processes, counting some of them several times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pspmodel.collectives import add_up, world_size
from pspmodel.errors import UsageError

# A plain global, which torch.compile understands; a process trains one network at a time.
_weights: Tensor | None = None


@contextmanager
def sample_weights(weights: Tensor | None) -> Iterator[None]:
    """Let each sample stand for several identical ones in the batch statistics of networks inside.

    With weight n a sample counts n times, exactly as if it stood in the batch n times, in the
    forward pass, the gradients and the running statistics; with weight 0 it only fills the batch.
    Evaluation, which has no batch statistics, is not touched.

    Args:
        weights: (P,) one a sample, not negative, not all 0; None changes nothing.
    """
    global _weights
    before, _weights = _weights, weights if weights is not None else _weights
    try:
        yield
    finally:
        _weights = before


class BatchNorm2d(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` whose batch is that of all processes and knows `sample_weights`.

    Exact for any number of samples on each process. One process without weights goes straight to
    torch. Parameters and buffers are torch's, so are their names.

    Raises:
        UsageError: there is not one weight a sample.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(features, eps, momentum)

    def forward(self, x: Tensor) -> Tensor:
        """(P, C, T, V) -> (P, C, T, V)."""
        if not self.training or (_weights is None and world_size() == 1):
            return super().forward(x)
        weights = _weights
        if weights is None:
            weights = x.new_ones(len(x), dtype=torch.float64)
        elif weights.shape != x.shape[:1]:
            raise UsageError(
                f"sample weights have shape {tuple(weights.shape)} for {len(x)} samples; "
                "give one weight a sample"
            )
        weights = weights.double()
        mean, variance, count = batch_statistics(x.detach(), weights)
        with torch.no_grad():
            self.num_batches_tracked.add_(1)  # type: ignore[operator, union-attr]
            unbiased = variance * (count / (count - 1))
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_(unbiased.to(self.running_var), self.momentum)
        mean, variance = mean.to(self.weight), variance.to(self.weight)
        share = (weights / count).to(self.weight)
        y: Tensor = _Normalise.apply(x, self.weight, self.bias, mean, variance, share, self.eps)
        return y


def batch_statistics(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and biased variance of each channel over the samples of all processes.

    Args:
        x: (P, C, T, V) of this process.
        weights: (P,) float64.

    Returns:
        mean (C,), variance (C,) and the number of values of a channel, a scalar; all float64.
    """
    places = x.shape[2] * x.shape[3]
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    # Accurate within a sample; between samples, float64 makes E[x^2] - E[x]^2 harmless, and what
    # is exchanged is a plain sum whatever number of samples a process has.
    variances, means = (part.double() for part in torch.var_mean(x, dim=(2, 3), correction=0))
    moments = torch.stack((torch.ones_like(means), means, variances + means.square()))
    count, first, second = add_up(places * torch.einsum("p,spc->sc", weights, moments))
    mean = first / count
    return mean, (second / count - mean.square()).clamp(min=0), count[0]


class _Normalise(torch.autograd.Function):
    """Affine normalisation with given statistics, its gradient passing through them to ``x``.

    ``share`` (P,) is the part that one value of a sample has in the mean.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        share: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance, share)
        ctx.eps = eps
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance, share = ctx.saved_tensors
        inverse = torch.rsqrt(variance + ctx.eps)
        # With fixed statistics: torch's own kernel gives dL/dx and both sums in one pass.
        direct, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], x, weight, mean, variance, None, None, False, ctx.eps, [True] * 3
        )
        # Through mean and variance: every process's samples moved them.
        by_unit, by_one = add_up(torch.stack((for_weight, for_bias)))
        scale = weight * inverse
        shares = share[:, None, None, None]
        centred = (x - mean[:, None, None]) * (scale * inverse * by_unit)[:, None, None]
        through = shares * (centred + (scale * by_one)[:, None, None])
        return (direct - through).to(x.dtype), for_weight, for_bias, None, None, None, None
