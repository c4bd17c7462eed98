# SPDX-License-Identifier: BSD-2-Clause
"""Bars and curves out of block characters, an eighth of a cell fine."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log10

ACROSS = " ▏▎▍▌▋▊▉█"
UP = " ▁▂▃▄▅▆▇█"


def bar(share: float, width: int) -> str:
    """Return a bar across ``width`` cells filled to ``share`` (0 to 1); what is there at all shows."""
    eighths = min(width * 8, max(0, round(share * width * 8)))
    if share > 0 and eighths == 0:
        eighths = 1
    full, rest = divmod(eighths, 8)
    return f"{'█' * full + (ACROSS[rest] if rest else ''):<{width}}"


def column(share: float) -> str:
    """Return one cell filled upwards to ``share`` (0 to 1); never blank: a place with nothing is a place."""
    return UP[min(8, max(1, round(share * 8)))]


def sparkline(values: Sequence[float], width: int) -> str:
    """Return the last ``width`` values as a line of columns that share the greatest value, right-aligned."""
    shown = values[-width:]
    top = max(shown, default=0)
    return "".join(column(value / top if top > 0 else 0) for value in shown).rjust(width)


def curve(values: Sequence[float | None], height: int, top: float) -> list[str]:
    """Return a filled curve ``height`` lines high, uppermost first, one column a value; ``top`` is the full height."""
    filled = [0 if value is None or top <= 0 else _eighths(value / top, height) for value in values]
    lines = []
    for level in reversed(range(height)):
        lines.append("".join(UP[min(8, max(0, eighths - level * 8))] for eighths in filled))
    return lines


def _eighths(share: float, height: int) -> int:
    return max(1, min(height * 8, round(share * height * 8)))


def ceiling(value: float) -> float:
    """Return the least of 1, 2 or 5 times a power of ten that holds ``value``, at least 1000: the top of an axis."""
    if value <= 1000:
        return 1000.0
    power = 10.0 ** ceil(log10(value) - 1 - 1e-12)
    for step in (1, 2, 5):
        if value <= power * step:
            return power * step
    return power * 10
