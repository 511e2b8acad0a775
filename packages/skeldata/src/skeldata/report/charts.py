"""Charts as inline SVG with sizes in per cent: letters stay as large as those of the page."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

STYLE = """
:root { --train: #2b7bba; --test: #b9c2cf; }
@media screen and (prefers-color-scheme: dark) { :root { --train: #4f9bd8; --test: #565c68; } }
.bar { width: 100%; min-width: 5rem; height: .8rem; display: block; margin-top: .4rem; }
.train { fill: var(--train); } .test { fill: var(--test); }
.chart { width: 100%; height: 15rem; overflow: visible; }
.chart text { font: 12px system-ui, sans-serif; fill: var(--faint); }
.chart line { stroke: var(--line); stroke-width: 1; }
.chart line.median { stroke: var(--ink); stroke-dasharray: 4 3; }
.swatch { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin: 0 .35rem 0 0;
  vertical-align: -.05rem; }
.swatch.train { background: var(--train); } .swatch.test { background: var(--test); }
.legend { font-size: .9rem; } .legend span + .swatch { margin-left: 1.2rem; }
@media print { .chart rect, .bar rect, .swatch {
  print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""

_WIDEST_BAR = 8.0  # per cent
_TOP = 1.12  # room above the highest bar, for the median's word


@dataclass(frozen=True)
class Histogram:
    """Counts of numbers in bins of one width.

    Attributes:
        start: lower end of the first bin.
        width: of every bin.
        counts: how many numbers lie in each, lower end included.
    """

    start: int
    width: int
    counts: tuple[int, ...]


def bin_numbers(values: NDArray[np.int64], most: int = 40) -> Histogram:
    """Count whole numbers in at most ``most`` bins of a round width.

    >>> bin_numbers(np.array([1, 2, 2, 7]), most=4)
    Histogram(start=0, width=2, counts=(1, 2, 0, 1))
    """
    low, high = int(values.min()), int(values.max())
    width = next(s for s in _round_numbers() if high // s - low // s < most)
    start = low // width * width
    counts = np.bincount((values - start) // width)
    return Histogram(start, width, tuple(counts.tolist()))


def stacked_bar(train: int, test: int, most: int, label: str) -> str:
    """Training and test clips of one line of a table; ``most`` is the longest bar's number."""
    first, second = 100 * train / max(most, 1), 100 * test / max(most, 1)
    return (
        f'<svg class="bar" role="img" aria-label="{html.escape(label)}">'
        f'<rect class="train" width="{first:.2f}%" height="100%"/>'
        f'<rect class="test" x="{first:.2f}%" width="{second:.2f}%" height="100%"/></svg>'
    )


def histogram_chart(histogram: Histogram, median: float, label: str, unit: str) -> str:
    """Bars over a number line, with the median marked.

    Args:
        histogram: what to draw.
        median: of the numbers.
        label: for readers who cannot see it.
        unit: of the numbers, written under the line.
    """
    left, right, bottom = 6.0, 99.0, 82.0  # per cent
    counts, width = histogram.counts, histogram.width
    each = min((right - left) / len(counts), _WIDEST_BAR)
    scale = bottom / (max(counts) * _TOP)

    def x_of(value: float) -> float:
        return left + each * (value - histogram.start) / width

    parts = []
    for tick in _ticks(max(counts)):
        y = f"{bottom - tick * scale:.2f}%"
        parts.append(
            f'<line x1="{left}%" x2="{right}%" y1="{y}" y2="{y}"/>'
            f'<text x="{left - 1}%" y="{y}" text-anchor="end" dy="4">{tick:,}</text>'
        )
    for place, number in enumerate(counts):
        low = histogram.start + place * width
        high = low + width - 1
        told = f"{low}" if low == high else f"{low} to {high}"
        parts.append(
            f'<rect class="train" x="{left + place * each + 0.06 * each:.3f}%" width="{0.88 * each:.3f}%" '
            f'y="{bottom - number * scale:.3f}%" height="{number * scale:.3f}%">'
            f"<title>{told} {html.escape(unit)}: {number:,}</title></rect>"
        )
    end = histogram.start + len(counts) * width
    step = next(s for s in _round_numbers() if (end - histogram.start) / s <= 8)
    for value in range(-(-histogram.start // step) * step, end + 1, step):
        parts.append(
            f'<text x="{x_of(value):.2f}%" y="{bottom}%" dy="18" text-anchor="middle">{value}</text>'
        )
    centre = x_of(median + 0.5)  # a bin of width 1 holds one number, at its middle
    parts.append(
        f'<line class="median" x1="{centre:.2f}%" x2="{centre:.2f}%" y1="4%" y2="{bottom}%"/>'
        f'<text x="{centre:.2f}%" y="4%" dx="6" dy="8">median {median:g}</text>'
        f'<text x="{(left + right) / 2}%" y="{bottom}%" dy="38" text-anchor="middle">'
        f"{html.escape(unit)}</text>"
    )
    return f'<svg class="chart" role="img" aria-label="{html.escape(label)}">{"".join(parts)}</svg>'


def _ticks(most: int) -> Sequence[int]:
    """At most six round numbers from 0 up to ``most``."""
    return range(0, most + 1, next(s for s in _round_numbers() if most / s <= 5))


def _round_numbers() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50, ..."""
    return (step * 10**power for power in count() for step in (1, 2, 5))
