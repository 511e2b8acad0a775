"""``pspmodel sweep``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pspmodel.cli.options import device_option
from skeldata.commandline import PATH, Command, counted, note

_SOME_FAILED = 3


@click.command(cls=Command)
@click.option("--store", type=PATH, required=True, help="A store made by `skeldata prepare`.")
@click.option("--ratios", required=True, help="Shares of labels by commas, e.g. 0.05,0.15 or 5%.")
@click.option(
    "--recipe",
    "recipes",
    help="Recipes by commas, +NAME for an ablation; default: ours for the dataset.",
)
@click.option(
    "--split-seeds", default="0-4", show_default=True, help="Seeds of label draws, e.g. 0-4 or 0,3."
)
@click.option("--seeds", default="0", show_default=True, help="Training seeds, e.g. 0-2.")
@click.option("--protocol", help="xsub, xview or xset; default: the dataset's first.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting in every run, e.g. optim.lr=0.05; repeat for several.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Runs at a time; several GPUs are dealt out in turn.",
)
@device_option
@click.option(
    "-o", "--out", type=PATH, help="Folder of the runs; default: runs/sweep-DATASET-PROTOCOL."
)
@click.option("--json", "as_json", is_flag=True, help="Print sweep.json instead of the table.")
@click.pass_context
def sweep(
    context: click.Context,
    store: Path,
    ratios: str,
    recipes: str | None,
    split_seeds: str,
    seeds: str,
    protocol: str | None,
    overrides: tuple[str, ...],
    jobs: int,
    device: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Train every combination of recipes, ratios, label draws and training seeds.

    \b
    Examples:
      pspmodel sweep --store ucla.zarr --ratios 0.05,0.15 --recipe psp-code,psp-paper
      pspmodel sweep --store ntu.zarr --ratios 5% --recipe psp-code+a1,psp-code+a2,psp-code+a3
      pspmodel sweep --store ntu.zarr --protocol xview --ratios 5%,10% --split-seeds 0-2 --jobs 4

    Each run is an ordinary run in the sweep's folder. Repeat the command to continue a sweep: finished
    runs are skipped, unfinished ones resumed, failed ones tried again. sweep.json and sweep.csv hold
    one row a run; `pspmodel report FOLDER` lays the means beside the published numbers.

    Exit codes: 0 all runs are finished; 3 some failed, the others are finished; 130 interrupted.
    """
    from pspmodel.sweep import plan_sweep, run_sweep, table_text
    from skeldata import parse_seeds

    plan = plan_sweep(
        store,
        recipes=None if recipes is None else _parts(recipes),
        ratios=_parts(ratios),
        split_seeds=parse_seeds(split_seeds),
        seeds=parse_seeds(seeds),
        protocol=protocol,
        overrides=overrides,
        device=device,
        out=out,
    )
    note(f"{counted(len(plan.runs), 'run')} in {plan.out}")
    for remark in plan.notes:
        note(f"note: {remark}")
    failures = run_sweep(plan, jobs=jobs, say=note)
    content = json.loads((plan.out / "sweep.json").read_text("utf-8"))
    for warning in content["warnings"]:
        note(f"note: {warning}")
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        click.echo(table_text(plan.out))
        note(
            "top-1 on the test set in per cent, mean ± sample standard deviation over n label draws"
        )
    if failures:
        failed = f"{counted(len(failures), 'run')} of {len(plan.runs)} failed"
        note(f"{failed}; sweep.csv says why, the same command tries again")
        context.exit(_SOME_FAILED)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
