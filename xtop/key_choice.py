# SPDX-License-Identifier: BSD-2-Clause
"""Other keys than the usual ones: how a user writes a key, and a keymap with such keys in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from xtop.keymap import ALL_KEYS, PLACES, Key, Keymap

# Names of keys that are no single character, and what is printed on them.
NAMED: dict[str, str] = {
    "space": "space", "enter": "⏎", "escape": "Esc", "tab": "Tab", "backspace": "⌫", "insert": "Ins", "delete": "Del",
    "up": "↑", "down": "↓", "left": "←", "right": "→", "home": "Home", "end": "End", "pageup": "PgUp",
    "pagedown": "PgDn", **{f"f{number}": f"F{number}" for number in range(1, 13)},
}  # fmt: skip
_WRITTEN = re.compile(r"((?:(?:ctrl|alt|shift)\+)*)(.+)")
ALWAYS: dict[str, tuple[str, ...]] = {"quit": ("ctrl+c",)}  # however the rest is chosen


def read_key(text: str) -> str:
    """Return a key as the framework names it; ValueError: there is no such key."""
    matched = _WRITTEN.fullmatch(text)
    if matched is None:
        raise ValueError("an empty text is no key")
    modifiers, key = matched[1], matched[2]
    if key.lower() in NAMED:
        return modifiers + key.lower()
    if len(key) > 1 or not key.isprintable() or key.isspace():
        raise ValueError(f"'{text}' is no key, like e, ctrl+e, f2, space, enter, up, pageup")
    return modifiers + ("comma" if key == "," else key)


def with_keys(changes: Mapping[str, tuple[str, ...]], keymap: Keymap = ALL_KEYS) -> Keymap:
    """Return ``keymap`` with other keys for the actions named in ``changes``; ValueError: one key for two of them.

    What lies over the table has keys of its own, which come before the table's.
    """
    changed = tuple(_with(key, changes[key.setting]) if key.setting in changes else key for key in keymap)
    for place in PLACES:
        owner: dict[str, Key] = {}
        for key in changed:
            for name in _names(key) if key.group in place else ():
                other = owner.setdefault(name, key)
                if other is not key:
                    raise ValueError(f"'{_shown(name)}' is the key of {other.setting} and of {key.setting}")
    return changed


def _with(key: Key, written: tuple[str, ...]) -> Key:
    names = tuple(dict.fromkeys(read_key(text) for text in written))
    capitals = tuple(f"upper_{name.lower()}" for name in names if len(name) == 1 and name.isupper())
    return replace(
        key,
        keys=(*names, *capitals, *ALWAYS.get(key.setting, ())),
        shown=" ".join(_shown(name) for name in names),
    )


def _names(key: Key) -> set[str]:
    """Return all that the key is called: `slash` and `/` are one, and only the usual keymap uses the long name."""
    return {*key.keys, *(word for word in key.shown.split() if len(word) == 1)}


def _shown(name: str) -> str:
    modifiers, _, key = name.rpartition("+") if len(name) > 1 else ("", "", name)
    written = "," if key == "comma" else NAMED.get(key, key)
    return f"{modifiers}+{written}" if modifiers else written
