"""Everything a run needs before its first step, from what the user asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from pspmodel.config import RunConfig
from pspmodel.data.cameras import OtherCameras
from pspmodel.data.resident import ResidentData
from pspmodel.data.selection import Selection, choose_split, select
from pspmodel.data.streams import mixed
from pspmodel.errors import CheckpointError, DataMismatchError, UsageError
from pspmodel.methods import DataFacts, Method, build
from pspmodel.recipe import completed, default_recipe, load_config
from pspmodel.train.checkpoint import exists, load_facts
from pspmodel.train.distributed import check_divisible, local_device, on_first
from pspmodel.train.memory import memory_advice
from pspmodel.train.stages import Stage, check_unlabelled, stages_of
from skeldata import Store, names_digest, open_store

CONFIG_FILE = "config.json"


@dataclass(frozen=True, eq=False)
class Run:
    """A run, ready to train or to be evaluated.

    Attributes:
        folder: where it writes.
        config: resolved settings.
        store, selection, data: what it trains on.
        method: networks and losses, on ``device``.
        stages: what it does, in order.
        device: cpu or cuda.
        facts: identity of the data: store path and digest, protocol, split.
        other_cameras: what the teacher sees instead of a clip itself, where the settings say so.
    """

    folder: Path
    config: RunConfig
    store: Store
    selection: Selection
    data: ResidentData
    method: Method
    stages: tuple[Stage, ...]
    device: torch.device
    facts: dict[str, Any]
    other_cameras: OtherCameras | None = None

    def steps_done(self) -> int:
        """Steps of the last checkpoint; 0 without one."""
        last = self.folder / "checkpoints" / "last"
        return int(load_facts(last)["step"]) if exists(last) else 0

    def is_finished(self) -> bool:
        """Whether the whole schedule was run and reported."""
        report = self.folder / "report.json"
        return (
            self.steps_done() >= self.total_steps
            and report.is_file()
            and bool(json.loads(report.read_text("utf-8"))["finished"])
        )

    @property
    def test_names(self) -> list[str]:
        """Names of the test clips, in the order of ``selection.test``."""
        return [self.store.names[row] for row in self.selection.test]

    @property
    def total_steps(self) -> int:
        """Steps of the whole schedule."""
        return self.stages[-1].end


def new_run(
    store: Path,
    *,
    ratio: str | None,
    recipe: str | None = None,
    protocol: str | None = None,
    method: str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    split_seed: int = 0,
    labels: Path | None = None,
    device: str = "auto",
    out: Path | None = None,
    resume: bool = False,
) -> Run:
    """Resolve a training command; a new run's folder is made, a resumed one's is compared.

    Among several processes all resolve it, the first alone makes the folder. How many there are is
    not part of a run: it may be resumed on another number.

    Raises:
        UsageError: the folder exists and ``resume`` is off, no clip is left to train without
            labels, or an argument is wrong.
        ConfigError: invalid recipe or override.
        DataMismatchError: the folder's run used other data or settings.
    """
    opened = open_store(store)
    dataset = opened.dataset.id
    config = load_config(
        recipe or default_recipe(dataset, method),
        dataset=dataset, method=method, overrides=overrides, seed=seed,
    )  # fmt: skip
    protocol, split = choose_split(
        opened, protocol=protocol, ratio=ratio, seed=split_seed, labels=labels
    )
    selection = select(opened, protocol, split, config.data, config.held_out)
    if config.data.prepared not in ("", opened.recipe["name"]):
        note = (
            f"recipe {config.recipe} was made for stores of `skeldata prepare --recipe "
            f"{config.data.prepared}`; {opened.path} is of {opened.recipe['name']}: expect a little less"
        )
        selection = replace(selection, warnings=(*selection.warnings, note))
    share = f"{split.ratio:f}-split{split_seed}" if labels is None else labels.stem
    name = f"{opened.dataset.id}-{protocol}-{config.recipe}-{share}-seed{config.seed}"
    folder = out if out is not None else Path("runs", name)
    run = _assemble(folder, config, opened, selection, device)
    on_first(lambda: _claim(run, resume))
    return run


def load_run(folder: Path, *, store: Path | None = None, device: str = "auto") -> Run:
    """Open a finished or unfinished run again, on its own store or on another path of it.

    Raises:
        CheckpointError: there is no run at ``folder``, or one of another version.
        DataMismatchError: the store is not the one the run was trained on.
    """
    saved = _saved(folder)
    if saved is None:
        raise CheckpointError(f"no run at {folder}: it has no {CONFIG_FILE}")
    config, facts = _known_settings(saved["config"], folder / CONFIG_FILE), saved["data"]
    if store is None and not Path(facts["store"]).exists():
        raise DataMismatchError(
            "store", facts["store"], "not to be found", str(folder), "say where it is with --store"
        )
    opened = open_store(store if store is not None else Path(facts["store"]))
    for what in ("dataset", "store_digest"):
        found = opened.dataset.id if what == "dataset" else opened.content_digest
        if found != facts[what]:
            raise DataMismatchError(
                what, facts[what], found, str(opened.path), "give the store of the run with --store"
            )
    protocol, split = choose_split(
        opened, protocol=facts["protocol"], ratio=None, seed=0, labels=folder / "labelled.txt"
    )
    selection = select(opened, protocol, split, config.data, config.held_out)
    known = facts["split"]
    # Of the split's names the file holds those that the store has.
    labelled_digest = known.get("labelled_digest", known["digest"])
    if split.digest != labelled_digest:
        raise DataMismatchError(
            "split digest", labelled_digest, split.digest,
            str(folder / "labelled.txt"), "the file was changed after training",
        )  # fmt: skip
    # A cached property: from here on the list goes by the name of the whole split.
    vars(split)["digest"] = known["digest"]
    run = _assemble(folder, config, opened, selection, device)
    return replace(run, facts=run.facts | {"split": known})


def pick_device(name: str) -> torch.device:
    """``auto`` takes a GPU if there is one: this process's own, where there are several.

    Raises:
        UsageError: ``cuda`` was asked for and is not there, or there are more processes than GPUs.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UsageError("--device cuda: this PyTorch sees no CUDA device; use --device cpu")
    return local_device() if available and name != "cpu" else torch.device("cpu")


