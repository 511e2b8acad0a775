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

    momentum: float
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

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
        mean, variance, count = batch_statistics(x.detach(), weights.double())
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            unbiased = variance * (count / (count - 1))
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_(unbiased.to(self.running_var), self.momentum)
        known = (part.to(self.weight) for part in (mean, variance, count))
        y: Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
            x, self.weight, self.bias, *known, weights, self.eps
        )
        return y


class StreamNorm(nn.Module):
    """A batch norm for each of several streams, whose samples lie one stream after the other."""

    def __init__(self, features: int, streams: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(BatchNorm2d(features) for _ in range(streams))

    def forward(self, x: Tensor) -> Tensor:
        """(S P, C, T, V) -> (S P, C, T, V)."""
        parts = x.chunk(len(self.norms))
        own = [None] * len(parts) if _weights is None else _weights.chunk(len(parts))
        normalised = []
        for norm, part, weights in zip(self.norms, parts, own, strict=True):
            with sample_weights(weights):
                normalised.append(norm(part))
        return torch.cat(normalised)


def split_norms(module: nn.Module, streams: int) -> None:
    """Replace every batch norm inside a module by one for each stream."""
    for name, child in module.named_children():
        if isinstance(child, BatchNorm2d):
            setattr(module, name, StreamNorm(child.num_features, streams))
        else:
            split_norms(child, streams)


def batch_statistics(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and biased variance of each channel over the samples of all processes.

    Args:
        x: (P, C, T, V) of this process.
        weights: (P,) float64.

    Returns:
        mean (C,), variance (C,) and the number of values of a channel, a scalar; all float64.
    """
    places = x.shape[2] * x.shape[3]
    means, variances = (part.double() for part in _of_each_sample(x))
    # float64 makes E[x^2] - E[x]^2 harmless between samples, so that what is exchanged is a plain
    # sum, whatever number of samples a process has.
    moments = torch.stack((torch.ones_like(means), means, variances + means.square()))
    count, first, second = add_up(places * torch.einsum("p,spc->sc", weights, moments))
    mean = first / count
    return mean, (second / count - mean.square()).clamp(min=0), count[0]


def _of_each_sample(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each sample's channels, (P, C) each, in float32 at least."""
    wide = torch.promote_types(x.dtype, torch.float32)
    if x.device.type == "cpu" and not torch.compiler.is_compiling():
        # Sample by sample this is twenty times as fast as var_mean on channels-last features. It
        # computes in the precision of the two running statistics, given for nothing else.
        ignored = x.new_zeros(2, x.shape[1], dtype=wide)
        found = [
            torch.batch_norm_update_stats(one, ignored[0], ignored[1], 0.0)
            for one in torch.split(x, 1)
        ]
        mean, variance = (torch.stack(part) for part in zip(*found, strict=True))
        return mean, variance
    variance, mean = torch.var_mean(x.to(wide), dim=(2, 3), correction=0)
    return mean, variance


class _Normalise(torch.autograd.Function):
    """Batch normalisation with given statistics whose gradient passes through them to ``x``.

    ``count`` is the number of values of a channel in the batch, each counted as ``weights`` (P,) say.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        weights: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance, count, weights)
        ctx.eps = eps
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance, count, weights = ctx.saved_tensors
        # With fixed statistics, torch's own kernel gives the gradient and both sums in one pass.
        direct, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], x, weight, mean, variance, None, None, False, ctx.eps, [True] * 3
        )
        # But every value moved the statistics of all processes' outputs: by its share of
        # constant + slope * normalised x, which is a batch norm again.
        scale = weight * torch.rsqrt(variance + ctx.eps) / count
        slope, constant = scale * add_up(torch.stack((for_weight, for_bias)))
        through = F.batch_norm(x, mean, variance, slope, constant, training=False, eps=ctx.eps)
        often = weights.to(x.dtype)[:, None, None, None]
        return direct.addcmul_(through, often, value=-1), for_weight, for_bias, *[None] * 5
