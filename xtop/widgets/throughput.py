# SPDX-License-Identifier: BSD-2-Clause
"""How much: bits per second over the last minute and more, as a curve with its axis; folded, as a line."""

from __future__ import annotations

from xtop import units
from xtop.blocks import ceiling, curve, sparkline
from xtop.ink import Line, framed, spread
from xtop.picture import Picture
from xtop.widgets.line_panel import LinePanel

AXIS = 5  # cells
LEAST_SECONDS = 60


class Throughput(LinePanel):
    """One column of the curve is one second; what is wide enough shows more than the last 60."""

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the framed curve, or the one line."""
        if height == 1:
            return [_folded(picture, width)]
        columns = width - 2 - AXIS - 2
        values = _shown(picture, columns)
        note = _note(picture, values)
        graph = _graph(picture, values, columns, height - 2)
        return framed(f"Throughput · {len(values)} s", note, graph, width, height)


def _shown(picture: Picture, columns: int) -> list[float | None]:
    """Return the seconds that fit; where fewer than a minute's worth do, the greatest of each two or more."""
    if columns >= LEAST_SECONDS:
        return list(picture.curves.bps[-columns:])
    return list(picture.curves.bps[-LEAST_SECONDS:])


def _squeezed(values: list[float | None], columns: int) -> list[float | None]:
    step = -(-len(values) // max(1, columns))
    if step <= 1:
        return values
    groups = [values[max(0, end - step) : end] for end in range(len(values), 0, -step)]
    return [max((value for value in group if value is not None), default=None) for group in reversed(groups)]


def _graph(picture: Picture, values: list[float | None], columns: int, height: int) -> list[Line]:
    scale = 8 if picture.in_bytes else 1
    drawn = [None if value is None else value / scale for value in _squeezed(values, columns)]
    top = ceiling(max((value for value in drawn if value is not None), default=0))
    labels = {0: units.short(top), height - 1: "0"}
    labels[height // 2] = units.short(top / 2)
    return [
        [(f" {labels.get(row, ''):>{AXIS - 1}} ", "dim"), (text.rjust(columns), "bar")]
        for row, text in enumerate(curve(drawn, height, top))
    ]


def _note(picture: Picture, values: list[float | None]) -> Line:
    peak = max((value for value in values if value is not None), default=0.0)
    unit = "byte/s" if picture.in_bytes else "bit/s"
    return [(f"{unit}, peak ", "dim"), (units.rate(peak, picture.in_bytes).strip(), "base")]


def _folded(picture: Picture, width: int) -> Line:
    values = [value for value in picture.curves.bps[-LEAST_SECONDS:] if value is not None]
    peak = max(values, default=0.0)
    right: Line = [("peak ", "dim"), (units.rate(peak, picture.in_bytes), "base"), (" ", "base")]
    columns = min(LEAST_SECONDS, width - 34)
    step = 2 if columns < LEAST_SECONDS else 1
    groups = [max(values[at : at + step]) for at in range(0, len(values), step)]
    return spread([(" Last 60 s ", "dim"), (sparkline(groups, columns), "bar")], right, width)
