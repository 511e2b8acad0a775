"""From a store and a name to a file: which clips, which kind of picture."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from pathlib import Path

from skeldata.errors import UsageError
from skeldata.report.page import code
from skeldata.store.read import Store
from skeldata.view.choose import label_of, one_of_each, row_of, rows_of_class
from skeldata.view.clips import prepared_scene, prepared_scenes, raw_scene
from skeldata.view.figures import require_matplotlib, write_gif, write_sheet, write_strip
from skeldata.view.player import write_player
from skeldata.view.style import facts_of, length_of, recipe_of, seconds_of, title_of

SUFFIXES = (".gif", ".png", ".html")


def draw_clip(
    store: Store,
    name: str,
    out: Path,
    *,
    raw: str | Path | None = None,
    names: bool = False,
    frames: int = 8,
    speed: float = 1.0,
    advanced: Callable[[], None] | None = None,
) -> Path:
    """Draw one clip of a store; an existing file is replaced.

    Args:
        store: that holds it.
        name: of the sample.
        out: ends in ``.gif`` (moving), ``.png`` (a strip of frames) or ``.html`` (a player).
        raw: folder, zip or file of raw recordings: the recording is shown beside the clip.
        names: write joint names beside the main body.
        frames: of a strip.
        speed: of a GIF and a player's start; 1 is as recorded, 0.5 half as fast.
        advanced: called after every frame of a GIF.

    Returns:
        ``out``.

    Raises:
        UsageError: there is no such sample, or the suffix is none of these.
        SourceError, ParseError: the raw recording is missing or unreadable.
        MissingExtraError: GIF or PNG and matplotlib or pillow is not installed.
        StoreError: the file cannot be written.
    """
    kind = _kind(out, SUFFIXES)
    row = row_of(store, name)
    scenes = [prepared_scene(store, row)]
    if raw is not None:
        scenes.append(raw_scene(store, row, raw))
    title, facts, seconds = title_of(store, row), facts_of(store, row), seconds_of(store, row)
    if kind == ".gif":
        write_gif(
            out, scenes, title, facts, seconds=seconds / speed, names=names, advanced=advanced
        )
    elif kind == ".png":
        write_strip(out, scenes, title, facts, frames=frames, names=names)
    else:
        about = _about(store, row)
        write_player(out, scenes, title, about, seconds=seconds / speed, names=names)
    return out


def draw_sheet(
    store: Store,
    out: Path,
    *,
    action: str | None = None,
    count: int = 12,
    frames: int = 6,
    advanced: Callable[[], None] | None = None,
) -> Path:
    """Draw a contact sheet: clips of one class, or one clip of each class.

    Args:
        store: that holds them.
        out: ends in ``.png``; an existing file is replaced.
        action: the class, by name or by its number in sample names; None for one of each.
        count: how many clips of a class at most, evenly spaced in name order.
        frames: of each clip.
        advanced: called after every clip.

    Returns:
        ``out``.

    Raises:
        UsageError: there is no such class, no clip of it, or the suffix is another.
        MissingExtraError: matplotlib or pillow is not installed.
        StoreError: the file cannot be written.
    """
    _kind(out, (".png",))
    if action is None:
        rows = one_of_each(store)
        title = f"{store.dataset.title}: one clip of each class"
        texts = [title_of(store, row) for row in rows]
        facts = f"clips of median length, {recipe_of(store)}"
    else:
        label = label_of(store.dataset, action)
        rows = rows_of_class(store, label, count)
        title = f"{store.dataset.title}: {store.dataset.classes[label]}"
        texts = [f"{store.names[row]}, {store.lengths[row]} frames" for row in rows]
        inside = int((store.labels == label).sum())
        facts = f"{len(rows)} of {inside:,} clips, evenly spaced by name, {recipe_of(store)}"
    clips = list(zip(texts, prepared_scenes(store, rows), strict=True))
    write_sheet(out, clips, title, facts, frames=frames, advanced=advanced)
    return out


def _kind(out: Path, known: tuple[str, ...]) -> str:
    kind = out.suffix.lower()
    if kind not in known:
        raise UsageError(f"cannot draw {out}: end its name in {' or '.join(known)}")
    if kind != ".html":
        require_matplotlib()
    return kind


def _about(store: Store, row: int) -> Iterator[tuple[str, str]]:
    """Heads and values (HTML) of the table under a player."""
    columns = [f"{key} {store.column(key)[row]}" for key in store.attributes["columns"]]
    prepared = f"{recipe_of(store)}: {store.recipe['summary']}"
    parts = [
        f"{'training' if store.train_mask(name)[row] else 'test'} clip of {name}"
        for name in store.dataset.protocols
    ]
    yield "Dataset", store.dataset.title
    yield "Recording", ", ".join(columns)
    yield "Splits", ", ".join(parts)
    yield "Length", f"{length_of(store, row)}, by linear interpolation"
    yield "Prepared by", html.escape(prepared)
    yield "Store", code(store.content_digest)
