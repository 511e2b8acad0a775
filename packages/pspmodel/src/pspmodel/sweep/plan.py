"""Which runs a sweep has, all resolved before the first one starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pspmodel.config import RunConfig
from pspmodel.data.selection import choose_split, protocol_of
from pspmodel.errors import ConfigError, UsageError
from pspmodel.methods import METHODS
from pspmodel.recipe import checked, default_recipe, load_config
from pspmodel.report.records import is_run, read_run
from skeldata import open_store, parse_ratio


@dataclass(frozen=True)
class Planned:
    """One run of a sweep.

    Attributes:
        name: of its folder.
        recipe: name or path, as given.
        ratio: exact decimal.
        split_seed: of the label draw.
        seed: of training.
    """

    name: str
    recipe: str
    ratio: str
    split_seed: int
    seed: int


@dataclass(frozen=True)
class Sweep:
    """What to run.

    Attributes:
        store: path of the store.
        protocol: resolved.
        out: folder of the runs.
        overrides: ``section.key=value`` texts for every run.
        device: auto, cpu or cuda.
        runs: in order of execution.
        identity: of each run by name: its resolved settings, store, protocol and split.
        notes: what the user should know about the draws, one line each.
    """

    store: Path
    protocol: str
    out: Path
    overrides: tuple[str, ...]
    device: str
    runs: tuple[Planned, ...]
    identity: dict[str, dict[str, Any]] = field(repr=False)
    notes: tuple[str, ...] = ()

    def folder(self, planned: Planned) -> Path:
        """Where a run lies."""
        return self.out / planned.name

    def is_done(self, planned: Planned) -> bool:
        """Whether a run is finished, with the very settings and data that the sweep asks for.

        Raises:
            CheckpointError: a file of the run is damaged.
        """
        if not is_run(self.folder(planned)):
            return False
        record = read_run(self.folder(planned))
        found = {
            "config": record.config,
            "store_digest": record.data["store_digest"],
            "protocol": record.data["protocol"],
            "split_digest": record.data["split"]["digest"],
        }
        return record.finished and found == self.identity[planned.name]


def plan_sweep(
    store: Path,
    *,
    recipes: Sequence[str] | None = None,
    ratios: Sequence[str],
    split_seeds: Sequence[int] = (0,),
    seeds: Sequence[int] = (0,),
    protocol: str | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
    out: Path | None = None,
) -> Sweep:
    """Resolve every run of a sweep, so that a wrong argument is known before the first one starts.

    Runs are ordered by label draw first: a sweep that was ended early still compares equal draws.

    Without recipes it is the dataset's own.

    Raises:
        UsageError: a wrong ratio or protocol, or two recipes of one name.
        ConfigError: an unknown recipe or an invalid setting.
        StoreError: there is no store.
    """
    for what, given in (("--recipe", recipes), ("--ratios", ratios)):
        if given is not None and not given:
            raise UsageError(f"{what} names none; give at least one")
    opened = open_store(store)
    dataset, protocol = opened.dataset.id, protocol_of(opened, protocol)
    recipes = [default_recipe(dataset)] if recipes is None else recipes
    exact = [format(parse_ratio(ratio), "f") for ratio in ratios]
    configs = {
        (recipe, seed): _config(recipe, dataset, overrides, seed)
        for recipe in recipes
        for seed in seeds
    }
    runs: dict[str, Planned] = {}
    identity = {}
    notes: dict[str, None] = {}
    for split_seed in split_seeds:
        for ratio in exact:
            _, split = choose_split(
                opened, protocol=protocol, ratio=ratio, seed=split_seed, labels=None
            )
            if split.rounding is not None:
                notes[split.rounding] = None
            for (recipe, seed), config in configs.items():
                name = f"{dataset}-{protocol}-{config.recipe}-{ratio}-split{split_seed}-seed{seed}"
                planned = Planned(name, recipe, ratio, split_seed, seed)
                if runs.setdefault(name, planned) != planned:
                    raise UsageError(
                        f"--recipe: {runs[name].recipe} and {recipe} have one name; rename a file"
                    )
                identity[name] = {
                    "config": config.model_dump(mode="json"),
                    "store_digest": opened.content_digest,
                    "protocol": protocol,
                    "split_digest": split.digest,
                }
    folder = out if out is not None else Path("runs", f"sweep-{dataset}-{protocol}")
    if is_run(folder):
        raise UsageError(f"--out {folder} is the folder of a run; choose another for the sweep")
    planned_runs = tuple(runs.values())
    return Sweep(
        store, protocol, folder, tuple(overrides), device, planned_runs, identity, tuple(notes)
    )


def _config(recipe: str, dataset: str, overrides: Sequence[str], seed: int) -> RunConfig:
    """A run's settings, the method's own ones checked too, without building the method."""
    config = load_config(recipe, dataset=dataset, overrides=overrides, seed=seed)
    if config.method not in METHODS:
        raise ConfigError(
            f"unknown method {config.method!r}; use one of {', '.join(sorted(METHODS))}"
        )
    checked(METHODS[config.method].Options, config.options, f"options of {config.method}")
    return config
