"""What one run says of itself: report.json for scripts, report.html for people."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import pspmodel
import skeldata
from pspmodel.collectives import world_size
from pspmodel.errors import CheckpointError, DataMismatchError
from pspmodel.evaluate.copies import without_copies
from pspmodel.evaluate.scores import load_scores, save_scores
from pspmodel.report.coverage import coverage_of
from pspmodel.report.inspection import Advanced, inspect, not_inspected
from pspmodel.report.page import replace
from pspmodel.report.records import RunRecord, read_run
from pspmodel.report.repeat import preparation
from pspmodel.report.rules import RULES
from pspmodel.report.run_page import run_page
from pspmodel.report.unfinished import unfinished_page
from pspmodel.train.setup import Run
from pspmodel.train.state import Outcome
from skeldata import Store, open_store
from skeldata.commandline import counted
from skeldata.errors import SkeldataError


def write_report(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Write scores, report.json and report.html into the run's folder; return the JSON content.

    Before a stage that predicts there is only the page, that of a run which has not reported.
    """
    content = summary(run, outcome)
    names = run.test_names
    if outcome.test_scores is None:  # before the last stage: nothing to report, a page all the same
        replace(run.folder / "report.html", unfinished_page(read_run(run.folder)))
        return content
    save_scores(run.folder / "scores.npz", names, outcome.test_scores)
    replace(run.folder / "report.json", json.dumps(content, indent=2) + "\n")
    # Training stays quick: what else the weights have to say is for `render_run`.
    seen = not_inspected("Not looked at during training; pspmodel report on this run does.")
    text = run_page(read_run(run.folder), names, outcome.test_scores, run.store, seen)
    replace(run.folder / "report.html", text)
    return content


def render_run(
    folder: Path,
    out: Path | None = None,
    store: Path | None = None,
    *,
    weights: bool = True,
    device: str = "auto",
    advanced: Advanced | None = None,
) -> Path:
    """Write the page of a run again, with what the weights have to say as well.

    Single streams, attention and the map of features need the store and the last checkpoint; where
    one lacks, the page says so in their place. Of a run that was interrupted before it reported there
    is a page with what it has measured so far.

    Args:
        folder: of the run.
        out: where to write; default: its report.html.
        store: the run's store, if it was moved.
        weights: whether to look at the weights at all.
        device: where.
        advanced: told of test clips done and of all.

    Returns:
        Where the page is.

    Raises:
        CheckpointError: there is no run, or one of its files is damaged.
        DataMismatchError: ``store`` is not the run's.
        StoreError: there is no store at ``store``.
    """
    record = read_run(folder)
    target = out if out is not None else folder / "report.html"
    if record.report is None:
        text = unfinished_page(record)
        target.parent.mkdir(parents=True, exist_ok=True)
        replace(target, text)
        return target
    try:
        names, scores = load_scores(folder / "scores.npz")
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder / 'scores.npz'} is missing or damaged: {error}") from None
    opened = _store_of(record, store)
    if opened is not None and "without_copies" not in record.report:  # of an earlier version
        record.report["without_copies"] = without_copies(
            opened, record.data["protocol"], names, scores
        )
        if out is None:
            replace(folder / "report.json", json.dumps(record.report, indent=2) + "\n")
    seen = not_inspected("Left out on request.")
    if weights and opened is None:
        seen = not_inspected("The store is not at hand; give it with --store.")
    elif weights and opened is not None:
        seen = inspect(folder, opened.path, device, advanced)
    text = run_page(record, names, scores, opened, seen)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace(target, text)
    return target


def summary(run: Run, outcome: Outcome) -> dict[str, Any]:
    """The content of report.json; accuracies are fractions of the test set."""
    state, scores = outcome.state, outcome.test_scores
    best, oracle = state.held_out_best, state.test_oracle
    split = run.facts["split"]
    classes = run.store.dataset.classes
    return {
        "method": run.config.method,
        "recipe": run.config.recipe,
        "dataset": run.store.dataset.id,
        "protocol": run.selection.protocol,
        "ratio": split["ratio"],
        "split_seed": split["seed"],
        "seed": run.config.seed,
        "split_digest": split["digest"],
        "labelled_digest": split.get("labelled_digest", split["digest"]),
        "store_digest": run.facts["store_digest"],
        "accuracy": {
            "last": outcome.last.test,
            "held_out_best": best.test if best else None,
            "test_oracle": oracle.test if oracle else None,
        },
        "accuracy_rules": dict(RULES),
        "steps_of": {
            "last": outcome.last.step,
            "held_out_best": best.step if best else None,
            "test_oracle": oracle.step if oracle else None,
        },
        "held_out_accuracy": outcome.last.held_out,
        "without_copies": without_copies(run.store, run.selection.protocol, run.test_names, scores),
        "top5": scores.top(5) if scores else None,
        "per_class": {
            classes[label]: share for label, share in (scores.per_class() if scores else {}).items()
        },
        "clips": {
            "labelled": len(run.selection.labelled),
            "unlabelled": len(run.selection.unlabelled),
            "held_out": len(run.selection.held_out),
            "test": len(run.selection.test),
        },
        "official_clips": asdict(coverage_of(run.store)),
        "held_out_subjects": list(run.selection.held_out_subjects),
        "warnings": list(run.selection.warnings),
        "steps": state.step,
        "finished": outcome.finished,
        "seconds": round(outcome.seconds, 2),
        "stages": [
            {"name": stage.name, "first": stage.first, "end": stage.end} for stage in run.stages
        ],
        "preparation": preparation(run.store),
        "parameters": sum(p.numel() for p in run.method.parameters()),
        "device": _device_name(run.device),
        "processes": world_size(),
        "precision": run.config.train.precision,
        "versions": {
            "pspmodel": pspmodel.__version__,
            "skeldata": skeldata.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu, {counted(torch.get_num_threads(), 'thread')}"


def _store_of(record: RunRecord, given: Path | None) -> Store | None:
    """The run's store, which is not always where it was."""
    path = Path(record.data["store"]) if given is None else given
    try:
        store = open_store(path)
    except SkeldataError:
        if given is not None:
            raise
        return None
    wanted = record.data["store_digest"]
    if store.content_digest == wanted:
        return store
    if given is None:
        return None
    raise DataMismatchError(
        "store_digest", wanted, store.content_digest, str(given), "give the store of the run"
    )
