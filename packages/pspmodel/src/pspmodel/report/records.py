"""Runs as they lie in their folders, read without store or weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pspmodel.errors import CheckpointError
from pspmodel.methods import METHODS
from pspmodel.recipe import completed
from pspmodel.report.rules import RULES, WITHOUT_COPIES
from pspmodel.train import checkpoint
from pspmodel.train.metrics import MetricsFile

_CONFIG, _REPORT = "config.json", "report.json"
_NEEDED = ("accuracy", "finished", "steps", "split_digest", "store_digest", "seconds")


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One run.

    Attributes:
        folder: where it lies.
        config: its resolved settings.
        data: identity of store and split.
        report: content of report.json, None before the first.
        plan: its stages, as config.json has them; empty in runs of earlier versions.
    """

    folder: Path
    config: Mapping[str, Any] = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    report: dict[str, Any] | None = field(repr=False)
    plan: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def finished(self) -> bool:
        """Whether its whole schedule was run."""
        return self.report is not None and bool(self.report["finished"])

    @property
    def ratio(self) -> Decimal | None:
        """Share of labels; None if they came from a list."""
        ratio = self.data["split"]["ratio"]
        return None if ratio is None else Decimal(ratio)

    @property
    def split_rule(self) -> str:
        """How its labels were drawn: ``assl``, ``proportional``, or ``list`` for names from elsewhere."""
        return str(self.data["split"]["rule"])

    @property
    def split_seed(self) -> int | None:
        """Seed of the label draw; None if the labels came from a list."""
        seed = self.data["split"]["seed"]
        return None if seed is None else int(seed)

    @property
    def draw(self) -> str:
        """What tells its label set from others of the same ratio."""
        digest = str(self.data["split"]["digest"])
        return digest[:12] if self.split_seed is None else str(self.split_seed)

    @property
    def knows_cameras(self) -> bool:
        """Whether it had a teacher that saw what other cameras did, paired by the recordings' names."""
        told = self.config.get("pseudo_labels", {}).get("cameras") == "other"
        return told and getattr(METHODS.get(self.config["method"]), "uses_unlabelled", False)

    def accuracy(self, rule: str) -> float | None:
        """Top-1 on the test set under a rule of `pspmodel.report.rules`, a fraction."""
        report = self.report or {}
        if rule == WITHOUT_COPIES:
            value = report.get("without_copies", {}).get("top1")
        else:
            value = report.get("accuracy", {}).get(rule)
        return None if value is None else float(value)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that tell its accuracies apart; without copies only where that was measured."""
        copies = (self.report or {}).get("without_copies", {}).get("copies")
        return (*RULES, WITHOUT_COPIES) if copies else tuple(RULES)

    def metrics(self) -> list[dict[str, Any]]:
        """Lines of its ``metrics.jsonl``."""
        return MetricsFile(self.folder / "metrics.jsonl").read()

    @property
    def stages(self) -> tuple[tuple[str, int, int], ...]:
        """Name, steps before and steps at the end of each stage; empty where it was not written."""
        stages = (self.report or {}).get("stages") or self.plan
        return tuple((each["name"], each["first"], each["end"]) for each in stages)

    @property
    def total_steps(self) -> int | None:
        """Steps of its whole schedule; None where it was not written."""
        return self.stages[-1][2] if self.stages else None

    @property
    def steps_done(self) -> int:
        """Steps of its last checkpoint, from where it can go on; 0 before the first."""
        last = self.folder / "checkpoints" / "last"
        if checkpoint.exists(last):
            return int(checkpoint.load_facts(last)["step"])
        return int((self.report or {}).get("steps", 0))

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        total = "" if self.total_steps is None else f" of {self.total_steps:,}"
        return f"step {self.steps_done:,}{total}"

    def row(self) -> dict[str, Any]:
        """The run in one flat line, as CSV and JSON have it."""
        report = self.report or {}
        accuracy = report.get("accuracy", {})
        return {
            "run": self.folder.name,
            "recipe": self.config["recipe"],
            "method": self.config["method"],
            "dataset": self.data["dataset"],
            "protocol": self.data["protocol"],
            "ratio": self.data["split"]["ratio"],
            "labelled": self.data["split"]["count"],
            "split_seed": self.split_seed,
            "seed": self.config["seed"],
            "last": accuracy.get("last"),
            "held_out_best": accuracy.get("held_out_best"),
            "test_oracle": accuracy.get("test_oracle"),
            WITHOUT_COPIES: self.accuracy(WITHOUT_COPIES),
            "held_out_accuracy": report.get("held_out_accuracy"),
            "top5": report.get("top5"),
            "finished": self.finished,
            "steps": report.get("steps"),
            "seconds": report.get("seconds"),
            "device": report.get("device"),
            "precision": report.get("precision"),
            "split_digest": self.data["split"]["digest"],
            "store_digest": self.data["store_digest"],
        }


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run."""
    return (folder / _CONFIG).is_file()


def read_run(folder: Path) -> RunRecord:
    """Read a run's files.

    Raises:
        CheckpointError: there is no run, or a file is damaged.
    """
    if not is_run(folder):
        raise CheckpointError(f"no run at {folder}: it has no {_CONFIG}")
    saved = _read(folder / _CONFIG, ("config", "data"))
    report = None
    if (folder / _REPORT).is_file():
        report = _read(folder / _REPORT, _NEEDED)
    config = completed(saved["config"])
    return RunRecord(folder, config, saved["data"], report, saved.get("stages", ()))


def find_runs(paths: Iterable[Path]) -> list[Path]:
    """Folders of runs: the paths themselves, or the runs directly inside them (a sweep), once each.

    Plain files beside runs, such as the page of an earlier report, are passed over: so ``runs/*`` may
    be given.

    Raises:
        CheckpointError: a path is neither, or there are only plain files.
    """
    found: dict[Path, Path] = {}
    paths = list(paths)
    folders = [path for path in paths if not path.is_file()]
    for path in folders or paths:
        inside = [path] if is_run(path) else []
        if not inside and path.is_dir():
            inside = sorted(folder for folder in path.iterdir() if is_run(folder))
        if not inside:
            raise CheckpointError(
                f"no run at {path}: neither it nor a folder in it has a {_CONFIG}"
            )
        for folder in inside:
            found.setdefault(folder.resolve(), folder)
    return list(found.values())


def _read(path: Path, needed: Iterable[str]) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
        for key in needed:
            content[key]
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    except KeyError as error:
        raise CheckpointError(
            f"{path} lacks {error}; it is of another version or damaged"
        ) from None
    return dict(content)
