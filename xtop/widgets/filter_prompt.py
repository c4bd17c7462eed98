# SPDX-License-Identifier: BSD-2-Clause
"""Where a filter is typed: one line, a mark under the word that is wrong, and what is to be said of it.

The filter works while it is typed: each text that can be read is told at once. One that cannot is marked, and what was
told last stays in force.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Paste
from textual.message import Message
from textual.widgets import Input, Static

from xtop.filter_history import FilterHistory
from xtop.ink import printable
from xtop.keymap import TYPING_KEYS, Keymap, shown
from xtop.widgets.key_bindings import bindings
from xtop.widgets.text_input import TextInput

PROMPT = "/ "


def hint(keymap: Keymap) -> str:
    """Return the line that says what the keys do here."""
    names = ("filter_keep", "filter_leave", "filter_earlier", "filter_later", "help")
    keep, leave, earlier, later, words = (shown(keymap, name) for name in names)
    return f"{keep} keeps · {leave} clears · {earlier} {later} earlier ones · words: {words} once this is closed"


class FilterInput(TextInput):
    """The line. What is pasted is one line, too."""

    BINDINGS: ClassVar = bindings(TYPING_KEYS)

    class Leaf(Message):
        """An earlier (-1) or a later filter is wanted."""

        def __init__(self, steps: int) -> None:
            super().__init__()
            self.steps = steps

    class Left(Message):
        """Esc."""

    def action_leaf(self, steps: int) -> None:
        """Ask for another filter."""
        self.post_message(self.Leaf(steps))

    def action_leave(self) -> None:
        """Leave."""
        self.post_message(self.Left())

    def _on_paste(self, event: Paste) -> None:
        event.prevent_default()
        event.stop()
        self.replace(" ".join(event.text.split()), *self.selection)


class FilterPrompt(Vertical):
    """Opens above the key line, and closes with Enter or Esc."""

    class Told(Message):
        """``text`` can be read: let it be the filter."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        """The prompt has closed."""

    def __init__(self, history: FilterHistory, keymap: Keymap, id: str | None = None) -> None:
        super().__init__(id=id)
        self._history = history
        self._hint = hint(keymap)
        self._loaded = False
        self._said: tuple[str, int, int, str, str] | None = None

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Horizontal():
            yield Static(PROMPT, id="filter-mark", markup=False)
            yield FilterInput(id="filter-text", select_on_focus=False, max_length=4000)
        yield Static("", id="filter-fault", markup=False)
        yield Static("", id="filter-said", markup=False)

    def open(self, text: str) -> None:
        """Show the prompt with ``text`` in it."""
        if not self._loaded:
            self._loaded = True
            self.run_worker(self._prepare, thread=True, exit_on_error=False)
        self.display = True
        self._history.begin(text)
        self._put(text)
        self.screen.set_focus(self._line)  # now: what is typed ahead is meant for the line
        self._judge(text)

    def on_resize(self) -> None:
        """Say again what stands there, as much of it as there is room for now."""
        if self._said is not None:
            self._say(*self._said)

    @property
    def _line(self) -> FilterInput:
        return self.query_one(FilterInput)

    def _prepare(self) -> None:
        """Read the history, and have the grammar ready before the first key."""
        from xtop.filter_language.compiler import compile_filter

        compile_filter("tcp")
        self._history.load()

    def _put(self, text: str) -> None:
        self._line.value = text
        self._line.cursor_position = len(text)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        # The text of then: who types fast, or pastes, is ahead of us, and each text that can be read counts.
        if self.display and self._judge(event.value):
            self.post_message(self.Told(event.value.strip()))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._judge(event.value, final=True):
            self._history.keep(event.value)
            # A thread that nobody waits for: a home directory that hangs must not hold the end of xtop.
            self.run_worker(partial(self._history.save), thread=True, exit_on_error=False)
            self._close(event.value.strip())

    @on(FilterInput.Leaf)
    def _leaf(self, event: FilterInput.Leaf) -> None:
        event.stop()
        self._put(self._history.leaf(event.steps, self._line.value))

    @on(FilterInput.Left)
    def _left(self, event: FilterInput.Left) -> None:
        event.stop()
        self._close("")

    def _close(self, text: str) -> None:
        self.display = False
        self.post_message(self.Told(text))
        self.post_message(self.Closed())

    def _judge(self, text: str, final: bool = False) -> bool:
        """Say what is wrong with ``text``; return whether nothing is. ``final``: it will not be typed on."""
        from xtop.filter_language.compiler import compile_filter, grouping
        from xtop.filter_language.errors import FilterError

        try:
            compile_filter(text)
        except FilterError as error:
            pending = error.incomplete and not final
            self._say(text, error.start, error.end, f"{error}", "-pending" if pending else "-wrong")
            return False
        read = grouping(text) if text.strip() else None
        self._say(text, 0, 0, f"read as {read}" if read else self._hint, "-pending")
        return True

    def _say(self, text: str, start: int, end: int, what: str, manner: str) -> None:
        """Mark the word under where it stands, which moves as a long line scrolls."""
        self._said = text, start, end, what, manner
        room = max(1, self.size.width - len(PROMPT))
        first = cell_len(text[:start]) - int(self._line.scroll_offset.x)
        width = max(1, cell_len(text[start:end])) if end else 0
        first, width = max(0, min(first, room - 1)), min(width, room)
        mark, said = self.query_one("#filter-fault", Static), self.query_one("#filter-said", Static)
        wrong = manner == "-wrong"
        for static, text in (
            (mark, " " * (len(PROMPT) + first) + "▔" * min(width, room - first)),
            (said, _cut(f"  {'✖ ' if wrong else ''}{printable(what)}", self.size.width)),
        ):
            if static.content != text:
                static.update(text, layout=False)  # the style sheet says how much room there is
            static.set_class(wrong, "-wrong")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width or width < 1 else text[: width - 1] + "…"
