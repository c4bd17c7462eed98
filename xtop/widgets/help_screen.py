# SPDX-License-Identifier: BSD-2-Clause
"""Every key, every column and every mark, out of the tables that the screen itself runs on."""

from __future__ import annotations

from textwrap import wrap

from textual.app import ComposeResult
from textual.events import Resize

from xtop.columns import COLUMNS
from xtop.filter_language.words import help_entries
from xtop.ink import Line
from xtop.keymap import ALL_KEYS, Keymap, groups, shown
from xtop.picture import Picture
from xtop.widgets.key_bindings import again
from xtop.widgets.line_panel import LinePanel
from xtop.widgets.window import ScrollBox, Window

FILTERS = "Filter: / and then"
SHOWN_WIDTH = 8  # cells of a key or column
EXAMPLE_WIDTH = 18  # of a filter
MARKS: tuple[tuple[str, str], ...] = (
    ("●", "live: packets arrive"),
    ("○", "starting, or waiting for the first packet"),
    ("‖", "paused: the screen is held, the capture goes on"),
    ("◀", "in the past: a moment of the last 15 minutes; {forward} goes forward, {pause} returns to now"),
    ("■", "ended: these are the last figures"),
    ("✖", "failed, or a fault of xtop: packets it cannot account for"),
    ("※", "what the source notes of itself: a mode that was refused, and why"),
    ("▲", "beside a loss: it grows now"),
    ("!", "a queue that has lost packets"),
)


def help_lines(keymap: Keymap, width: int) -> list[Line]:
    """Return the page; what is longer than ``width`` goes on in the next line."""
    keys = {name: shown(keymap, name) for name in ("forward", "pause")}
    chapters = {name: [(key.shown, key.help) for key in group] for name, group in groups(keymap).items()}
    chapters["Marks"] = [(mark, text.format(**keys)) for mark, text in MARKS]
    chapters[FILTERS] = list(help_entries())
    chapters["Columns"] = [(column.header or "→", column.about) for column in COLUMNS]
    lines: list[Line] = []
    for title, entries in chapters.items():
        shown_width = EXAMPLE_WIDTH if title == FILTERS else SHOWN_WIDTH
        lines += [[], [(title, "title")]] if lines else [[(title, "title")]]
        for what, text in entries:
            lines += _entry(what, text, shown_width + 4, width)
    return lines


def _entry(what: str, text: str, indent: int, width: int) -> list[Line]:
    rows = wrap(text, max(10, width - indent - 2))
    return [[(f"  {what if at == 0 else '':<{indent}}", "key"), (row, "base")] for at, row in enumerate(rows)]


class HelpPage(LinePanel):
    """The lines of the page."""

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the lines."""
        return help_lines(self._keymap, width)

    def on_resize(self, event: Resize) -> None:
        """Be as high as the page is long at this width."""
        self.styles.height = len(help_lines(self._keymap, event.size.width))


class HelpScreen(Window[None]):
    """The page, scrolling where it is longer than the terminal."""

    BINDINGS = [again("help")]

    def __init__(self, keymap: Keymap = ALL_KEYS) -> None:
        """Show the keys of ``keymap``."""
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with ScrollBox(id="help") as box:
            box.border_title = "Keys, marks and columns"
            box.border_subtitle = f"{shown(self._keymap, 'window_close')} closes"
            yield HelpPage(self._keymap)
