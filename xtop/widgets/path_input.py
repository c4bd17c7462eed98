# SPDX-License-Identifier: BSD-2-Clause
"""A line for a path: Tab completes it. The disk is looked at on a thread, since a directory may be slow to answer."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.message import Message

from xtop.keymap import EXPORT_KEYS
from xtop.path_text import Completion, complete
from xtop.widgets.key_bindings import bindings
from xtop.widgets.text_input import TextInput


class PathInput(TextInput):
    """Posts :class:`PathInput.Offered` where Tab leaves a choice."""

    BINDINGS: ClassVar = bindings(tuple(key for key in EXPORT_KEYS if key.action == "complete"))

    class Offered(Message):
        """These names would go on from what is typed; none: nothing does."""

        def __init__(self, names: tuple[str, ...]) -> None:
            super().__init__()
            self.names = names

    def action_complete(self) -> None:
        """Complete what stands before the cursor; what stands behind it stays."""
        typed = self.value[: self.cursor_position]
        self.run_worker(partial(self._look_up, typed), thread=True, exclusive=True, exit_on_error=False)

    def _look_up(self, typed: str) -> None:
        self.app.call_from_thread(self._completed, typed, complete(typed))

    def _completed(self, typed: str, completion: Completion) -> None:
        if self.value[: self.cursor_position] != typed:
            return  # typed on meanwhile
        if completion.text != typed:
            self.value = completion.text + self.value[self.cursor_position :]
            self.cursor_position = len(completion.text)
        self.post_message(self.Offered(completion.names))
