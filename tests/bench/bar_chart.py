# SPDX-License-Identifier: BSD-2-Clause
"""Bars as SVG: panels beneath each other, a bar a line, its value behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, MARGIN, LABEL = 860, 24, 300
LINE, BAR, HEAD = 26, 16, 34
COLOURS = {"ours": "#2a6f97", "theirs": "#c77d3b"}


@dataclass(frozen=True)
class Bar:
    """One figure; ``whose`` is a key of COLOURS."""

    label: str
    value: float
    text: str
    whose: str = "ours"


@dataclass(frozen=True)
class Panel:
    """Bars of one scale."""

    title: str
    bars: Sequence[Bar]


def draw(title: str, panels: Sequence[Panel], legend: dict[str, str]) -> str:
    """Return an SVG picture."""
    parts = [_text(MARGIN, 30, title, 17, "bold")]
    x = MARGIN
    for whose, word in legend.items():
        parts += [_box(x, 44, 12, 12, COLOURS[whose]), _text(x + 18, 55, word, 13)]
        x += 50 + 8 * len(word)
    y = 84
    for panel in panels:
        parts.append(_text(MARGIN, y + 4, panel.title, 14, "bold"))
        y += HEAD - 14
        longest = max(bar.value for bar in panel.bars)
        for bar in panel.bars:
            long = bar.value / longest * (WIDTH - LABEL - 2 * MARGIN - 120)
            parts.append(_text(LABEL - 8, y + 13, bar.label, 13, anchor="end"))
            parts.append(_box(LABEL, y, max(1.0, long), BAR, COLOURS[bar.whose]))
            parts.append(_text(LABEL + max(1.0, long) + 6, y + 13, bar.text, 13))
            y += LINE
        y += 22
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif">'
    return "\n".join([head, _box(0, 0, WIDTH, y, "#ffffff"), *parts, "</svg>"]) + "\n"


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.1f}" height="{height:.0f}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, size: int, weight: str = "normal", anchor: str = "start") -> str:
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="#222222"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {style}>{escape(words)}</text>'