def _assemble(
    folder: Path, config: RunConfig, store: Store, selection: Selection, device: str
) -> Run:
    target = pick_device(device)
    facts = DataFacts(
        dataset=store.dataset.id,
        layout=store.layout,
        classes=len(store.dataset.classes),
        persons=store.persons,
        frames=config.data.frames or store.frames,
        streams=config.data.streams,
    )
    torch.manual_seed(mixed(config.seed, "weights"))
    method = build(config, facts).to(target)
    stages = stages_of(config, method.stages, selection)
    for stage in stages:
        for what in ("labelled_batch", "unlabelled_batch"):
            if batch := getattr(stage.settings.train, what):
                section = f"stage.{stage.name}.train" if stage.name in config.stage else "train"
                check_divisible(batch, f"{section}.{what}")
        check_unlabelled(stage, method.views(stage.name), selection)
    others = None
    taught = any("weak" in method.views(stage.name) for stage in stages)
    if taught and config.pseudo_labels.cameras == "other":
        others = OtherCameras(store, selection.unlabelled)
    with memory_advice(f"loading {store.path}", target, "use a smaller store or --device cpu"):
        data = ResidentData(store, target, config.data)
    split = selection.split
    identity = {
        "store": str(store.path),
        "store_digest": store.content_digest,
        "dataset": store.dataset.id,
        "protocol": selection.protocol,
        "split": {
            "digest": split.digest,
            "rule": split.rule,
            "ratio": None if split.ratio is None else str(split.ratio),
            "seed": split.seed,
            "base": split.base,
            "count": len(selection.labelled),
            "labelled_digest": names_digest(store.names[row] for row in selection.labelled),
        },
        "held_out_subjects": list(selection.held_out_subjects),
    }
    return Run(folder, config, store, selection, data, method, stages, target, identity, others)


def _claim(run: Run, resume: bool) -> None:
    """Make the run's folder, or check that it belongs to the same run."""
    saved = _saved(run.folder)
    wanted = {"config": run.config.model_dump(mode="json"), "data": run.facts}
    if saved is None:
        if run.folder.exists() and any(run.folder.iterdir()):
            raise UsageError(f"{run.folder} is not empty and holds no run; choose another --out")
        run.folder.mkdir(parents=True, exist_ok=True)
        names = [run.store.names[row] for row in run.selection.labelled]
        (run.folder / "labelled.txt").write_text("".join(f"{n}\n" for n in sorted(names)), "utf-8")
        temporary = run.folder / f".{CONFIG_FILE}.writing"
        stages = [{"name": s.name, "first": s.first, "end": s.end} for s in run.stages]
        temporary.write_text(json.dumps(wanted | {"stages": stages}, indent=2) + "\n", "utf-8")
        temporary.replace(run.folder / CONFIG_FILE)
        return
    changed = [each for each in _differences(saved, wanted) if each[0] != "data.store"]
    if not resume:
        raise UsageError(_taken(run, saved["data"], changed))
    if saved["data"]["store_digest"] != run.facts["store_digest"]:
        raise DataMismatchError(
            "store_digest", saved["data"]["store_digest"], run.facts["store_digest"],
            str(run.store.path),
            f"the run in {run.folder} is on {saved['data']['store']}: give that store, or another --out",
        )  # fmt: skip
    for path, old, new in changed:
        raise DataMismatchError(
            path, old, new, "this command", f"the run in {run.folder} was started otherwise"
        )


def _taken(run: Run, data: dict[str, Any], changed: Sequence[tuple[str, Any, Any]]) -> str:
    """Why a new run cannot have its folder, and what to do: names do not tell stores apart."""
    of = f"{data['store']}, content {data['store_digest'][:12]}"
    if data["store_digest"] != run.facts["store_digest"]:
        return (
            f"{run.folder} holds a run on another store ({of}; here {run.store.path}, content "
            f"{run.facts['store_digest'][:12]}); choose another --out for this one"
        )
    if changed:
        path, old, new = changed[0]
        return (
            f"{run.folder} holds a run on this store with another {path} ({old}; here {new}); "
            "choose another --out for this one"
        )
    return (
        f"{run.folder} holds a run already; add --resume to continue it, or choose another --out "
        f"(it is this very run, on {of})"
    )


def _saved(folder: Path) -> dict[str, Any] | None:
    try:
        content = json.loads((folder / CONFIG_FILE).read_text("utf-8"))
        return {"config": completed(content["config"]), "data": content["data"]}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / CONFIG_FILE} is damaged: {error}") from None


def _known_settings(content: Any, path: Path) -> RunConfig:
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        keys = ", ".join(repr(".".join(map(str, fault["loc"]))) for fault in error.errors())
        raise CheckpointError(
            f"{path} was written by another version of pspmodel: this one cannot read {keys}; "
            "open the run with the version that its report.json names"
        ) from None


def _differences(old: Any, new: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted(old.keys() | new.keys()):
            found += _differences(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
        return found
    return [] if old == new else [(path, old, new)]
