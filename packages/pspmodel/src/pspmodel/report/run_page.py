"""The page of one run."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pspmodel import figures
from pspmodel.evaluate.copies import told
from pspmodel.evaluate.scores import BOTH, Scores
from pspmodel.published import paper
from pspmodel.report.cells import drawn_otherwise
from pspmodel.report.comparison import published_entries
from pspmodel.report.coverage import coverage, is_whole
from pspmodel.report.curves import spans
from pspmodel.report.inspection import Inspection
from pspmodel.report.page import (
    Picture,
    Row,
    bar,
    code,
    commands,
    folded,
    notes,
    page,
    picture,
    table,
)
from pspmodel.report.records import RunRecord
from pspmodel.report.repeat import commands as commands_of
from pspmodel.report.repeat import preparation
from pspmodel.report.rules import RULES, SHORT, percent
from pspmodel.report.unfinished import unfinished
from skeldata import Store, get_dataset

Content = Mapping[str, Any]

_TAKEN_FOR = 2


def run_page(
    record: RunRecord, names: Sequence[str], scores: Scores, store: Store | None, seen: Inspection
) -> str:
    """The page, as text.

    Args:
        record: of the run, which has reported.
        names: of the test clips.
        scores: of the last step on them.
        store: the run's, if it is at hand.
        seen: what was found by looking at the weights.
    """
    content: Content = record.report or {}
    share = f"{content['clips']['labelled']:,} labelled clips"
    title = f"{content['method']} on {content['dataset']} {content['protocol']}, {share}"
    classes = get_dataset(content["dataset"]).classes
    sections = {
        "Top-1 accuracy on the test set": _accuracies(content),
        "Each stream alone": _streams(content, seen),
        "Beside the published numbers": _beside_the_paper(record),
        "Learning curves": _curves(record),
        "Each class, last step": _classes(scores, classes),
        "Confusion matrix, last step": picture(
            Picture(
                "Rows are true classes, columns what they were taken for; colours are shares of a row.",
                figures.png(figures.confusion_matrix(scores.confusion(), classes)),
            )
        ),
        "What the pyramid attends to": _pictures(seen.attention),
        "Features of the test clips": _pictures(seen.features),
        "A test clip as it was prepared": _clip(names, classes, store),
        "The run": table(Row(head, (cell,)) for head, cell in _facts(record, share)),
        "Repeat it": _repeat(record, store),
    }
    return page(
        title,
        notes([*unfinished(record), *content["warnings"]]),
        *(
            f"<section><h2>{html.escape(head)}</h2>{text}</section>\n"
            for head, text in sections.items()
        ),
    )


def _pictures(shown: Sequence[Picture] | str) -> str:
    if isinstance(shown, str):
        return f'<p class="faint">{html.escape(shown)}</p>'
    return "".join(map(picture, shown))


# ---- accuracies ----------------------------------------------------------------------------
def _accuracies(content: Content) -> str:
    rows = [
        Row(
            html.escape(SHORT[rule]),
            (
                percent(content["accuracy"][rule]),
                "–" if content["steps_of"][rule] is None else f"{content['steps_of'][rule]:,}",
                html.escape(words),
            ),
        )
        for rule, words in RULES.items()
    ]
    below = f"<p>Top-5 of the last step: {percent(content['top5'])}.</p>"
    if copies := told(content.get("without_copies", {}), "top-1 of the last step"):
        below += f"<p>{html.escape(copies)}.</p>"
    return table(rows, ("", "accuracy", "step", "which weights"), (0, 1)) + below


def _streams(content: Content, seen: Inspection) -> str:
    if not seen.streams:
        return _pictures(str(seen.attention))
    if len(alone := [name for name in seen.streams if name != BOTH]) == 1:
        return _pictures(f"The run has one stream, {alone[0]}.")
    rows = [
        Row(html.escape("all together" if name == BOTH else name), (percent(top1), percent(top5)))
        for name, (top1, top5) in seen.streams.items()
    ]
    text = table(rows, ("stream", "top-1", "top-5"), (0, 1))
    told = f"The weights of the last step, asked again in fp32 for {content['clips']['test']:,} test clips."
    return f"{text}<p>{told}</p>"


def _beside_the_paper(record: RunRecord) -> str:
    content: Content = record.report or {}
    if not is_whole(record):
        return _pictures(
            f"The store holds {coverage(record)} of {get_dataset(content['dataset']).title}. Published "
            "numbers are of all of them, so none are set beside a run on this part."
        )
    if drawn_otherwise(record.split_rule):
        return _pictures(
            f"The labels were drawn by rule {record.split_rule}. The published numbers at this place are of "
            "rule assl, so none are set beside."
        )
    if record.knows_cameras:
        return _pictures(
            "The teacher saw other cameras' recordings of the same performances (pseudo_labels.cameras). The "
            "published numbers at this place are of methods that do not know of them, so none are set beside."
        )
    ratio = None if content["ratio"] is None else Decimal(content["ratio"])
    if ratio is None:
        return _pictures("The labels are a list of names; published numbers are of other labels.")
    entries = [
        entry
        for entry in published_entries(content["dataset"], content["protocol"])
        if Decimal(entry["ratio"]) == ratio and entry["group"] in ("paper", "quoted")
    ]
    if not entries:
        return _pictures("Nothing published for this dataset, protocol and share is known to us.")
    rows = [
        Row(
            html.escape(content["method"]),
            (_number(content["accuracy"][rule]), SHORT[rule]),
            "ours",
        )
        for rule in RULES
    ]
    for entry in entries:
        stated = SHORT.get(entry["rule"], entry["rule"])
        venue = f" <small>{html.escape(entry['venue'])}</small>"
        rows.append(Row(html.escape(entry["name"]) + venue, (f"{entry['accuracy']:.1f}", stated)))
    theirs = paper().ratios(content["dataset"], content["protocol"]).get(ratio)
    words = (
        f"<p>The PSP paper reports {theirs:.1f} % here, from its own label draw and as the best epoch "
        "on the test set: a number to lay beside the oracle, not beside the others. "
        if theirs is not None
        else "<p>"
    )
    sources = "; ".join(dict.fromkeys(entry["source"] for entry in entries))
    return (
        table(rows, ("method", "top-1 (%)", "which weights"), (0,))
        + f"{words}Ours is one run with one label draw, an anecdote: <code>pspmodel sweep</code> gives a "
        f'mean and its spread.</p><p class="faint">Sources: {html.escape(sources)}.</p>'
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


# ---- curves, classes, clip -----------------------------------------------------------------
def _curves(record: RunRecord) -> str:
    metrics, stages = record.metrics(), spans(record)
    caption = (
        "Training loss with its terms, and accuracy on test and held-out clips, over the steps."
    )
    if len(stages) > 1:
        told = ", ".join(f"{each.name} to step {each.end:,}" for each in stages)
        caption += f" Stages: {told}."
    return picture(Picture(caption, figures.png(figures.loss_curve(metrics, stages))))


def _classes(scores: Scores, classes: Sequence[str]) -> str:
    counts = scores.confusion()
    rows = []
    for label, share in sorted(scores.per_class().items(), key=lambda item: item[1]):
        wrong = counts[label].copy()
        wrong[label] = 0
        most = [int(k) for k in (-wrong).argsort(kind="stable")[:_TAKEN_FOR] if wrong[k]]
        taken = ", ".join(f"{classes[k]} ({wrong[k]:,})" for k in most)
        clips = int(counts[label].sum())
        cells = (percent(share), bar(share), f"{clips:,}", html.escape(taken))
        rows.append(Row(html.escape(classes[label]), cells))
    return table(rows, ("class", "top-1", "", "clips", "most often taken for"), (0, 2))


def _clip(names: Sequence[str], classes: Sequence[str], store: Store | None) -> str:
    if store is None:
        return _pictures("The store is not at hand; give it with --store.")
    if names[0] not in store.names:
        return _pictures("The store has none of the test clips.")
    row = int(store.rows_of(names[:1])[0])
    title = f"{names[0]}: {classes[int(store.labels[row])]}"
    drawn = figures.skeleton_strip(
        store.read([row])[0], store.read_present([row])[0], store.layout, title,
        up=figures.up_axis(store),
    )  # fmt: skip
    return picture(Picture(f"{title}; left blue, right red.", figures.png(drawn)))


# ---- the run and how to repeat it ----------------------------------------------------------
def _facts(record: RunRecord, share: str) -> Iterator[tuple[str, str]]:
    content: Content = record.report or {}
    clips, seed = content["clips"], content["split_seed"]
    ratio = "a list of names" if content["ratio"] is None else f"ratio {content['ratio']}"
    if drawn_otherwise(record.split_rule):
        ratio += f", {record.split_rule}"
    parts = " / ".join(f"{clips[part]:,}" for part in ("unlabelled", "held_out", "test"))
    processes = int(content.get("processes", 1))
    where = "1 process" if processes == 1 else f"{processes} processes"
    texts = {
        "Recipe": f"{content['recipe']}: {record.config['summary']}",
        "Streams": ", ".join(record.config["data"]["streams"]),
        "Labels": f"{share}, {ratio}" + ("" if seed is None else f", split seed {seed}"),
        "Unlabelled / held-out / test clips": parts,
        "Training seed": str(content["seed"]),
        "Clips of the store": str(coverage(record)),
        "Steps": f"{content['steps']:,}" + ("" if content["finished"] else " (not finished)"),
        "Time": f"{content['seconds']:,.0f} s, {content['precision']}",
        "Device": f"{where}, {content['device']}",
        "Parameters": f"{content['parameters']:,}",
        "Versions": ", ".join(f"{tool} {version}" for tool, version in content["versions"].items()),
    }
    yield from ((head, html.escape(text)) for head, text in texts.items())


def _repeat(record: RunRecord, store: Store | None) -> str:
    content: Content = record.report or {}
    prepared = content.get("preparation")
    if prepared is None and store is not None:
        prepared = preparation(store)
    found = commands_of(record, prepared)
    digests = {"Split": content["split_digest"], "Store": content["store_digest"]}
    if prepared is not None:
        digests |= {
            "Recipe of the store": prepared["recipe_digest"], "Recordings": prepared["source_digest"],
        }  # fmt: skip
    parts = [
        "<p>The digests must come out the same. On a CPU with as many threads, and with the versions "
        "above, the weights then are the same to the bit.</p>",
        commands(found.lines),
        *(f"<p>{html.escape(text)}</p>" for text in found.notes),
        table(Row(head, (code(digest),)) for head, digest in digests.items()),
    ]
    if found.recipe_file:
        parts.append(folded(found.recipe_file, commands(found.recipe.splitlines())))
    parts.append(folded("Every setting", commands(_settings(record.config))))
    return "".join(parts)


def _settings(config: Content, path: str = "") -> Iterator[str]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{path}{key}.")
        else:
            yield f"{path}{key} = {value}"
