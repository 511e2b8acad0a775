"""What one run says of itself: report.json for scripts, report.html for people."""

from __future__ import annotations

import html
import json
import platform
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import torch

import pspmodel
import skeldata
from pspmodel import figures
from pspmodel.collectives import world_size
from pspmodel.errors import CheckpointError
from pspmodel.evaluate.scores import Scores, load_scores, save_scores
from pspmodel.published import paper
from pspmodel.report.page import Row, notes, page, picture, replace, table
from pspmodel.report.records import RunRecord, read_run
from pspmodel.report.rules import RULES, percent
from pspmodel.train.setup import Run
from pspmodel.train.state import Outcome
from skeldata import Store, get_dataset, open_store
from skeldata.errors import SkeldataError


def write_report(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Write scores, report.json and report.html into the run's folder; return the JSON content."""
    content = summary(run, outcome)
    names = [run.store.names[row] for row in run.selection.test]
    save_scores(run.folder / "scores.npz", names, outcome.test_scores)
    replace(run.folder / "report.json", json.dumps(content, indent=2) + "\n")
    record = read_run(run.folder)
    text = _page(record, content, names, outcome.test_scores, run.store)
    replace(run.folder / "report.html", text)
    return content


def render_run(folder: Path, out: Path | None = None, store: Path | None = None) -> Path:
    """Write the page of a run again, from the files in its folder.

    The picture of a test clip needs the store; without it the page has none.

    Args:
        folder: of the run.
        out: where to write; default: its report.html.
        store: the run's store, if it was moved.

    Returns:
        Where the page is.

    Raises:
        CheckpointError: there is no run, or it never wrote a report.
        StoreError: there is no store at ``store``.
    """
    record = read_run(folder)
    if record.report is None:
        raise CheckpointError(
            f"{folder} has no report.json yet; end its training with `pspmodel train ... --resume`"
        )
    try:
        names, scores = load_scores(folder / "scores.npz")
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder / 'scores.npz'} is missing or damaged: {error}") from None
    target = out if out is not None else folder / "report.html"
    text = _page(record, record.report, names, scores, _store_of(record, store))
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
        "top5": scores.top(5),
        "per_class": {classes[label]: share for label, share in scores.per_class().items()},
        "clips": {
            "labelled": len(run.selection.labelled),
            "unlabelled": len(run.selection.unlabelled),
            "held_out": len(run.selection.held_out),
            "test": len(run.selection.test),
        },
        "held_out_subjects": list(run.selection.held_out_subjects),
        "warnings": list(run.selection.warnings),
        "steps": state.step,
        "finished": outcome.finished,
        "seconds": round(outcome.seconds, 2),
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
    return f"cpu, {torch.get_num_threads()} threads"


def _store_of(record: RunRecord, given: Path | None) -> Store | None:
    if given is not None:
        return open_store(given)
    try:
        return open_store(Path(record.data["store"]))
    except SkeldataError:
        return None


def _page(
    record: RunRecord,
    content: Mapping[str, Any],
    names: list[str],
    scores: Scores,
    store: Store | None,
) -> str:
    share = f"{content['clips']['labelled']:,} labelled clips"
    title = f"{content['method']} on {content['dataset']} {content['protocol']}, {share}"
    classes = get_dataset(content["dataset"]).classes
    pictures = {
        "Learning curves": figures.loss_curve(record.metrics()),
        "Confusion matrix on the test set": figures.confusion_matrix(scores.confusion(), classes),
    }
    if store is not None and names[0] in store.names:
        row = int(store.rows_of(names[:1])[0])
        clip = f"{names[0]}: {classes[int(store.labels[row])]}"
        pictures["A prepared test clip (left blue, right red)"] = figures.skeleton_strip(
            store.read([row])[0], store.read_present([row])[0], store.layout, clip,
            up=figures.up_axis(store),
        )  # fmt: skip
    return page(
        title,
        notes(content["warnings"]),
        "<h2>Top-1 accuracy on the test set</h2>",
        _accuracies(content),
        _beside_the_paper(content),
        "<h2>Run</h2>",
        table(Row(head, (cell,)) for head, cell in _facts(content, share).items()),
        *(picture(head, figures.png(each)) for head, each in pictures.items()),
        "<h2>Top-1 of each class, last step</h2>",
        _classes(content["per_class"]),
    )


def _accuracies(content: Mapping[str, Any]) -> str:
    rows = [
        Row(
            rule.replace("_", " "),
            (
                percent(content["accuracy"][rule]),
                "–" if content["steps_of"][rule] is None else f"{content['steps_of'][rule]:,}",
                html.escape(words),
            ),
        )
        for rule, words in RULES.items()
    ]
    return table(rows, ("", "accuracy", "step", "which weights"), (0, 1))


def _beside_the_paper(content: Mapping[str, Any]) -> str:
    top5 = f"<p>Top-5 of the last step: {percent(content['top5'])}.</p>"
    if content["ratio"] is None:
        return top5
    theirs = paper().ratios(content["dataset"], content["protocol"]).get(Decimal(content["ratio"]))
    if theirs is None:
        return top5
    return (
        f"{top5}<p>The PSP paper reports {theirs:.1f} % here, from its own label draw and as the best epoch "
        "on the test set: a number to lay beside the oracle, not beside the others.</p>"
    )


def _facts(content: Mapping[str, Any], share: str) -> dict[str, str]:
    ratio = "a list of names" if content["ratio"] is None else f"ratio {content['ratio']}"
    draw = "" if content["split_seed"] is None else f", split seed {content['split_seed']}"
    parts = ("unlabelled", "held_out", "test")
    unfinished = "" if content["finished"] else " (not finished)"
    texts = {
        "Recipe": content["recipe"],
        "Labels": f"{share}, {ratio}{draw}",
        "Unlabelled / held-out / test clips": " / ".join(f"{content['clips'][p]:,}" for p in parts),
        "Training seed": content["seed"],
        "Steps": f"{content['steps']:,}{unfinished}",
        "Time": f"{content['seconds']:,.0f} s on {content['device']}, {content['precision']}",
        "Parameters": f"{content['parameters']:,}",
        "Versions": ", ".join(f"{k} {v}" for k, v in content["versions"].items()),
    }
    facts = {head: html.escape(str(text)) for head, text in texts.items()}
    for head in ("split_digest", "store_digest"):
        facts[head.replace("_", " ").capitalize()] = f"<code>{content[head]}</code>"
    return facts


def _classes(per_class: Mapping[str, float]) -> str:
    items = "".join(
        f"<li><span>{html.escape(name)}</span><span>{percent(share)}</span></li>"
        for name, share in sorted(per_class.items(), key=lambda item: item[1])
    )
    return f'<ul class="classes">{items}</ul>'
