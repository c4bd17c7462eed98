# SPDX-License-Identifier: BSD-2-Clause
"""A histogram: one bar a bin, as a share of all; folded, one cell a bin and the fullest bin in words."""

from __future__ import annotations

from collections.abc import Callable
from math import log

from xtop import units
from xtop.blocks import bar, column
from xtop.ink import Line, framed
from xtop.model import Histogram, Snapshot
from xtop.picture import Picture
from xtop.widgets.line_panel import LinePanel

LABEL = 6  # cells
SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
ROOMY = 30  # cells from which a share has three digits


class HistogramPanel(LinePanel):
    """Draws the histogram that ``of`` takes from a snapshot."""

    OF_COUNTERS = True

    def __init__(self, title: str, brief: str, of: Callable[[Snapshot], Histogram], id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = title
        self._brief = brief  # where it is folded
        self._of = of

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the framed bars, or the one line."""
        histogram = self._of(picture.snapshot) if picture.snapshot else None
        if height == 1:
            return [_folded(self._brief, histogram, width, picture.look.logarithmic)]
        body = [] if histogram is None else _bars(histogram, width - 2, height - 2, picture.look.logarithmic)
        note: Line = [] if histogram is None else [(histogram.unit, "dim")]
        title = self._title
        if picture.look.logarithmic:  # no number says it, so the title must
            title = f"{title} log" if width >= ROOMY else f"{title[:1]} {self._brief} log"
        return framed(title, note, body, width, height)


def bin_label(histogram: Histogram, index: int) -> str:
    """Return what bin ``index`` holds: ``≤1518``, ``≤10ms``; the last one ``>9216``."""
    upper = histogram.upper[index]
    if upper is None:
        last = histogram.upper[index - 1] if index else None
        return ">" + _bound(last, histogram.unit)
    return "≤" + _bound(upper, histogram.unit)


def _bound(value: float | None, unit: str) -> str:
    if value is None:
        return "0"
    if unit != "s":
        return units.short(value)
    scale, name = next((unit for unit in SECONDS if value >= unit[0]), SECONDS[-1])
    amount = value / scale
    rounded = f"{amount:.1f}" if amount < 9.95 else f"{amount:.0f}"
    return f"{rounded.removesuffix('.0') if abs(amount - round(amount)) < 1e-9 else rounded}{name}"


def _shares(histogram: Histogram) -> list[float]:
    total = sum(histogram.counts)
    return [count / total if total else 0.0 for count in histogram.counts]


def bar_shares(histogram: Histogram, logarithmic: bool) -> list[float]:
    """Return how long each bar is, the longest being 1: by counts, or by their logarithms."""
    lengths = [log(1 + count) if logarithmic else float(count) for count in histogram.counts]
    greatest = max(lengths, default=0.0)
    return [length / greatest if greatest else 0.0 for length in lengths]


def _bars(histogram: Histogram, width: int, height: int, logarithmic: bool) -> list[Line]:
    shares, lengths = _shares(histogram), bar_shares(histogram, logarithmic)
    room = max(0, width - LABEL - 3 - (units.PERCENT_WIDTH if width >= ROOMY else 4))
    return [
        [
            (f"{bin_label(histogram, index):>{LABEL}} ", "dim"),
            (bar(lengths[index], room), "bar"),
            (f" {units.percent(share) if width >= ROOMY else units.brief_percent(share)} ", "base"),
        ]
        for index, share in enumerate(shares[:height])
    ]


def _folded(word: str, histogram: Histogram | None, width: int, logarithmic: bool) -> Line:
    if histogram is None:
        return [(f" {word}", "dim")]
    shares = _shares(histogram)
    fullest = max(range(len(shares)), key=shares.__getitem__, default=0)
    greatest = shares[fullest] if shares else 0
    cells = "".join(column(length) for length in bar_shares(histogram, logarithmic))
    line: Line = [(f" {word} ", "dim"), (cells, "bar")]
    if greatest and width >= len(word) + len(cells) + 12:
        line += [(f" {bin_label(histogram, fullest):<6}", "base"), (units.brief_percent(greatest), "base")]
    return line
