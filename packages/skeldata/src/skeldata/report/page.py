"""HTML pages that need nothing but themselves: light and dark, on a phone and on paper.

They look like pspmodel's reports, so that the two can lie side by side.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --faint: #5f6368; --page: #ffffff; --line: #d8dadf;
  --band: #f3f4f7; --note: #fff4d6; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e8; --faint: #a5a9b0; --page: #16171a; --line: #3a3d44; --band: #22242a;
    --note: #3d3417; }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--page); }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin-top: 1.6rem; }
p, li { max-width: 46rem; }
.note { background: var(--note); border-radius: 6px; padding: .5rem .8rem; }
.faint, small { color: var(--faint); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th { text-align: left; font-weight: 600; }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { overflow-wrap: anywhere; font-size: .9em; }
pre { background: var(--band); border-radius: 6px; padding: .6rem .8rem; overflow-x: auto;
  font-size: .85rem; line-height: 1.45; }
summary { cursor: pointer; }
@media screen and (max-width: 40rem) {
  body { margin: 1rem auto; font-size: 15px; } th, td { padding-right: .6rem; }
}
@media print {
  body { margin: 0; max-width: none; font-size: 10pt; } .scroll { overflow: visible; }
  tr, figure, svg { break-inside: avoid; } h2, h3 { break-after: avoid; }
  pre { white-space: pre-wrap; }
}
"""

_ALONE = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Content-Security-Policy: whatever stands in the page, nothing is fetched."""


def page(title: str, *parts: str, style: str = "", script: str = "") -> str:
    """A whole page; ``parts`` are HTML, the title is text, ``style`` is added to the common one."""
    # A literal "</" inside a script would end it.
    code = f"<script>{script}</script>" if script else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_ALONE}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}{style}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1>\n{''.join(parts)}{code}</body></html>\n"
    )


def table(
    rows: Iterable[Sequence[str]],
    header: Sequence[str] = (),
    numbers: Iterable[int] = (),
    kind: str = "",
) -> str:
    """A table that scrolls by itself where the window is too narrow.

    Args:
        rows: cells as HTML; the first of each row is its head.
        header: texts above the columns.
        numbers: which columns are numbers.
        kind: a class of the style sheet.
    """
    right = frozenset(numbers)

    def cell(tag: str, place: int, content: str, scope: str = "") -> str:
        number = " class=number" if place in right else ""
        return f"<{tag}{scope}{number}>{content}</{tag}>"

    head = "".join(
        cell("th", place, html.escape(text), " scope=col") for place, text in enumerate(header)
    )
    body = "".join(
        "<tr>"
        + "".join(
            cell("td" if place else "th", place, content, "" if place else " scope=row")
            for place, content in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<div class="scroll"><table{f" class={kind}" if kind else ""}>'
        f"{f'<thead><tr>{head}</tr></thead>' if header else ''}<tbody>{body}</tbody></table></div>\n"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """A table of heads (text) and values (HTML)."""
    return table((html.escape(head), value) for head, value in pairs)


def notes(texts: Iterable[str]) -> str:
    """Warnings, each in its box."""
    return "".join(f'<p class="note"><b>Note:</b> {html.escape(text)}</p>' for text in texts)


def folded(summary: str, content: str) -> str:
    """Details that open on request; ``summary`` is text, ``content`` HTML."""
    return f"<details><summary>{html.escape(summary)}</summary>{content}</details>\n"


def code(text: str) -> str:
    """A digest, name or command inside a line."""
    return f"<code>{html.escape(text)}</code>"


def commands(lines: Iterable[str]) -> str:
    """Commands to be copied."""
    return f"<pre>{html.escape(chr(10).join(lines))}</pre>\n"
