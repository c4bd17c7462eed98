# SPDX-License-Identifier: BSD-2-Clause
"""A few choices in a row, of which one is taken: by the arrows, or by a click."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from xtop.keymap import EXPORT_KEYS
from xtop.widgets.key_bindings import bindings


class ChoiceLine(Widget, can_focus=True):
    """``choices`` are pairs of a value and the word for it."""

    BINDINGS = bindings(tuple(key for key in EXPORT_KEYS if key.action.startswith("choose")))
    DEFAULT_CSS = "ChoiceLine { height: 1; }"

    value: reactive[str] = reactive("")

    class Taken(Message):
        """Another choice was taken."""

        def __init__(self, line: ChoiceLine) -> None:
            super().__init__()
            self.line = line

        @property
        def control(self) -> ChoiceLine:
            """The line it was taken on."""
            return self.line

    def __init__(self, choices: Sequence[tuple[str, str]], value: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices = tuple(choices)
        self.set_reactive(ChoiceLine.value, value)

    def render(self) -> Content:
        """Return the words; the taken one is marked by a dot as well as by its colour."""
        pieces = [
            Content.styled(f"● {word}  ", "bold reverse" if self.has_focus else "bold")
            if value == self.value
            else Content(f"○ {word}  ")
            for value, word in self.choices
        ]
        return Content("").join(pieces)

    def action_choose(self, step: int) -> None:
        """Take a neighbour."""
        values = [value for value, _ in self.choices]
        self.take(values[max(0, min(len(values) - 1, values.index(self.value) + step))])

    def take(self, value: str) -> None:
        """Take ``value``, and say so where it was not taken already."""
        if value != self.value:
            self.value = value
            self.post_message(self.Taken(self))

    def on_click(self, event: Click) -> None:
        """Take what was clicked at."""
        at = 0
        for value, word in self.choices:
            at += len(word) + 4
            if event.x < at:
                self.take(value)
                return
