"""``skeldata splits show|make|verify|compare``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skeldata.commandline import PATH, CommandGroup, counted, note
from skeldata.errors import UsageError

if TYPE_CHECKING:
    from skeldata.datasets import Dataset
    from skeldata.splits import Split

EXIT_MISMATCH = 4
_RULES = click.Choice(["assl", "proportional"])


@click.group(cls=CommandGroup)
def splits() -> None:
    """Draw, write, verify and compare label splits."""


def _draw_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed((
        click.option("--protocol", help="xsub, xview or xset; may be left out where there is one."),
        click.option("--rule", type=_RULES, default="assl", show_default=True,
                     help="Fixed counts per class, or the same share of every class."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    )):  # fmt: skip
        command = option(command)
    return command


@splits.command()
@click.option("--dataset", required=True, help="ntu60, ntu120 or nw-ucla.")
@click.option("--ratio", required=True, help='Labelled share, an exact decimal: "0.05" or "5%".')
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--digest", "only_digest", is_flag=True, help="Print only the digest.")
@_draw_options
def show(
    dataset: str,
    protocol: str | None,
    ratio: str,
    seed: int,
    rule: Any,
    only_digest: bool,
    as_json: bool,
) -> None:
    """Print the labelled names of a draw, one a line, sorted.

    No store is needed: the name lists ship with the package. The output is the list itself, so
    its sha256 is the digest.

    \b
    Examples:
      skeldata splits show --dataset nw-ucla --ratio 0.05
      skeldata splits show --dataset ntu60 --protocol xsub --ratio 10% --seed 3 --digest
    """
    from skeldata.datasets import get_dataset
    from skeldata.splits import draw

    facts = get_dataset(dataset)
    split = draw(dataset, _protocol(facts, protocol), ratio, seed, rule)
    for warning in split.warnings:
        note(f"warning: {warning}")
    if as_json:
        click.echo(json.dumps(_summary(split) | {"names": split.names}, indent=2))
    elif only_digest:
        click.echo(split.digest)
    else:
        click.echo("\n".join(split.names))


@splits.command()
@click.option("--dataset", help="ntu60, ntu120 or nw-ucla; may be left out with --store.")
@click.option("--store", type=PATH, help="Draw for this store's names.")
@click.option("--ratio", "ratios", required=True, help='One or several: "0.05,0.1" or "5%,10%".')
@click.option("--seeds", default="0", show_default=True, help='E.g. "0-4" or "0,2,7".')
@click.option("--out", type=PATH, required=True, help="Folder to write into.")
@_draw_options
def make(
    dataset: str | None,
    store: Path | None,
    protocol: str | None,
    ratios: str,
    seeds: str,
    rule: Any,
    out: Path,
    as_json: bool,
) -> None:
    """Write manifests: for each ratio and seed a list of names and a JSON beside it.

    \b
    Examples:
      skeldata splits make --dataset ntu60 --protocol xsub --ratio 0.05,0.1 --seeds 0-4 --out splits
      skeldata splits make --store ucla.zarr --ratio 5% --out splits
    """
    from skeldata.datasets import get_dataset
    from skeldata.splits import draw, parse_ratio, parse_seeds, training_names, write_split

    names = None
    if store is not None:
        stored, names = _stored(store)
        if dataset not in (None, stored):
            raise UsageError(f"{store} is a store of {stored}, not of {dataset}; drop --dataset")
        dataset = stored
    if dataset is None:
        raise UsageError("give --dataset or --store")
    name = _protocol(get_dataset(dataset), protocol)
    own = None if names is None else training_names(dataset, name, names)
    terms = [
        (ratio, seed)
        for ratio in dict.fromkeys(map(parse_ratio, ratios.split(",")))
        for seed in parse_seeds(seeds)
    ]
    written = []
    for ratio, seed in terms:
        split = draw(dataset, name, ratio, seed, rule, own)
        path = write_split(split, out)
        for warning in split.warnings:
            note(f"warning: {path.name}: {warning}")
        written.append(_summary(split) | {"file": str(path)})
        if not as_json:
            click.echo(f"{path}  {counted(split.count, 'name')}  {split.digest}")
    if as_json:
        click.echo(json.dumps(written, indent=2))


@splits.command()
@click.argument("paths", nargs=-1, required=True, type=PATH)
@click.option("--store", type=PATH, help="Also check against this store's names.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(paths: tuple[Path, ...], store: Path | None, as_json: bool) -> None:
    """Verify manifests, indexes, lists they describe, or folders of them.

    Counts, digests, names and protocol are checked, and what was drawn is drawn again. Prints
    one line a finding; exit code 4 if there is any.

    \b
    Examples:
      skeldata splits verify data_manifests
      skeldata splits verify splits/ntu60-xsub-assl-ratio0.05-seed0.json --store ntu.zarr
    """
    from skeldata.splits import examine

    names = None if store is None else _stored(store)[1]
    results = [examine(path, names) for path in paths]
    findings = [finding for result in results for finding in result.findings]
    lists, redrawn = sum(r.lists for r in results), sum(r.redrawn for r in results)
    if as_json:
        rows = [{"file": f.file, "line": f.line, "problem": f.problem} for f in findings]
        click.echo(json.dumps({"lists": lists, "redrawn": redrawn, "findings": rows}, indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
    note(
        f"{counted(lists, 'list')} verified, {redrawn:,} drawn again, "
        f"{counted(len(findings), 'finding')}"
    )
    if findings:
        raise SystemExit(EXIT_MISMATCH)


@splits.command()
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@click.option("--dataset", help="Of bare lists, which do not say it.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 if the two differ.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the names.")
def compare(a: Path, b: Path, dataset: str | None, exit_code: bool, as_json: bool) -> None:
    """Compare the names of two splits (manifests or lists).

    \b
    Example:
      skeldata splits compare ours.json theirs.txt --dataset ntu60
    """
    from skeldata.datasets import get_dataset
    from skeldata.splits import compare_splits, read_manifest

    first, second = (read_manifest(path, dataset=dataset) for path in (a, b))
    found = compare_splits(first, second)
    if as_json:
        content = {
            "identical": found.identical,
            "only_a": found.only_a,
            "only_b": found.only_b,
            "both": found.both,
            "per_class": found.per_class,
        }
        click.echo(json.dumps(content, indent=2))
    else:
        click.echo(f"A: {first.title}  {first.digest}")
        click.echo(f"B: {second.title}  {second.digest}")
        click.echo(
            f"only in A {len(found.only_a):,}, only in B {len(found.only_b):,}, "
            f"in both {len(found.both):,}: {'identical' if found.identical else 'different'}"
        )
        wider = max(first, second, key=lambda split: len(split.per_class))
        classes = get_dataset(wider.dataset).classes
        for label, (only_a, only_b, both) in found.per_class.items():
            click.echo(
                f"  class {label:3} ({classes[label]}): "
                f"only in A {only_a}, only in B {only_b}, in both {both}"
            )
    if exit_code and not found.identical:
        raise SystemExit(EXIT_MISMATCH)


def _protocol(dataset: Dataset, name: str | None) -> str:
    """The protocol asked for, or the only one there is."""
    if name is not None:
        return dataset.protocol(name).name
    if len(dataset.protocols) > 1:
        known = ", ".join(dataset.protocols)
        raise UsageError(f"{dataset.id} has several protocols; give --protocol, one of: {known}")
    return next(iter(dataset.protocols))


def _stored(path: Path) -> tuple[str, tuple[str, ...]]:
    """Dataset id and sample names of a store."""
    from skeldata.store import open_store

    store = open_store(path)
    return store.dataset.id, tuple(store.names)


def _summary(split: Split) -> dict[str, Any]:
    from skeldata.splits import format_ratio

    return {
        "dataset": split.dataset,
        "protocol": split.protocol,
        "rule": split.rule,
        "ratio": None if split.ratio is None else format_ratio(split.ratio),
        "seed": split.seed,
        "base": split.base,
        "count": split.count,
        "digest": split.digest,
        "per_class": split.per_class,
        "warnings": split.warnings,
    }
