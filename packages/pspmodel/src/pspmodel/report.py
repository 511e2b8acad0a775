"""What a run says of itself: report.json for scripts, report.html for people."""

from __future__ import annotations

import base64
import html
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pspmodel
import skeldata
from pspmodel import figures
from pspmodel.evaluate.scores import save_scores
from pspmodel.train.loop import Outcome
from pspmodel.train.metrics import MetricsFile
from pspmodel.train.setup import Run

_RULES = {
    "last": "the weights after the last step",
    "held_out_best": "the evaluation with the best accuracy on held-out training subjects",
    "test_oracle": "the evaluation with the best accuracy on the test set itself: an oracle",
}


def write_report(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Write scores, report.json and report.html into the run's folder; return the JSON content."""
    content = summary(run, outcome)
    names = [run.store.names[row] for row in run.selection.test]
    save_scores(run.folder / "scores.npz", names, outcome.test_scores)
    _replace(run.folder / "report.json", json.dumps(content, indent=2) + "\n")
    _replace(run.folder / "report.html", _page(content, _pictures(run, outcome)))
    return content


def summary(run: Run, outcome: Outcome) -> dict[str, Any]:
    """The content of report.json; accuracies are fractions of the test set."""
    state, scores = outcome.state, outcome.test_scores
    best, oracle = state.held_out_best, state.test_oracle
    confusion = scores.confusion()
    totals = confusion.sum(axis=1)
    split = run.facts["split"]
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
        "accuracy_rules": _RULES,
        "steps_of": {
            "last": outcome.last.step,
            "held_out_best": best.step if best else None,
            "test_oracle": oracle.step if oracle else None,
        },
        "held_out_accuracy": outcome.last.held_out,
        "top5": scores.top(5),
        "per_class": {
            run.store.dataset.classes[label]: float(confusion[label, label] / totals[label])
            for label in np.flatnonzero(totals)
        },
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


def _pictures(run: Run, outcome: Outcome) -> dict[str, bytes]:
    row = int(run.selection.test[0])
    title = f"{run.store.names[row]}: {run.store.dataset.classes[int(run.store.labels[row])]}"
    strip = figures.skeleton_strip(
        run.store.read([row])[0], run.store.read_present([row])[0], run.store.layout, title
    )
    classes = run.store.dataset.classes
    return {
        "Learning curves": figures.png(
            figures.loss_curve(MetricsFile(run.folder / "metrics.jsonl").read())
        ),
        "Confusion matrix on the test set": figures.png(
            figures.confusion_matrix(outcome.test_scores.confusion(), classes)
        ),
        "A prepared test clip (left blue, right red)": figures.png(strip),
    }


_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; } th { text-align: left; font-weight: 600; }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
code { overflow-wrap: anywhere; } img { max-width: 100%; background: white; border-radius: 4px; }
"""


def _page(content: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    what = f"{content['method']} on {content['dataset']} {content['protocol']}"
    share = f"{content['clips']['labelled']} labelled clips"
    accuracies = "".join(
        f"<tr><th>{key.replace('_', ' ')}</th><td class=number>{_percent(value)}</td>"
        f"<td class=number>{content['steps_of'][key]}</td><td>{_RULES[key]}</td></tr>"
        for key, value in content["accuracy"].items()
    )
    facts = {
        "Recipe": content["recipe"],
        "Labels": f"{share}, ratio {content['ratio']}, split seed {content['split_seed']}",
        "Split digest": f"<code>{content['split_digest']}</code>",
        "Store digest": f"<code>{content['store_digest']}</code>",
        "Unlabelled / held-out / test clips": " / ".join(
            str(content["clips"][part]) for part in ("unlabelled", "held_out", "test")
        ),
        "Training seed": content["seed"],
        "Steps": f"{content['steps']}{'' if content['finished'] else ' (not finished)'}",
        "Time": f"{content['seconds']:.0f} s on {html.escape(content['device'])}, {content['precision']}",
        "Parameters": f"{content['parameters']:,}",
        "Versions": ", ".join(f"{k} {v}" for k, v in content["versions"].items()),
    }
    rows = "".join(f"<tr><th>{key}</th><td>{value}</td></tr>" for key, value in facts.items())
    images = "".join(
        f'<h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
        for title, data in pictures.items()
    )
    warnings = "".join(f"<p><b>Note:</b> {html.escape(text)}</p>" for text in content["warnings"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{what}</title>'
        f"<style>{_STYLE}</style><h1>{what}, {share}</h1>{warnings}"
        f"<h2>Top-1 accuracy on the test set</h2><table><tr><th></th><th>accuracy</th>"
        f"<th>step</th><th>which weights</th></tr>{accuracies}</table>"
        f"<h2>Run</h2><table>{rows}</table>{images}</html>\n"
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.writing")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
