# SPDX-License-Identifier: BSD-2-Clause
"""What windows over the screen have in common: the keys that close them and go through what is in them."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.screen import ModalScreen, ScreenResultType

from xtop.keymap import WINDOW_KEYS
from xtop.widgets.key_bindings import bindings


class ScrollBox(VerticalScroll, can_focus=True, inherit_bindings=False):
    """A box that scrolls by the keys of the one table, and by no others."""


class Window(ModalScreen[ScreenResultType]):
    """A page that scrolls; who has a cursor moves that instead. It answers with None where it is closed."""

    BINDINGS = bindings(WINDOW_KEYS)

    def action_close(self) -> None:
        """Close it."""
        self.dismiss(None)

    def action_line(self, lines: int) -> None:
        """Scroll by lines."""
        self._box.scroll_relative(y=lines, animate=False)

    def action_page(self, direction: int) -> None:
        """Scroll by a page."""
        self._box.scroll_relative(y=direction * max(1, self._box.size.height - 1), animate=False)

    def action_edge(self, direction: int) -> None:
        """Scroll to the top (-1) or to the end (1)."""
        self._box.scroll_end(animate=False) if direction > 0 else self._box.scroll_home(animate=False)

    @property
    def _box(self) -> ScrollBox:
        return self.query_one(ScrollBox)
