"""``skeldata splits compare``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skeldata.cli.splits.common import EXIT_MISMATCH, summary
from skeldata.commandline import PATH, Command

if TYPE_CHECKING:
    from skeldata.splits import Comparison, Split


@click.command(cls=Command)
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@click.option("--dataset", help="Of bare lists, if neither side says it.")
@click.option("--names", "with_names", is_flag=True, help="Also print the names that differ.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 if the names differ.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all names.")
def compare(
    a: Path, b: Path, dataset: str | None, with_names: bool, exit_code: bool, as_json: bool
) -> None:
    """Compare two splits: manifests, lists, or published lists by name.

    Says what the two state differently (protocol, rule, ratio, seed ...), how many names are in one
    or in both, for which classes, and last whether they are the same split.

    \b
    Examples:
      skeldata splits compare ours.json theirs.json
      skeldata splits compare ours.json x-car --names
    """
    from skeldata.splits import compare_splits

    first, second = _read_both(a, b, dataset)
    found = compare_splits(first, second)
    if as_json:
        content = {
            "identical": found.identical,
            "verdict": found.verdict,
            "a": summary(first),
            "b": summary(second),
            "differ": found.differ,
            "only_a": found.only_a,
            "only_b": found.only_b,
            "both": found.both,
            "per_class": found.per_class,
        }
        click.echo(json.dumps(content, indent=2))
    else:
        for line in _lines(first, second, found, with_names):
            click.echo(line)
    if exit_code and not found.identical:
        raise SystemExit(EXIT_MISMATCH)


def _lines(a: Split, b: Split, found: Comparison, with_names: bool) -> Iterator[str]:
    for side, split in (("A", a), ("B", b)):
        count = "" if split.ratio is None else f" ({split.count:,} names)"
        yield f"{side}: {split.title}{count}  {split.digest}"
        if split.source is not None:
            yield f"   {split.source}"
    for key, (one, other) in found.differ.items():
        yield f"{key}: {_said(one)} in A, {_said(other)} in B"
    yield (
        f"names: {len(found.only_a):,} only in A, {len(found.only_b):,} only in B, "
        f"{len(found.both):,} in both"
    )
    for label, (only_a, only_b, both) in found.per_class.items():
        yield (
            f"  class {label} ({found.dataset.classes[label]}): "
            f"{only_a} only in A, {only_b} only in B, {both} in both"
        )
    if with_names:
        for mark, names in (("A", found.only_a), ("B", found.only_b)):
            yield from (f"  {mark} {name}" for name in names)
    yield found.verdict


def _said(value: str | int | None) -> str:
    return "not stated" if value is None else str(value)


def _read_both(a: Path, b: Path, dataset: str | None) -> list[Split]:
    """Both splits; a bare list is of the dataset that the other side states."""
    from skeldata.splits import is_bare, read_manifest

    described = [path for path in (a, b) if not is_bare(path)]
    if dataset is None and len(described) == 1:
        dataset = read_manifest(described[0]).dataset
    return [read_manifest(path, dataset=dataset) for path in (a, b)]
