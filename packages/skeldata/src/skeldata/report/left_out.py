"""The parts of a report that say what is not in the store, and why."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from skeldata.commandline import counted
from skeldata.report.contents import Contents
from skeldata.report.page import facts, folded, table
from skeldata.store.read import Store

_LISTED = 200  # rejected files and names in the page; the store has them all


def left_out(store: Store, contents: Contents) -> Iterator[str]:
    """Rejected files with reasons, and ignored ones; HTML parts."""
    counts, rejected = store.attributes["counts"], store.attributes["rejected"]
    if rejected:
        rows = [
            (
                html.escape(each["name"]),
                "" if each["line"] is None else f"{each['line']:,}",
                html.escape(each["reason"]),
            )
            for each in rejected[:_LISTED]
        ]
        yield f"<h3>{counted(len(rejected), 'file')} rejected</h3>"
        yield table(rows, ("Sample", "Line", "Reason"), (1,))
        if len(rejected) > _LISTED:
            yield f"<p>... and {len(rejected) - _LISTED:,} more: <code>skeldata info</code>.</p>"
    else:
        yield "<p>No file was rejected.</p>"
    if ignored := counts["ignored"]:
        yield f"<h3>{counted(ignored, 'other file')} ignored</h3>"
        yield table(
            [(html.escape(why), f"{n:,}") for why, n in contents.ignored.items()],
            ("Reason", "Files"), (1,),
        )  # fmt: skip
        listed = store.attributes["ignored"][:_LISTED]
        yield folded("Their paths", _list(each["path"] for each in listed))
        if ignored > len(listed):
            yield f"<p>... and {ignored - len(listed):,} more.</p>"


def official_names(contents: Contents) -> Iterator[str]:
    """The store's names beside the official and the missing ones; HTML parts."""
    names = contents.names
    share = 100 * names.held / names.official
    yield facts(
        [
            ("Official names held", f"{names.held:,} of {names.official:,} ({share:.4g} %)"),
            ("Official names lacking", f"{len(names.lacking):,}"),
            ("Clips beyond the official list", f"{len(names.beyond):,}"),
            (
                "Officially missing",
                f"{names.missing:,} on the list, {len(names.missing_seen):,} of them among the raw "
                "files and left out",
            ),
        ]
    )
    for title, listed in (
        ("Official names that the store lacks", names.lacking),
        ("Clips beyond the official list", names.beyond),
        ("Officially missing, found and left out", names.missing_seen),
    ):
        if listed:
            some = f"{title} (the first {_LISTED})" if len(listed) > _LISTED else title
            yield folded(some, _list(listed[:_LISTED]))


def _list(texts: Iterable[str]) -> str:
    return f'<p class="names">{html.escape(", ".join(texts))}</p>'
