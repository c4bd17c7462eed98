# SPDX-License-Identifier: BSD-2-Clause
"""One line to type into, which takes its keys in the order in which they were pressed.

The framework's own input does not: a character is taken at once, but a key that is bound (Ctrl-U, Backspace, the
arrows) climbs through the message queue of every container up to the app before it acts. Characters that are typed
faster than that overtake it, so Ctrl-U wiped what had been typed after it: a paste, or a fast hand over a slow line.
Here a key that the line itself binds acts when it arrives.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding
from textual.events import Key
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input


class TextInput(Input, inherit_bindings=False):
    """An input of one row, without a border of its own. What ends it is a matter of the one table of keys."""

    BINDINGS: ClassVar = [one for one in Input.BINDINGS if not isinstance(one, Binding) or one.key != "enter"]
    virtual_size = Reactive(Size(0, 0))  # the framework's asks for a layout of the whole screen at each character
    DEFAULT_CSS = "TextInput, TextInput:focus { border: none; height: 1; padding: 0; }"

    async def _on_key(self, event: Key) -> None:
        if event.is_printable:
            return  # the framework goes on to the base class by itself
        bindings = self._bindings.copy()
        bindings.apply_keymap(self.app._keymap)  # as the screen does, for which there is no public way
        for binding in bindings.key_to_bindings.get(event.key, ()):
            # Scrolling, for which a line has no use, is not done here and goes on to others.
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
