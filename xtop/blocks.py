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


def history(values: Sequence[float | None], top: float, width: int, idle: str = UP[1]) -> str:
    """Return the last ``width`` values as columns that share ``top``; what was not measured is blank, 0 is ``idle``."""
    shown = values[-width:] if width > 0 else ()
    cells = [" " if one is None else column(one / top) if one > 0 and top > 0 else idle for one in shown]
    return "".join(cells).rjust(max(0, width))


# Of a braille cell, the dots of its left and right column, lowest first (U+2800 and the sum of the bits).
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))


def braille_curve(values: Sequence[float | None], height: int, top: float) -> list[str]:
    """Return a filled curve of dots ``height`` lines high, uppermost first; two values a column."""
    most = height * 4
    dots = [0 if value is None or top <= 0 else max(1, min(most, round(value / top * most))) for value in values]
    dots = [0] * (len(dots) % 2) + dots
    lines = []
    for level in reversed(range(height)):
        cells = []
        for left, right in zip(dots[::2], dots[1::2], strict=True):
            bits = sum(_DOTS[0][dot] for dot in range(4) if left > level * 4 + dot)
            bits += sum(_DOTS[1][dot] for dot in range(4) if right > level * 4 + dot)
            cells.append(chr(0x2800 + bits) if bits else " ")
        lines.append("".join(cells))
    return lines


def _eighths(share: float, height: int) -> int:
    return max(1, min(height * 8, round(share * height * 8)))


LEAST_BITS = 1000.0  # per second, at the top of an axis: what a quiet link does is no mountain


def ceiling(value: float, least: float = LEAST_BITS) -> float:
    """Return the top of an axis: of 1, 2 or 5 times a power of ten what just holds ``value``, not below ``least``."""
    if value <= least:
        return least
    power = 10.0 ** ceil(log10(value) - 1 - 1e-12)
    for step in (1, 2, 5):
        if value <= power * step:
            return power * step
    return power * 10


class SteadyCeiling:
    """The top of an axis that does not jump about: it rises at once, and falls only after ``patience`` calmer looks."""

    def __init__(self, patience: int = 10, least: float = LEAST_BITS) -> None:
        self._patience = patience
        self._least = least
        self._top = 0.0
        self._calm = 0
        self._looked_at: int | None = None

    def fit(self, greatest: float, looked_at: int) -> float:
        """Return the top for values up to ``greatest``; only another ``looked_at`` counts as another look."""
        if greatest > self._top or self._looked_at is None:
            self._top, self._calm = ceiling(greatest, self._least), 0
        elif looked_at != self._looked_at:
            # A step lower only where it leaves room: a value just below a step would bring the old one back at once.
            lower = ceiling(greatest / 0.8, self._least)
            self._calm = self._calm + 1 if lower < self._top else 0
            if self._calm >= self._patience:
                self._top, self._calm = lower, 0
        self._looked_at = looked_at
        return self._top
