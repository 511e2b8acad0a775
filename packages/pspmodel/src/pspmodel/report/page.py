"""HTML pages that need nothing but themselves: light and dark, on a phone and on paper.

They look like skeldata's reports, so that the two can lie side by side.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_WIDE = 1400
"""Pixels above which a picture is scrolled instead of made unreadably small."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --faint: #5f6368; --page: #ffffff; --line: #d8dadf;
  --band: #f3f4f7; --note: #fff4d6; --bar: #9fc4e4; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e8; --faint: #a5a9b0; --page: #16171a; --line: #3a3d44; --band: #22242a;
    --note: #3d3417; --bar: #2f5878; }
  img { filter: invert(.915) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--page); }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin-top: 1.6rem; }
p, li, figcaption { max-width: 46rem; overflow-wrap: anywhere; }
.note { background: var(--note); border-radius: 6px; padding: .5rem .8rem; }
.faint, small, figcaption { color: var(--faint); } small { font-size: .82em; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; } .dense { font-size: .85rem; white-space: nowrap; }
th { text-align: left; font-weight: 600; }
.dense td, .dense th { padding-right: .7rem; }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.band th { background: var(--band); font-size: .9rem; padding: .35rem .5rem; }
th[scope=row] { position: sticky; left: 0; background: var(--page); }
tr.ours td.number { font-weight: 600; } tr.ours small { font-weight: 400; }
td .bar { display: inline-block; height: .8em; background: var(--bar); border-radius: 2px; }
td .track { display: block; width: 9rem; }
code { overflow-wrap: anywhere; font-size: .9em; }
pre { background: var(--band); border-radius: 6px; padding: .6rem .8rem; overflow-x: auto;
  font-size: .85rem; line-height: 1.45; }
pre code { font-size: 1em; }
pre.wrapped { white-space: pre-wrap; padding-left: 2.3rem; text-indent: -1.5rem; }
pre.wrapped code { display: block; } pre.wrapped span { white-space: nowrap; }
summary { cursor: pointer; }
figure { margin: 1rem 0; } figcaption { font-size: .9rem; margin-top: .4rem; }
img { max-width: 100%; height: auto; background: white; border-radius: 4px; }
img.wide { max-width: none; }
@media screen and (max-width: 40rem) {
  body { margin: 1rem auto; font-size: 15px; } th, td { padding-right: .6rem; }
  img { max-width: none; min-width: 34rem; } td .track { width: 5rem; }
  .reading th[scope=row] { min-width: 6.5rem; max-width: 9rem; overflow-wrap: break-word; }
  .reading td:last-child:not(.number, :only-of-type) { min-width: 14rem; }
}
@media print {
  body { margin: 0; max-width: none; font-size: 10pt; } .scroll { overflow: visible; }
  img, img.wide { max-width: 100%; max-height: 22cm; } figure, img, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; } th[scope=row] { position: static; }
  pre { white-space: pre-wrap; } .dense { font-size: 7pt; white-space: normal; }
  .dense code { overflow-wrap: anywhere; }
  td .bar { border: 1px solid var(--faint); }
}
"""

_ALONE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Content-Security-Policy: whatever stands in the page, nothing is fetched and nothing runs."""


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        head: its first cell, HTML.
        cells: the others, HTML.
        kind: a class of the style sheet; ``band`` spans the table with ``head`` alone.
    """

    head: str
    cells: Sequence[str] = ()
    kind: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture and what it shows.

    Attributes:
        caption: text under it, which those who do not see it are told too.
        png: its bytes, drawn for one and a half times the usual number of pixels.
    """

    caption: str
    png: bytes = field(repr=False)


def page(title: str, *parts: str) -> str:
    """A whole page; ``parts`` are HTML, the title is text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_ALONE}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1>\n{''.join(parts)}</body></html>\n"
    )


def table(
    rows: Iterable[Row],
    header: Sequence[str] = (),
    numbers: Iterable[int] = (),
    *,
    dense: bool = False,
) -> str:
    """A table that scrolls by itself where the window is too narrow.

    Args:
        rows: with heads and cells as HTML.
        header: texts above the columns, the first above the heads.
        numbers: which cells (0 = first behind the head) are numbers.
        dense: small and unbroken, for many columns.
    """
    right = frozenset(numbers)

    def kind(place: int) -> str:
        return " class=number" if place in right else ""

    parts = [f'<div class="scroll"><table class={"dense" if dense else "reading"}>']
    if header:
        cells = "".join(
            f"<th scope=col{kind(place)}>{html.escape(text)}</th>"
            for place, text in enumerate(header, -1)
        )
        parts.append(f"<thead><tr>{cells}</tr></thead>")
    parts.append("<tbody>")
    for row in rows:
        if row.kind == "band":
            parts.append(
                f'<tr class=band><th colspan="{len(header) or 2}" scope=colgroup>{row.head}</th></tr>'
            )
            continue
        cells = "".join(f"<td{kind(place)}>{cell}</td>" for place, cell in enumerate(row.cells))
        parts.append(
            f"<tr{f' class={row.kind}' if row.kind else ''}><th scope=row>{row.head}</th>{cells}</tr>\n"
        )
    return "".join((*parts, "</tbody></table></div>\n"))


def picture(shown: Picture) -> str:
    """A picture with its caption, inside the page."""
    text = html.escape(shown.caption)
    width = int.from_bytes(shown.png[16:20], "big") * 2 // 3  # PNG: the first number of its header
    encoded = base64.b64encode(shown.png).decode()
    wide = ' class="wide"' if width > _WIDE else ""
    return (
        f'<figure><div class="scroll"><img{wide} alt="{text}" width="{width}" '
        f'src="data:image/png;base64,{encoded}"></div><figcaption>{text}</figcaption></figure>\n'
    )


def notes(texts: Iterable[str]) -> str:
    """Warnings, each in its box."""
    return "".join(f'<p class="note"><b>Note:</b> {html.escape(text)}</p>' for text in texts)


def commands(lines: Iterable[str]) -> str:
    """Commands to be copied; long ones go on below, further in."""
    inside = "".join(f"<code>{_unbroken(html.escape(line))}</code>" for line in lines)
    return f'<pre class="wrapped">{inside}</pre>\n'


def _unbroken(line: str) -> str:
    """A line whose options never end behind their hyphens."""
    return re.sub(r"(?<= )--[\w-]+", r"<span>\g<0></span>", line)


def folded(summary: str, content: str) -> str:
    """Details that open on request; ``summary`` is text, ``content`` HTML."""
    return f"<details><summary>{html.escape(summary)}</summary>{content}</details>\n"


def code(text: str) -> str:
    """A digest, name or command inside a line."""
    return f"<code>{html.escape(text)}</code>"


def bar(share: float) -> str:
    """A fraction as a length, beside its number."""
    return f'<span class=track><span class=bar style="width:{100 * share:.1f}%"></span></span>'


def replace(path: Path, text: str) -> None:
    """Write a text file at once: never a half-written one under its name."""
    temporary = path.with_name(f".{path.name}.writing")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
