"""HTML pages that need nothing but themselves: light and dark, on a phone and on paper."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_WIDE = 1400
"""Pixels above which a picture is scrolled instead of made unreadably small."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --faint: #5f6368; --page: #ffffff; --line: #d8dadf;
  --band: #f3f4f7; --note: #fff4d6; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e8; --faint: #a5a9b0; --page: #16171a; --line: #3a3d44; --band: #22242a;
    --note: #3d3417; }
  img { filter: invert(.92) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--page); }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin-top: 1.6rem; } p, li { max-width: 46rem; }
.note { background: var(--note); border-radius: 6px; padding: .5rem .8rem; }
.faint, small { color: var(--faint); } small { font-size: .82em; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; } .dense { font-size: .85rem; white-space: nowrap; }
th { text-align: left; font-weight: 600; }
.dense td, .dense th { padding-right: .7rem; }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.band th { background: var(--band); font-size: .9rem; padding: .35rem .5rem; }
th[scope=row] { position: sticky; left: 0; background: var(--page); }
tr.ours td.number { font-weight: 600; } tr.ours small { font-weight: 400; }
code { overflow-wrap: anywhere; font-size: .9em; }
img { max-width: 100%; height: auto; background: white; border-radius: 4px; }
img.wide { max-width: none; }
.classes { columns: 17rem; padding: 0; list-style: none; }
.classes li { display: flex; justify-content: space-between; gap: 1rem; break-inside: avoid;
  border-bottom: 1px solid var(--line); font-size: .9rem; }
@media screen and (max-width: 40rem) {
  body { margin: 1rem auto; font-size: 15px; } th, td { padding-right: .6rem; }
  img { max-width: none; min-width: 34rem; }
}
@media print {
  body { margin: 0; max-width: none; font-size: 10pt; } .scroll { overflow: visible; }
  img, img.wide { max-width: 100%; } img, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; } th[scope=row] { position: static; }
}
"""


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


def page(title: str, *parts: str) -> str:
    """A whole page; ``parts`` are HTML, the title is text."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{html.escape(title)}</h1>{''.join(parts)}</html>\n"
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

    parts = [f'<div class="scroll"><table{" class=dense" if dense else ""}>']
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
            f"<tr{f' class={row.kind}' if row.kind else ''}><th scope=row>{row.head}</th>{cells}</tr>"
        )
    return "".join((*parts, "</tbody></table></div>"))


def picture(title: str, data: bytes, heading: str = "h2") -> str:
    """A PNG with its heading, inside the page; drawn for twice the usual number of pixels."""
    text = html.escape(title)
    width = int.from_bytes(data[16:20], "big") * 2 // 3  # PNG: the first number of its header
    encoded = base64.b64encode(data).decode()
    wide = ' class="wide"' if width > _WIDE else ""
    return (
        f'<{heading}>{text}</{heading}><div class="scroll"><img{wide} alt="{text}" width="{width}" '
        f'src="data:image/png;base64,{encoded}"></div>'
    )


def notes(texts: Iterable[str]) -> str:
    """Warnings, each in its box."""
    return "".join(f'<p class="note"><b>Note:</b> {html.escape(text)}</p>' for text in texts)


def replace(path: Path, text: str) -> None:
    """Write a text file at once: never a half-written one under its name."""
    temporary = path.with_name(f".{path.name}.writing")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
