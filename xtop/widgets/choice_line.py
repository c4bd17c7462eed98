# SPDX-License-Identifier: BSD-2-Clause
"""A few choices in a row, of which one is taken: by the arrows, or by a click. The taken one is always in view."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from xtop.keymap import EXPORT_KEYS
from xtop.widgets.key_bindings import bindings

MORE_BEFORE, MORE_BEHIND = "‹ ", "›"  # choices that a narrow line has no room for
BESIDE = 4  # cells of a choice beside its word: dot and gap before it, two behind it


def in_view(words: Sequence[str], taken: int, width: int) -> range:
    """Return which of ``words`` a line of ``width`` cells shows: the first ones, or as many as end with ``taken``."""

    def fits(first: int, last: int) -> bool:
        cells = sum(len(word) + BESIDE for word in words[first : last + 1])
        marks = (len(MORE_BEFORE) if first else 0) + (len(MORE_BEHIND) if last + 1 < len(words) else -2)
        return cells + marks <= width

    first, last = 0, taken
    while first < taken and not fits(first, last):
        first += 1
    end = max((at for at in range(last, len(words)) if fits(first, at)), default=last)
    return range(first, end + 1)


class ChoiceLine(Widget, can_focus=True):
    """``choices`` are pairs of a value and the word for it."""

    BINDINGS = bindings(tuple(key for key in EXPORT_KEYS if key.action.startswith("choose")))
    DEFAULT_CSS = "ChoiceLine { height: 1; width: 1fr; text-wrap: nowrap; }"

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
            for value, word in (self.choices[at] for at in self._in_view)
        ]
        before = [Content(MORE_BEFORE)] if self._in_view.start else []
        behind = [Content(MORE_BEHIND)] if self._in_view.stop < len(self.choices) else []
        return Content("").join([*before, *pieces, *behind])

    @property
    def _in_view(self) -> range:
        taken = [value for value, _ in self.choices].index(self.value)
        return in_view([word for _, word in self.choices], taken, self.size.width)

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
        at = len(MORE_BEFORE) if self._in_view.start else 0
        for value, word in (self.choices[number] for number in self._in_view):
            at += len(word) + BESIDE
            if event.x < at:
                self.take(value)
                return
