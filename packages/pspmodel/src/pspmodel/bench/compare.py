"""The comparison: first that both sides compute the same, then how long they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch

from pspmodel.bench.contest import Contest, Settings
from pspmodel.bench.flops import flops
from pspmodel.bench.lanes import BASELINE, Lane, Variant, Work, lane
from pspmodel.bench.measure import alternate, ratio
from pspmodel.bench.sides import OurSide, PlainSide, Precision, agreement
from pspmodel.errors import PspmodelError
from pspmodel.train.memory import lower_batches, memory_advice

EXACT = 1e-6
"""How far losses and gradients may be apart in float64: both compute the same."""

ROUNDED = 1e-2
"""How far losses may be apart in fp32, where a GPU may use TF32; gradients are only reported: they
pass eight blocks and a temperature of 0.07, which make a thousand roundings of one."""


@dataclass(frozen=True)
class Figures:
    """What was measured of a variant.

    Attributes:
        name: of the variant.
        step_seconds: of a training step, median, by the clock.
        cpu_seconds: likewise, of the processor; see `Seconds`.
        clips_per_second: clips trained a second.
        flop: counted operations of a step, see `flops`.
        flop_per_second: of a step.
        launches: operations dispatched in a step, None where compiled.
        peak_bytes: GPU memory, or main memory of its process; None if that cannot be said.
        ratio: how many times faster than the baseline, by the clock, median of pairs.
        cpu_ratio: likewise, by processor time.
        evaluation_clips_per_second: clips predicted a second.
        evaluation_ratio: how many times faster than the baseline's evaluation.
    """

    name: str
    step_seconds: float
    cpu_seconds: float
    clips_per_second: float
    flop: int
    flop_per_second: float
    launches: int | None
    peak_bytes: int | None
    ratio: float
    cpu_ratio: float
    evaluation_clips_per_second: float
    evaluation_ratio: float


@dataclass(frozen=True)
class Report:
    """The whole comparison.

    Attributes:
        recipe, clips: what was trained, on what.
        device: where, in words.
        torch: its version.
        parameters: of our network.
        labelled, unlabelled: clips of a step.
        absent: share of absent bodies in it.
        rounds: measurements of each variant.
        differences: settings that make the recipe another mathematics than the baseline's; when
            there are any the two were not compared.
        exact: how far losses and gradients are apart in float64 on four clips, see `agreement`;
            None if not compared.
        rounded: likewise in fp32 on all clips.
        figures: of the baseline first.
    """

    recipe: str
    clips: str
    device: str
    torch: str
    parameters: int
    labelled: int
    unlabelled: int
    absent: float
    rounds: int
    differences: list[str]
    exact: tuple[float, float] | None
    rounded: tuple[float, float] | None
    figures: list[Figures]


def compare(
    settings: Settings,
    *,
    precisions: Sequence[Precision] = ("fp32", "bf16"),
    compiled: bool = False,
    rounds: int = 5,
    say: Callable[[str], object] = lambda _: None,
    started: Callable[[int], object] = lambda _: None,
    advanced: Callable[[], object] = lambda: None,
) -> Report:
    """Compare our training with the plain implementation, on one device, in one run.

    Args:
        settings: what to train.
        precisions: of ours.
        compiled: also through ``torch.compile``.
        rounds: measurements of each variant, in alternation.
        say: called with what begins.
        started: called with the number of measurements before the first.
        advanced: called after each of them.

    Raises:
        PspmodelError: the two do not compute the same.
        OutOfMemoryError: a step needs more memory than there is.
        UsageError, ConfigError: see `Contest`.
    """
    contest = Contest(settings)
    advice = lower_batches(contest.config.train)
    with memory_advice("the comparison", contest.device, advice):
        differences = contest.differences()
        exact = rounded = None
        if not differences:
            say("checking that both compute the same")
            exact = _agreement(contest.few(), "fp64")
            rounded = _agreement(contest, "fp32")
            _check(exact, rounded)

        variants = [Variant(None), *(Variant(precision) for precision in precisions)]
        if compiled:
            variants += [Variant(precision, compiled=True) for precision in precisions]
        with ExitStack() as stack:
            lanes = {
                variant.name: stack.enter_context(lane(contest, variant)) for variant in variants
            }
            counts: dict[str, int | None] = {}
            for name, one in lanes.items():
                say(f"{name}: warming up")
                counts[name] = one.warm_up()
            started(2 * rounds * len(variants))
            training, training_cpu = _times(lanes, "step", rounds, advanced)
            peaks = {name: one.peak() for name, one in lanes.items()}
            evaluation, _ = _times(lanes, "evaluate", rounds, advanced)

    reference = OurSide(contest)
    network = reference.method.network
    work = {
        name: contest.plain_flops() if name == BASELINE else flops(network, reference.shapes())
        for name in lanes
    }
    labelled, unlabelled = len(contest.source.labelled), len(contest.source.unlabelled)
    figures = [
        Figures(
            name=name,
            step_seconds=(step := median(training[name])),
            cpu_seconds=median(training_cpu[name]),
            clips_per_second=(labelled + unlabelled) / step,
            flop=work[name],
            flop_per_second=work[name] / step,
            launches=counts[name],
            peak_bytes=peaks[name],
            ratio=ratio(training[BASELINE], training[name]),
            cpu_ratio=ratio(training_cpu[BASELINE], training_cpu[name]),
            evaluation_clips_per_second=unlabelled / median(evaluation[name]),
            evaluation_ratio=ratio(evaluation[BASELINE], evaluation[name]),
        )
        for name in lanes
    ]
    return Report(
        recipe=contest.config.recipe,
        clips=contest.source.name,
        device=_words(contest.device),
        torch=torch.__version__,
        parameters=sum(p.numel() for p in reference.method.parameters()),
        labelled=labelled,
        unlabelled=unlabelled,
        absent=contest.source.absent,
        rounds=rounds,
        differences=differences,
        exact=exact,
        rounded=rounded,
        figures=figures,
    )


def _times(
    lanes: Mapping[str, Lane], work: Work, rounds: int, advanced: Callable[[], object]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds by the clock and of the processor, for each name in each round."""
    timers = {name: partial(one.timed, work) for name, one in lanes.items()}
    times = alternate(timers, rounds, advanced)
    wall = {name: [time.wall for time in taken] for name, taken in times.items()}
    return wall, {name: [time.cpu for time in taken] for name, taken in times.items()}


def _agreement(contest: Contest, precision: Precision) -> tuple[float, float]:
    ours = OurSide(contest, precision)
    return agreement(ours, PlainSide(contest, ours.method))


def _check(exact: tuple[float, float], rounded: tuple[float, float]) -> None:
    # Written so that nan fails.
    if not (max(exact) <= EXACT and rounded[0] <= ROUNDED):
        raise PspmodelError(
            f"ours and the baseline differ: in float64 losses by {exact[0]:.1e} and gradients by "
            f"{exact[1]:.1e} (allowed {EXACT:.0e}), in fp32 losses by {rounded[0]:.1e} (allowed "
            f"{ROUNDED:.0e}); a speed-up of something else is none: run the tests of pspmodel"
        )


def _words(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' * (threads > 1)}"
