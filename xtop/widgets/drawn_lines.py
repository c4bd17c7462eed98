# SPDX-License-Identifier: BSD-2-Clause
"""Lines of ink as strips on the screen, of which only the cells that changed are drawn again.

A terminal over SSH gets what differs and little else. The framework redraws whole widgets; here each line is held
against the one before it: one that is the same stays the strip that it is, of another the cells that differ are named.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from xtop.ink import INKS, Line, fitted

INK_CLASSES: set[str] = {f"ink--{ink}" for ink in INKS} | {"ink--selected"}

Palette = dict[str, Style]


def palette_of(widget: Widget) -> Palette:
    """Return the style of each ink under the present theme, and that of the ``selected`` row."""
    palette: Palette = {ink: widget.get_component_rich_style(f"ink--{ink}") for ink in INKS}
    selected = widget.get_component_rich_style("ink--selected")
    palette["selected"] = Style(bgcolor=selected.bgcolor, reverse=selected.reverse)
    return palette


class DrawnLines:
    """What stands on a widget, line by line."""

    def __init__(self) -> None:
        self.strips: list[Strip] = []
        self._lines: list[tuple[Line, bool]] = []  # and whether it is the selected one
        self._size = Size(0, 0)
        self._palette: Palette | None = None

    def draw(self, lines: Sequence[Line], size: Size, palette: Palette, selected: int = -1) -> list[Region]:
        """Put ``lines`` in the place of those before, one of them as the selected row; return what to draw again.

        That is one piece of each line that differs, because the framework sends each piece from the widget's left edge
        on: of two it would send the first twice.
        """
        wanted = [(line, at == selected) for at, line in enumerate(lines[: size.height])]
        wanted += [([], False)] * (size.height - len(wanted))
        if size != self._size or palette is not self._palette:
            self._size, self._palette, self._lines = size, palette, wanted
            self.strips = [_strip(*one, palette, size.width) for one in wanted]
            return [Region(0, 0, *size)]
        regions = []
        for y, (one, before) in enumerate(zip(wanted, self._lines, strict=True)):
            if one != before:
                strip = _strip(*one, palette, size.width)
                changed = _changed(self.strips[y], strip)
                self.strips[y] = strip
                if changed:
                    regions.append(Region(changed[0], y, changed[-1] + 1 - changed[0], 1))
        self._lines = wanted
        return regions


def _strip(line: Line, selected: bool, palette: Palette, width: int) -> Strip:
    """Return ``line`` in the colours of ``palette``, exactly ``width`` cells long."""
    segments = (Segment(text, palette[ink]) for text, ink in fitted(line, width) if text)
    if selected:
        over = palette["selected"]
        segments = (Segment(text, style + over if style else over) for text, style, _ in segments)
    return Strip(Segment.simplify(segments), width)


def _changed(before: Strip, now: Strip) -> list[int]:
    """Return the cells in which the two differ."""
    return [at for at, pair in enumerate(zip(_cells(before), _cells(now), strict=False)) if pair[0] != pair[1]]


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    return [(char, segment.style) for segment in strip for char in segment.text]
