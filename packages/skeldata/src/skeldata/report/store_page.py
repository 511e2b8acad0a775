"""The report of a store: one page that says what it holds and how to make it again."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from skeldata.commandline import counted
from skeldata.errors import RecipeError
from skeldata.export.files import atomic_output
from skeldata.recipe import load_recipe
from skeldata.report import charts
from skeldata.report.contents import SEED, Contents, Group, gather
from skeldata.report.left_out import left_out, official_names
from skeldata.report.page import code, commands, facts, folded, notes, page, table
from skeldata.splits.arguments import format_ratio
from skeldata.splits.split import Split
from skeldata.store.read import Store
from skeldata.view import svg
from skeldata.view.choose import one_of_each
from skeldata.view.clips import prepared_scenes
from skeldata.view.figures import evenly_spaced

_POSES = 5
_ROWS_AT_ONCE = 16
_STYLE = """
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .9rem 1.4rem; }
.samples figure { margin: 0; min-width: 0; } .samples figure > svg { width: 100%; height: 8.5rem; }
.samples figcaption { font-size: .9rem; } .samples small { display: block; font-size: .82em; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr));
  gap: 0 2.5rem; align-items: start; } .columns > div { min-width: 0; }
table.counts { width: 100%; } table.counts th[scope=row] { font-weight: 400; }
table.counts td:last-child, table.counts th:last-child { padding-right: 0; }
.names { font-size: .85rem; max-width: none; overflow-wrap: anywhere; }
table.split code { font-size: .8em; }
"""


def write_report(
    store: Store, out: Path, *, began: Callable[[int], None] | None = None,
    advanced: Callable[[], None] | None = None,
) -> Path:  # fmt: skip
    """Write the page; an existing file is replaced.

    Args:
        store: what it is about.
        out: the page.
        began: called with the number of sample pictures before the first is drawn.
        advanced: called after each.

    Returns:
        ``out``.

    Raises:
        StoreError: the store is damaged, or the page cannot be written.
    """
    text = render(store, began, advanced)
    with atomic_output(out, overwrite=True) as temporary:
        temporary.write_text(text, "utf-8")
    return out


def render(
    store: Store,
    began: Callable[[int], None] | None = None,
    advanced: Callable[[], None] | None = None,
) -> str:
    """The page as HTML; see `write_report`."""
    contents = gather(store)
    parts = [
        facts(_facts(store)),
        notes(_warnings(store, contents)),
        _section("Splits", _splits(store, contents)),
        _section("Sample pictures", _samples(store, began, advanced)),
        _section("Classes", _classes(store, contents)),
        _section("Clip lengths", _lengths(store)),
        _section("Subjects, cameras and the rest", _columns(store, contents)),
        _section("Files that were left out", left_out(store, contents)),
        _section("Official names", official_names(contents)),
        _section("Make it again", _commands(store, contents)),
    ]
    title = f"{store.dataset.title}: {store.path.name}"
    return page(title, *parts, style=svg.STYLE + charts.STYLE + _STYLE)


def _section(title: str, parts: Iterable[str]) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{''.join(parts)}</section>\n"


def _facts(store: Store) -> Iterator[tuple[str, str]]:
    recipe, counts = store.recipe, store.attributes["counts"]
    left_out = [
        f"{counts['missing']:,} officially missing",
        f"{counts['rejected']:,} rejected",
        f"{counted(counts['ignored'], 'other file')} ignored",
    ]
    shape = (
        f"{store.persons} {'body' if store.persons == 1 else 'bodies'} × {store.frames} frames × "
        f"{store.layout.joint_count} joints"
    )
    yield "Clips", f"{len(store):,} of {shape}; streams {', '.join(store.streams)}"
    yield "Left out", ", ".join(left_out)
    yield (
        "Recipe",
        f"{html.escape(recipe['name'])} version {recipe['version']}: {html.escape(recipe['summary'])}",
    )
    yield "Content digest", code(store.content_digest)
    yield "Source digest", code(store.source_digest)
    yield "Recipe digest", code(str(store.attributes["recipe_digest"]))
    yield "Written by", ", ".join(f"{tool} {v}" for tool, v in store.attributes["tools"].items())


def _warnings(store: Store, contents: Contents) -> Iterator[str]:
    if not len(store):
        yield "the store holds no clip"
    absent = len(store.dataset.classes) - len(contents.classes)
    if absent and len(store):
        yield f"{absent} of {len(store.dataset.classes)} classes have no clip"
    if rejected := store.attributes["counts"]["rejected"]:
        yield f"{counted(rejected, 'file')} could not be used; they are listed below"
    own = [name for name, splits in contents.splits.items() if splits[0].base == "store"]
    if own:
        yield (
            f"the store holds under 99 % of the official training names of {' and '.join(own)}, so "
            "labels are drawn from its own; another lab needs the same clips to draw them"
        )


def _splits(store: Store, contents: Contents) -> Iterator[str]:
    yield (
        f"<p>Labelled clips by the rule <code>assl</code>, seed {SEED}. A digest is the SHA-256 of the "
        "sorted names, one a line: quote it, and another lab can check that it trains on the same "
        "clips.</p>"
    )
    for protocol, rule in store.dataset.protocols.items():
        splits = contents.splits.get(protocol, ())
        train = int(store.train_mask(protocol).sum())
        yield (
            f"<h3>{protocol}: {train:,} training, {contents.test[protocol]:,} test clips</h3>"
            f'<p class="faint">{html.escape(rule.rule)}</p>'
        )
        rows = [
            (
                _share(split),
                f"{split.count:,}",
                _each(split.per_class),
                code(split.digest),
            )
            for split in splits
        ]
        if rows:
            yield table(rows, ("Share", "Clips", "A class", "Digest of the names"), (1, 2), "split")
        yield notes(dict.fromkeys(warning for split in splits for warning in split.warnings))


def _share(split: Split) -> str:
    return f"{float(100 * (split.ratio or 0)):g} %"


def _each(per_class: Sequence[int]) -> str:
    there = [count for count in per_class if count]
    if not there:
        return "0"
    least, most = min(there), max(there)
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def _samples(
    store: Store, began: Callable[[int], None] | None, advanced: Callable[[], None] | None
) -> Iterator[str]:
    rows = one_of_each(store)
    if began:
        began(len(rows))
    yield (
        "<p>One clip of each class, of median length; frames from first to last, the camera follows "
        "the body. <code>skeldata view</code> plays them.</p>"
    )
    figures, persons = [], 1
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        for row, scene in zip(part, prepared_scenes(store, part), strict=True):
            persons = max(persons, scene.persons)
            name, label = store.names[row], int(store.labels[row])
            title = store.dataset.classes[label]
            picture = svg.strip(
                scene.followed(),
                evenly_spaced(store.frames, _POSES),
                height=120,
                label=f"{name}, {title}",
            )
            figures.append(
                f"<figure>{picture}<figcaption>{html.escape(title)} <small>{name}, "
                f"{counted(int(store.lengths[row]), 'frame')}</small></figcaption></figure>"
            )
            if advanced:
                advanced()
    yield svg.key(persons)
    yield f'<div class="samples">{"".join(figures)}</div>'


def _classes(store: Store, contents: Contents) -> Iterator[str]:
    protocol = next(iter(store.dataset.protocols))
    yield _legend(protocol)
    most = max((group.rows for group in contents.classes), default=0)
    labelled = contents.splits.get(protocol, ())
    header = ["Class", protocol, "Clips", "Training", "Frames"]
    header += ["Two bodies"] if store.persons > 1 else []
    header += [_share(split) for split in labelled]
    rows = []
    for group in contents.classes:
        name = html.escape(store.dataset.classes[group.value])
        cells = [f"{group.value}&ensp;{name}", _bar(group, protocol, most, name)]
        cells += [f"{group.rows:,}", f"{group.train[protocol]:,}", f"{group.length:g}"]
        cells += [f"{group.two:,}"] if store.persons > 1 else []
        cells += [f"{split.per_class[group.value]:,}" for split in labelled]
        rows.append(cells)
    yield table(rows, header, range(2, len(header)), "counts")
    yield (
        '<p class="faint">Classes are numbered from 0, as the store\'s labels. Frames: median of source '
        f"frames. Per cent: labelled clips of {protocol}, seed {SEED}.</p>"
    )


def _lengths(store: Store) -> Iterator[str]:
    if not len(store):
        return
    lengths, median = store.lengths, float(np.median(store.lengths))
    label = f"Clip lengths: {lengths.min()} to {lengths.max()} source frames, median {median:g}"
    yield (
        f"<p>Source frames with a chosen body, before every clip was resampled to {store.frames}: "
        f"{lengths.min():,} to {lengths.max():,}, median {median:g}.</p>"
    )
    yield charts.histogram_chart(charts.bin_numbers(lengths), median, label, "source frames")


def _columns(store: Store, contents: Contents) -> Iterator[str]:
    protocol = next(iter(store.dataset.protocols))
    yield _legend(protocol)
    tables = []
    for name, groups in contents.columns.items():
        most = max((group.rows for group in groups), default=0)
        rows = [
            (
                f"{group.value}",
                _bar(group, protocol, most, f"{name} {group.value}"),
                f"{group.rows:,}",
            )
            for group in groups
        ]
        content = table(rows, (name.capitalize(), protocol, "Clips"), (2,), "counts")
        if len(rows) > 20:
            content = folded(f"{counted(len(rows), name)}, each", content)
        tables.append(f"<div><h3>{name.capitalize()}s</h3>{content}</div>")
    yield f'<div class="columns">{"".join(tables)}</div>'


def _legend(protocol: str) -> str:
    return (
        '<p class="legend"><span class="swatch train"></span><span>training clips of '
        f'{protocol}</span><span class="swatch test"></span><span>test clips</span></p>'
    )


def _bar(group: Group, protocol: str, most: int, name: str) -> str:
    train = group.train[protocol]
    test = group.rows - train
    return charts.stacked_bar(train, test, most, f"{name}: {train:,} training, {test:,} test clips")


def _commands(store: Store, contents: Contents) -> Iterator[str]:
    recipe, family = store.recipe, store.dataset.family
    name = recipe["name"]
    shipped = _is_shipped(store)
    chosen = name if shipped else f"{name}.toml"
    lines = [
        f"skeldata prepare {family} --raw PATH_OF_THE_RECORDINGS --recipe {chosen} "
        f"--frames {store.frames} --out {store.path.name}",
        f"skeldata verify {store.path.name}",
    ]
    for protocol, splits in contents.splits.items():
        for split in splits:
            if split.base == "official" and split.ratio is not None:
                lines.append(
                    f"skeldata splits show --dataset {split.dataset} --protocol {protocol} "
                    f"--ratio {format_ratio(split.ratio)} --seed {SEED} --digest"
                )
    yield (
        "<p>The same raw files, recipe and version of skeldata give a store with the same content "
        "digest, byte for byte; <code>verify</code> recomputes it.</p>"
    )
    yield commands(lines)
    if not shipped:
        yield "<p>The recipe is not one that ships with this skeldata; here it is, whole.</p>"
    yield folded("The recipe", commands([json.dumps(recipe, indent=2)]))


def _is_shipped(store: Store) -> bool:
    """Whether the recipe that goes by this name here is the store's."""
    try:
        recipe = load_recipe(store.recipe["name"], frames=store.frames)
    except RecipeError:
        return False
    return recipe.digest == str(store.attributes["recipe_digest"])
