"""``pspmodel report``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pspmodel.cli.options import device_option
from skeldata.commandline import PATH, Command, note

_NONE_FINISHED = 3


@click.command(cls=Command)
@click.argument("runs", type=PATH, nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="The page (.html), or a picture of the learning curves (.png, .svg, .pdf); default: "
    "report.html in the run's or the sweep's folder, or here.",
)
@click.option("--store", type=PATH, help="For one run: its store, if it was moved.")
@click.option(
    "--weights/--no-weights",
    default=True,
    help="For one run: whether to ask its weights for single streams, attention and features, which "
    "takes an evaluation of the test clips.",
)
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def report(
    context: click.Context,
    runs: tuple[Path, ...],
    out: Path | None,
    store: Path | None,
    weights: bool,
    device: str,
    as_json: bool,
) -> None:
    """Write the page of a run again, or lay several runs beside the published numbers.

    \b
    Examples:
      pspmodel report runs/nw-ucla-xview-tiny-0.05-split0-seed0
      pspmodel report runs/ucla --store moved/ucla.zarr -o ucla.html
      pspmodel report runs/sweep-nw-ucla-xview
      pspmodel report runs/psp-* runs/supervised-* -o comparison.html
      pspmodel report runs/sweep-nw-ucla-xview -o curves.svg

    The page of one run has what training wrote there, and accuracies of single streams, attention maps
    (of PSP) and a t-SNE map of features (with scikit-learn), for which store and checkpoint must be at
    hand; where something lacks, the page says what.

    A folder that holds runs, such as a sweep's, stands for all of them. For several runs the page has
    mean and spread over label draws for each dataset, protocol, ratio and setting; beside it lie its
    numbers, under its name with .json and .csv. Published numbers stand beside runs on the official
    set; not beside those on a part of it, on labels drawn otherwise, or told of the cameras.

    Of an unfinished run the page has what there is, and how to go on with it.

    Exit codes: 0 done; 3 the page is written, but none of the runs is finished.
    """
    from pspmodel.errors import UsageError
    from pspmodel.figures.style import SUFFIXES
    from pspmodel.report import render_run, write_comparison, write_curves
    from pspmodel.report.records import find_runs, is_run, read_run
    from pspmodel.report.unfinished import how_to_go_on, unfinished
    from skeldata.progress import Progress

    records = [read_run(folder) for folder in find_runs(runs)]
    if out is not None and out.suffix.lower() in SUFFIXES:
        write_curves(records, out)
        click.echo(str(out))
        return
    none_finished = not any(record.finished for record in records)
    if len(runs) == 1 and is_run(runs[0]):
        with Progress(None, "evaluating", "clips") as progress:

            def advanced(done: int, total: int) -> None:
                if progress.total is None:
                    progress.begin(total)
                progress.update(done)

            target = render_run(
                runs[0], out, store, weights=weights, device=device, advanced=advanced
            )
        for line in unfinished(records[0]):
            note(f"note: {line}:\n  {how_to_go_on(records[0])}")
        if not as_json:
            click.echo(str(target))
        elif records[0].report is None:
            click.echo(json.dumps(records[0].row(), indent=2))
        else:
            click.echo((runs[0] / "report.json").read_text("utf-8").rstrip())
        if none_finished:
            context.exit(_NONE_FINISHED)
        return
    if store is not None:
        raise UsageError("--store is for the page of one run; several are read without stores")
    if out is None:
        out = (runs[0] if len(runs) == 1 else Path()) / "report.html"
    content = write_comparison(records, out)
    for warning in content["warnings"]:
        note(f"note: {warning}")
    if as_json:
        note(str(out))
        click.echo(json.dumps(content, indent=2))
    else:
        click.echo(str(out))
    if none_finished:
        note("note: none of the runs is finished, so there are no accuracies to compare")
        context.exit(_NONE_FINISHED)
