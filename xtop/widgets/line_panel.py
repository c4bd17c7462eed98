# SPDX-License-Identifier: BSD-2-Clause
"""The ground of every region: it draws the lines of ink that are made of a picture."""

from __future__ import annotations

from typing import ClassVar

from textual.events import Resize
from textual.strip import Strip
from textual.widget import Widget

from xtop.ink import Line
from xtop.picture import Picture
from xtop.widgets.drawn_lines import INK_CLASSES, DrawnLines, Palette, palette_of


class LinePanel(Widget):
    """A region that draws the lines that :meth:`lines` makes of a picture."""

    COMPONENT_CLASSES = INK_CLASSES
    ALLOW_SELECT = False
    OF_COUNTERS: ClassVar[bool] = False  # shows what an interval brings, and nothing of single flows or of the view

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture = Picture()
        self._palette: Palette | None = None
        self._drawn = DrawnLines()

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
        size = self.size
        if not self.is_attached or not size:
            return
        if self._palette is None:
            self._palette = palette_of(self)
        lines = self.lines(self._picture, *size)
        regions = self._drawn.draw(lines, size, self._palette)
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """Return line ``y`` as last made."""
        strips = self._drawn.strips
        return strips[y] if y < len(strips) else Strip.blank(self.size.width, self.rich_style)

    def on_resize(self, event: Resize) -> None:
        """Make the lines anew for another size."""
        self.repaint()

    def notify_style_update(self) -> None:
        """Take the colours anew."""
        super().notify_style_update()
        self._palette = None
        if self.is_attached:
            self.call_later(self.repaint)
