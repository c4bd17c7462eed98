# SPDX-License-Identifier: BSD-2-Clause
"""Every key, every column and every mark, out of the tables that the screen itself runs on."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from xtop.columns import COLUMNS
from xtop.filter_language.words import help_entries
from xtop.ink import Line
from xtop.keymap import ALL_KEYS, Keymap, groups, shown
from xtop.picture import Picture
from xtop.widgets.line_panel import LinePanel

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


def help_lines(keymap: Keymap = ALL_KEYS) -> list[Line]:
    """Return the page."""
    lines: list[Line] = []
    for name, group in groups(keymap).items():
        lines += [[(name, "title")], *(_entry(key.shown, key.help) for key in group), []]
    keys = {name: shown(keymap, name) for name in ("forward", "pause")}
    lines += [[("Marks", "title")], *(_entry(mark, text.format(**keys)) for mark, text in MARKS), []]
    lines += [[("Filter: / and then", "title")]]
    lines += [_entry(example, text, EXAMPLE_WIDTH) for example, text in help_entries()]
    lines += [[], [("Columns", "title")]]
    for column in COLUMNS:
        lines.append(_entry(column.header or "→", column.about))
    return lines


def _entry(what: str, text: str, width: int = SHOWN_WIDTH) -> Line:
    return [(f"  {what:<{width + 4}}", "key"), (text, "base")]


class HelpPage(LinePanel):
    """The lines of the page."""

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._lines = help_lines(keymap)

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the lines."""
        return self._lines

    def on_mount(self) -> None:
        """Be as high as the page is long."""
        self.styles.height = len(self._lines)


class HelpScreen(ModalScreen[None]):
    """The page, scrolling where it is longer than the terminal."""

    BINDINGS = [
        Binding("escape,question_mark,f1,q", "dismiss", "close"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, keymap: Keymap = ALL_KEYS) -> None:
        """Show the keys of ``keymap``."""
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll(id="help") as box:
            box.border_title = "Keys, marks and columns"
            box.border_subtitle = "Esc closes"
            yield HelpPage(self._keymap)

    def on_mount(self) -> None:
        """Let the arrows scroll."""
        self.query_one("#help").focus()

    def action_scroll(self, lines: int) -> None:
        """Scroll as `j` and `k` do in the table."""
        self.query_one("#help").scroll_relative(y=lines, animate=False)
