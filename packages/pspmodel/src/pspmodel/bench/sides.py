"""The two sides of the comparison, on the same clips and weights: the plain one and ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from pspmodel.bench.baseline import PlainPSP, released_order
from pspmodel.bench.batches import Rows
from pspmodel.bench.contest import SIZES, Contest
from pspmodel.bench.flops import Shapes
from pspmodel.data.clips import Clips
from pspmodel.methods import Step, build
from pspmodel.methods.psp import PSP
from pspmodel.nn.encoder import compile_encoders
from pspmodel.nn.psp import PSPNetwork

Precision = Literal["fp64", "fp32", "bf16"]
"""``fp64`` is only for the proof that both compute the same."""


class Side:
    """A network with its optimiser, and what is timed of it.

    Attributes:
        method: our method, or the plain network.
    """

    method: nn.Module

    def __init__(self, contest: Contest, method: nn.Module, *, fused: bool) -> None:
        self.contest = contest
        self.method = method.to(contest.device)
        optim = contest.config.optim
        # The rate of a run would soon lead random clips astray; time does not depend on it.
        self._optimizer = torch.optim.SGD(
            self.method.parameters(),
            lr=1e-6,
            momentum=optim.momentum,
            weight_decay=optim.weight_decay,
            nesterov=optim.nesterov and optim.momentum > 0,
            fused=fused,
            foreach=None if fused else False,
        )

    def losses(self) -> Mapping[str, Tensor]:
        """Terms of one step."""
        raise NotImplementedError

    def predict(self) -> Tensor:
        """Logits of the unlabelled clips, in the mode that the network is in."""
        raise NotImplementedError

    def step(self) -> None:
        """One training step."""
        loss = torch.stack(list(self.losses().values())).sum()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()

    @torch.inference_mode()
    def evaluate(self) -> None:
        """One evaluation batch."""
        self.method.eval()
        self.predict()
        self.method.train()


class PlainSide(Side):
    """The plain implementation; its batch is ready before the clock starts.

    Args:
        contest: what is compared.
        ours: whose weights and precision to take; None draws weights in fp32.
    """

    method: PlainPSP

    def __init__(self, contest: Contest, ours: PSP | None = None) -> None:
        options = contest.options
        torch.manual_seed(contest.settings.seed)
        network = PlainPSP(
            contest.facts.layout,
            contest.facts.classes,
            blocks=contest.blocks,
            **{name: getattr(options, name) for name in SIZES},
        )
        if ours is not None:
            network.load(ours.network.state_dict())
        dtype = torch.float32 if ours is None else next(ours.parameters()).dtype
        super().__init__(contest, network.to(dtype), fused=False)
        rows = contest.source
        self._labelled = rows.dense(rows.labelled, contest.device, dtype)
        self._unlabelled = rows.dense(rows.unlabelled, contest.device, dtype)
        self._labels = contest.data.labels_of(contest.source.labelled)

    def losses(self) -> Mapping[str, Tensor]:
        """Terms of one step."""
        return self.method.losses(self._labelled, self._labels, self._unlabelled)

    def predict(self) -> Tensor:
        """Logits of the unlabelled clips."""
        return self.method.predict(self._unlabelled)


class OurSide(Side):
    """Ours; batches are gathered from the resident clips within the time."""

    method: PSP

    def __init__(
        self, contest: Contest, precision: Precision = "fp32", *, compiled: bool = False
    ) -> None:
        torch.manual_seed(contest.settings.seed)
        method = build(contest.config, contest.facts)
        assert isinstance(method, PSP)
        super().__init__(contest, method.double() if precision == "fp64" else method, fused=True)
        self._precision = precision
        if compiled:
            compile_encoders(method)  # as training does, so that its time is measured

    def losses(self) -> Mapping[str, Tensor]:
        """Terms of one step."""
        rows = self.contest.source
        labels = self.contest.data.labels_of(rows.labelled)
        with self._autocast():
            step = Step(
                "joint", self._clips(rows.labelled), labels, (self._clips(rows.unlabelled),)
            )
            return self.method.losses(step)

    def predict(self) -> Tensor:
        """Logits of the unlabelled clips."""
        with self._autocast():
            return self.method.predict(self._clips(self.contest.source.unlabelled))

    def _clips(self, rows: Rows) -> Clips:
        clips = self.contest.data.clips(rows)
        if self._precision == "fp64":
            clips = replace(clips, streams={s: x.double() for s, x in clips.streams.items()})
        return clips

    def _autocast(self) -> torch.autocast:
        enabled = self._precision == "bf16"
        return torch.autocast(self.contest.device.type, torch.bfloat16, enabled=enabled)

    def shapes(self) -> Shapes:
        """What a training step sends through the network."""
        with torch.no_grad(), _rows_seen(self.method.network) as rows:
            self.losses()
        contrasted = len(self.contest.source.unlabelled)
        return Shapes(self.contest.facts.frames, **rows, contrasted=contrasted)


@contextmanager
def _rows_seen(network: PSPNetwork) -> Iterator[dict[str, int]]:
    """Count the rows that go through each part of the network."""
    parts = {
        "encoded": network.encoder,
        "classified": network.classifier,
        "attended": network.pyramid,
        "projected": network.projection,
    }
    rows = dict.fromkeys(parts, 0)

    def count(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            rows[name] += len(inputs[0])

        return hook

    hooks = [
        part.register_forward_pre_hook(count(name))
        for name, part in parts.items()
        if part is not None
    ]
    try:
        yield rows
    finally:
        for hook in hooks:
            hook.remove()


def agreement(ours: OurSide, plain: PlainSide) -> tuple[float, float]:
    """How far losses and gradients of the two are apart for the same clips and weights.

    Returns:
        The largest relative difference of a loss term, and the norm of the difference of all
        gradients relative to their norm.
    """
    theirs, mine = plain.losses(), ours.losses()
    apart = max(float(((mine[name] - term) / term).detach().abs()) for name, term in theirs.items())
    for side, terms in ((plain, theirs), (ours, mine)):
        side.method.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    parameters = dict(plain.method.named_parameters())
    heads = ours.contest.options.heads
    difference = norm = 0.0
    for name, parameter in ours.method.network.named_parameters():
        expected = parameters[name].grad
        assert expected is not None
        assert parameter.grad is not None
        found = released_order(name, parameter.grad, heads)
        difference += float((found - expected).double().square().sum())
        norm += float(expected.double().square().sum())
    return apart, (difference / norm) ** 0.5
