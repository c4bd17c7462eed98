# SPDX-License-Identifier: BSD-2-Clause
"""The ground of every region: lines of ink become strips, and only the cells that changed are drawn again.

A terminal over SSH gets what differs and little else. The framework redraws whole widgets; this class compares each
line with the one on the screen and asks for the cells that differ.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from xtop.ink import INKS, Line, fitted
from xtop.picture import Picture

INK_CLASSES: set[str] = {f"ink--{ink}" for ink in INKS} | {"ink--selected"}

Palette = dict[str, Style]


def palette_of(widget: Widget) -> Palette:
    """Return the style of each ink under the present theme, and that of the ``selected`` row."""
    palette: Palette = {ink: widget.get_component_rich_style(f"ink--{ink}") for ink in INKS}
    selected = widget.get_component_rich_style("ink--selected")
    palette["selected"] = Style(bgcolor=selected.bgcolor, reverse=selected.reverse)
    return palette


def strip_of(line: Line, palette: Palette, width: int) -> Strip:
    """Return ``line`` in the colours of ``palette``, exactly ``width`` cells long."""
    segments = [Segment(text, palette[ink]) for text, ink in fitted(line, width) if text]
    return Strip(segments, width).simplify()


def changed_regions(old: list[Strip], new: list[Strip]) -> list[Region]:
    """Return the cells in which two drawings of the same size differ: for each line that does, one piece.

    One, because the framework sends each piece from the widget's left edge on: two pieces would send the first twice.
    """
    regions: list[Region] = []
    for y, (before, after) in enumerate(zip(old, new, strict=True)):
        if before == after:
            continue
        changed = [x for x, pair in enumerate(zip(_cells(before), _cells(after), strict=False)) if pair[0] != pair[1]]
        if changed:
            regions.append(Region(changed[0], y, changed[-1] + 1 - changed[0], 1))
    return regions


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    return [(char, segment.style) for segment in strip for char in segment.text]


class LinePanel(Widget):
    """A region that draws the lines that :meth:`lines` makes of a picture."""

    COMPONENT_CLASSES = INK_CLASSES
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture = Picture()
        self._palette: Palette | None = None
        self._strips: list[Strip] = []

    @property
    def picture(self) -> Picture:
        """The picture that is drawn."""
        return self._picture

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return what to draw in ``width`` by ``height`` cells."""
        raise NotImplementedError

    def show(self, picture: Picture) -> None:
        """Draw ``picture``."""
        self._picture = picture
        self.repaint()

    def repaint(self) -> None:
        """Draw again where the lines have changed."""
        width, height = self.size
        if not self.is_attached or width == 0 or height == 0:
            return
        if self._palette is None:
            self._palette = palette_of(self)
        lines = self.lines(self._picture, width, height)[:height]
        lines += [[]] * (height - len(lines))
        strips = [strip_of(line, self._palette, width) for line in lines]
        same_size = len(strips) == len(self._strips) and self._strips[0].cell_length == width
        regions = changed_regions(self._strips, strips) if same_size else [Region(0, 0, width, height)]
        self._strips = strips
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """Return line ``y`` as last made."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def on_resize(self, event: Resize) -> None:
        """Make the lines anew for another size."""
        self.repaint()

    def notify_style_update(self) -> None:
        """Take the colours anew."""
        super().notify_style_update()
        self._palette = None
        if self.is_attached:
            self.call_later(self.repaint)
