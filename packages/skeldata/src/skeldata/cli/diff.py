"""``skeldata diff``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skeldata.commandline import PATH, Command

if TYPE_CHECKING:
    from skeldata.store.diff import StoreDifference

EXIT_DIFFERENT = 1


@click.command(cls=Command)
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@click.option("--names", is_flag=True, help="Also print one line a sample that differs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every sample that differs.")
def diff(a: Path, b: Path, names: bool, as_json: bool) -> None:
    """Compare two stores, sample by sample and step by step.

    For every sample in both the first step of the pipeline is named after which the two differ, as
    far as stores can tell: selection (source frames, bodies, their order), normalisation (one clip
    is the other, moved, scaled and turned), resampling (equal wherever frames coincide), rounding,
    or streams alone.

    \b
    Exit codes: 0 both hold the same samples, values and splits; 1 they differ;
    4 one of them is unreadable or damaged.

    \b
    Examples:
      skeldata diff ntu.zarr ntu-yaw.zarr
      skeldata diff ours.zarr theirs.zarr --names
    """
    from skeldata.progress import Progress
    from skeldata.store.diff import diff_stores

    with Progress(None, "comparing", "samples") as progress:

        def advanced(done: int, total: int) -> None:
            if progress.total is None:
                progress.begin(total)
            progress.update(done)

        found = diff_stores(a, b, advanced=advanced)
    if as_json:
        click.echo(json.dumps({"identical": found.identical} | asdict(found), indent=2))
    else:
        click.echo("\n".join(_lines(found, a, b, names)))
    if not found.identical:
        raise SystemExit(EXIT_DIFFERENT)


def _lines(found: StoreDifference, a: Path, b: Path, names: bool) -> list[str]:
    from skeldata.store.compare_clips import STEPS

    lines = [f"A: {a}", f"B: {b}"]
    lines += [f"{key}: {x} | {y}" for key, (x, y) in found.facts.items()]
    lines += [f"recipe {key}: {x} | {y}" for key, (x, y) in found.recipe.items()]
    lines += [f"stream {name}: only in one of them" for name in found.streams]
    lines.append(
        f"names: {found.common:,} in both, {len(found.only_a):,} only in A, "
        f"{len(found.only_b):,} only in B"
    )
    same = found.common - len(found.samples)
    lines.append(f"samples in both: {same:,} the same, {len(found.samples):,} differ")
    for step in STEPS:
        partings = [p for p in found.samples.values() if p.step == step]
        if partings:
            largest = max((p.largest for p in partings if p.largest is not None), default=None)
            apart = "" if largest is None else f", joints up to {largest:.3g} apart"
            lines.append(f"  {step:<13}  {len(partings):,}{apart}")
    lines += [f"column {name}: {count:,} rows differ" for name, count in found.columns.items()]
    lines += [f"split {line}" for line in found.splits]
    if names:
        lines += [f"{name}: only in A" for name in found.only_a]
        lines += [f"{name}: only in B" for name in found.only_b]
        lines += [f"{name}: {p.step}: {p.detail}" for name, p in found.samples.items()]
    lines.append("identical" if found.identical else "different")
    return lines
