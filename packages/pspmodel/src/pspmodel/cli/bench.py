"""``pspmodel bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pspmodel.cli.options import device_option
from skeldata.commandline import PATH, Command, note

QUICK = {"labelled": 2, "unlabelled": 12, "width": 0.25, "rounds": 3}


@click.command(cls=Command)
@click.option("--recipe", default="psp-code", show_default=True, help="Recipe name or .toml file.")
@click.option("--store", type=PATH, help="Train on clips of a store instead of random ones.")
@click.option(
    "--synthetic", is_flag=True, help="Random clips with the shape of NTU (as without --store)."
)
@click.option(
    "--one-person",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="Share of random clips with one person.",
)
@click.option("--labelled", type=click.IntRange(min=1), help="Clips a step; default: the recipe's.")
@click.option("--unlabelled", type=click.IntRange(min=1), help="Likewise.")
@click.option("--width", type=float, help="Factor on the network's widths, e.g. 0.25.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As in train.")
@device_option
@click.option(
    "--precision",
    default="fp32,bf16",
    show_default=True,
    help="Of ours, separated by commas; the baseline is fp32.",
)
@click.option("--compile", "compiled", is_flag=True, help="Also through torch.compile.")
@click.option(
    "--steps", "rounds", type=click.IntRange(min=1), help="Measurements of each.  [default: 5]"
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights and clips."
)
@click.option("--quick", is_flag=True, help="Small batches, a narrow network: under a minute.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(
    store: Path | None,
    synthetic: bool,
    precision: str,
    compiled: bool,
    quick: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compare training with a plain implementation of the released recipe.

    Both run on the same clips and weights. First losses and gradients are compared, then the two
    are timed in alternation, on a CPU each in a process of its own. The baseline is the released
    recipe written out literally: fp32, absent bodies passed through as zeros, attention maps
    expanded entry by entry, evaluation through everything.

    \b
    Examples:
      pspmodel bench --quick
      OMP_NUM_THREADS=1 pspmodel bench --labelled 2 --unlabelled 20
      pspmodel bench --device cuda --compile --json
      pspmodel bench --store ntu.zarr --set data.absent_bodies=drop
    """
    import json
    from contextlib import ExitStack
    from dataclasses import asdict

    from pspmodel.bench.compare import compare
    from pspmodel.bench.contest import Settings
    from pspmodel.errors import UsageError
    from skeldata.progress import Progress

    if synthetic and store is not None:
        raise UsageError("--synthetic and --store were both given; choose one")
    precisions = precision.split(",")
    if unknown := set(precisions) - {"fp32", "bf16"}:
        raise UsageError(f"--precision {min(unknown)!r} is unknown; use fp32, bf16 or fp32,bf16")
    for name, value in QUICK.items():
        if quick and options[name] is None:
            options[name] = value
    rounds = options.pop("rounds") or 5
    with ExitStack() as stack:
        shown: list[Progress] = []

        def started(total: int) -> None:
            shown.append(stack.enter_context(Progress(total, "measuring", "measurements")))

        report = compare(
            Settings(store=store, **options),
            precisions=precisions,  # type: ignore[arg-type]
            compiled=compiled,
            rounds=rounds,
            say=note,
            started=started,
            advanced=lambda: shown[0].advance(),
        )
    click.echo(json.dumps(asdict(report), indent=2) if as_json else _text(report))


def _text(report: Any) -> str:
    baseline = report.figures[0].name
    lines = [
        f"{report.recipe}, {report.parameters:,} parameters, {report.clips}: "
        f"{report.labelled} labelled + {report.unlabelled} unlabelled a step, "
        f"{report.absent:.0%} of the bodies absent",
        f"{report.device}, PyTorch {report.torch}, {report.rounds} measurements each",
    ]
    if report.differences:
        lines.append(f"not compared with the baseline: {'; '.join(report.differences)}")
    else:
        (exact_loss, exact_gradient), (loss, gradient) = report.exact, report.rounded
        lines.append(
            f"equal to the baseline: in float64 losses to {exact_loss:.0e}, gradients to "
            f"{exact_gradient:.0e} (of their norm); in fp32 {loss:.0e} and {gradient:.0e}"
        )
    heads = ("step", "processor", "clips/s", "GFLOP/s", "TFLOP", "ops", "memory", "times")
    lines += [
        "",
        " " * 15 + "".join(f"{head:>10}" for head in (*heads, "of proc.", "evaluated", "times")),
    ]
    for row in report.figures:
        cells = (
            _duration(row.step_seconds),
            _duration(row.cpu_seconds),
            f"{row.clips_per_second:,.1f}",
            f"{row.flop_per_second / 1e9:,.0f}",
            f"{row.flop / 1e12:,.3f}",
            "-" if row.launches is None else f"{row.launches:,}",
            "-" if row.peak_bytes is None else f"{row.peak_bytes / 2**20:,.0f} MB",
            f"{row.ratio:.2f}",
            f"{row.cpu_ratio:.2f}",
            f"{row.evaluation_clips_per_second:,.1f}/s",
            f"{row.evaluation_ratio:.2f}",
        )
        lines.append(f"{row.name:15}" + "".join(f"{cell:>10}" for cell in cells))
    where = "its process" if report.device.startswith("CPU") else "GPU memory"
    lines += [
        "",
        f"times: how much faster than the {baseline}, median of pairs, by the clock and by processor "
        "time (of all threads: what counts on a busy machine)",
        f"ops: operations dispatched in a step; memory: most of {where}",
    ]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{1e3 * seconds:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"
