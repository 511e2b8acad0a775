"""``skeldata splits show`` and ``make``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skeldata.cli.splits.common import (
    JSON,
    PROTOCOL,
    RATIO,
    RULE,
    SEED,
    dataset_of,
    given,
    options,
    protocol_of,
    stored,
    summary,
)
from skeldata.commandline import PATH, Command, counted, note
from skeldata.errors import UsageError

if TYPE_CHECKING:
    from skeldata.splits import Split

_PUBLISHED = click.option(
    "--published",
    metavar="NAME",
    help='A list that its authors published, instead of a draw: "x-car".',
)


@click.command(cls=Command)
@click.option("--dataset", help="ntu60, ntu120 or nw-ucla.")
@options(PROTOCOL, RATIO, SEED, RULE, _PUBLISHED)
@click.option("--digest", "only_digest", is_flag=True, help="Print only the digest.")
@JSON
def show(
    dataset: str | None,
    protocol: str | None,
    ratio: str | None,
    seed: int,
    rule: Any,
    published: str | None,
    only_digest: bool,
    as_json: bool,
) -> None:
    """Print the labelled names of a draw or of a published list, one a line, sorted.

    No store is needed: the name lists ship with the package. The output is the list itself, so
    its sha256 is the digest.

    \b
    Examples:
      skeldata splits show --dataset nw-ucla --ratio 0.05
      skeldata splits show --dataset ntu60 --protocol xsub --ratio 10% --seed 3 --digest
      skeldata splits show --published x-car
    """
    from skeldata import splits
    from skeldata.datasets import get_dataset

    if published is not None:
        if terms := given("dataset", "protocol", "ratio", "seed", "rule"):
            raise UsageError(f"a published list has no {', '.join(terms)}; drop it")
        split = splits.published(published)
        note(f"source: {split.source}")
        note(f"credit: {split.credit}")
    elif dataset is None or ratio is None:
        raise UsageError("give --dataset and --ratio for a draw, or --published for a list")
    else:
        split = splits.draw(dataset, protocol_of(get_dataset(dataset), protocol), ratio, seed, rule)
    for warning in split.warnings:
        note(f"warning: {warning}")
    if split.rounding is not None:
        note(f"note: {split.rounding}")
    if as_json:
        click.echo(json.dumps(summary(split) | {"names": split.names}, indent=2))
    elif only_digest:
        click.echo(split.digest)
    else:
        click.echo("\n".join(split.names))


@click.command(cls=Command)
@click.option("--dataset", help="ntu60, ntu120 or nw-ucla; may be left out with --store.")
@click.option("--store", type=PATH, help="Draw for this store's names.")
@click.option("--ratio", "ratios", required=True, help='One or several: "0.05,0.1" or "5%,10%".')
@click.option(
    "--seeds", default="0", show_default=True, help='Seeds of the draws: "0-4" or "0,2,7".'
)
@click.option("-o", "--out", type=PATH, required=True, help="Folder to write into.")
@options(PROTOCOL, RULE, JSON)
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

    Names are drawn from the official list, so every lab gets the same. With a --store that holds less
    than 99 % of the official training names they are drawn from the store's own.

    \b
    Examples:
      skeldata splits make --dataset ntu60 --protocol xsub --ratio 0.05,0.1 --seeds 0-4 --out splits
      skeldata splits make --store ucla.zarr --ratio 5% --out splits
    """
    from skeldata.datasets import get_dataset
    from skeldata.splits import draw, parse_ratio, parse_seeds, training_names, write_split

    names = None
    if store is not None:
        of_store, names = stored(store)
        dataset = dataset_of(store, of_store, dataset)
    if dataset is None:
        raise UsageError("give --dataset or --store")
    name = protocol_of(get_dataset(dataset), protocol)
    own = None if names is None else training_names(dataset, name, names)
    terms = [
        (ratio, seed)
        for ratio in dict.fromkeys(map(parse_ratio, ratios.split(",")))
        for seed in parse_seeds(seeds)
    ]
    written = []
    remarks: dict[str, None] = {}
    for ratio, seed in terms:
        split = draw(dataset, name, ratio, seed, rule, own)
        path = write_split(split, out)
        for warning in split.warnings:
            note(f"warning: {path.name}: {warning}")
        if own is not None:
            remarks[_drawn_from(split)] = None
        if split.rounding is not None:
            remarks[split.rounding] = None
        written.append(summary(split) | {"file": str(path)})
        if not as_json:
            click.echo(f"{path}  {counted(split.count, 'name')}  {split.digest}")
    for remark in remarks:
        note(f"note: {remark}")
    if as_json:
        click.echo(json.dumps(written, indent=2))


def _drawn_from(split: Split) -> str:
    """Which names a draw for a store is from, and why."""
    from skeldata.splits import training_names

    if split.base == "official" or split.protocol is None:
        return f"drawn from {split.origin}, of which the store holds 99 % or more"
    official = len(training_names(split.dataset, split.protocol))
    return f"drawn from {split.origin}, less than 99 % of the {official:,} official ones"
