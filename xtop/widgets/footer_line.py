# SPDX-License-Identifier: BSD-2-Clause
"""The last line: the keys, each to be clicked, too; for some seconds, what a key has brought about or came by itself.

The next key lets go of what a key has brought about. Work in the background has the line as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.events import Click
from textual.timer import Timer

from xtop.ink import Line, length, printable
from xtop.keymap import DETAIL, Key, Keymap, key_line
from xtop.path_text import fitted_path
from xtop.picture import Picture
from xtop.widgets.line_panel import LinePanel

NOTICE_SECONDS = 8.0
WORK_EVERY_S = 0.2  # how often a line of work is asked for anew


class FooterLine(LinePanel):
    """Keys or a notice."""

    def __init__(self, keys: Callable[[Keymap], Keymap] = key_line, id: str | None = None) -> None:
        """Show those of the keys in force that ``keys`` picks."""
        super().__init__(id=id)
        self._keys = keys
        self._notice = self._path = ""
        self._by_key = False  # what is said, a key has brought about
        self._timer: Timer | None = None
        self._work: Callable[[], str | None] | None = None
        self._work_timer: Timer | None = None

    def follow(self, work: Callable[[], str | None]) -> None:
        """Show what ``work`` says, asked again and again, until it says None."""
        self._work = work
        if self._work_timer is not None:
            self._work_timer.stop()
        self._work_timer = self.set_interval(WORK_EVERY_S, self._ask)
        self._ask()

    def _ask(self) -> None:
        if self._work is not None and self._work() is None:
            self._work = None
            if self._work_timer is not None:
                self._work_timer.stop()
        self.repaint()

    def notice(self, text: str, path: str = "", by_key: bool = True) -> None:
        """Show ``text`` instead of the keys for a while; a ``path`` behind it gives way in its middle, not its end.

        ``by_key``: a key has brought it about, and the next one lets it go (see :meth:`key_pressed`).
        """
        self._notice, self._path, self._by_key = printable(text), printable(path), by_key
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(NOTICE_SECONDS, self.clear)
        self.repaint()

    def key_pressed(self) -> None:
        """Show what an earlier key has brought about no longer: this one may make it untrue."""
        if self._notice and self._by_key:
            self.clear()

    def clear(self) -> None:
        """Show the keys again."""
        self._notice = self._path = ""
        self.repaint()

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the line."""
        if self._notice:
            text = f" {self._notice}"
            if self._path:
                text += " " + fitted_path(self._path, width - len(text) - 1)
            return [[(text if len(text) <= width else text[: width - 1] + "…", "strong")]]
        if self._work is not None and (said := self._work()) is not None:
            return [[(f" {said}"[:width], "accent")]]
        return [[piece for _, pieces in key_places(self._keys(picture.keymap), width) for piece in pieces]]

    async def on_click(self, event: Click) -> None:
        """Do what the key under the pointer does."""
        at = 0
        for key, pieces in key_places(self._keys(self.picture.keymap), self.size.width):
            at += length(pieces)
            if event.x < at:
                await self.app.run_action(key.action, self.screen if key.group == DETAIL else self.app)
                return


def key_places(line: Keymap, width: int) -> list[tuple[Key, Line]]:
    """Return the keys that fit, each with its piece of the line; `help` and `quit` are the last to go."""
    keys = list(line)
    while len(keys) > 2 and sum(len(key.shown) + len(key.label) + 3 for key in keys) > width + 1:
        del keys[-3]
    return [(key, [(f" {key.shown}", "key"), (f" {key.label} ", "dim")]) for key in keys]
