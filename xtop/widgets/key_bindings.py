# SPDX-License-Identifier: BSD-2-Clause
"""The keys of the one table as the framework takes them: by their settings' names, under which users change them."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from xtop.keymap import KEYMAP, Keymap


def bindings(keys: Keymap) -> list[BindingType]:
    """Return ``keys`` bound to what they do."""
    return [
        Binding(",".join(key.keys), key.action, key.help, show=False, priority=key.priority, id=key.setting)
        for key in keys
    ]


def again(setting: str, action: str = "close") -> BindingType:
    """Return the key of the table that opened a window, bound to what it does in there."""
    key = next(key for key in KEYMAP if key.setting == setting)
    return Binding(",".join(key.keys), action, show=False, id=setting)
