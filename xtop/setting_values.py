# SPDX-License-Identifier: BSD-2-Clause
"""What a value in the settings file may be: each function here returns the value, or a ValueError that says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from xtop.columns import TITLES, choosable
from xtop.filter_language.values import read_number
from xtop.key_choice import with_keys
from xtop.keymap import ALL_KEYS, Keymap

FEW = 6  # words that a complaint names


def one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    """Take one of ``words``."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"{_said(value)} is none of {_some(words, value)}")
        return str(value)

    return read


def some_of(words: tuple[str, ...]) -> Callable[[Any], tuple[str, ...]]:
    """Take a list of some of ``words``."""
    one = one_of(words)

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError(f'{_said(value)} is no list, like ["{words[0]}"]')
        return tuple(dict.fromkeys(one(word) for word in value))

    return read


def switch(value: Any) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{_said(value)} is neither true nor false")
    return value


def number(least: float, most: float, whole: bool = False) -> Callable[[Any], Any]:
    """Take a number from ``least`` to ``most``."""

    def read(value: Any) -> Any:
        kinds = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
            raise ValueError(f"{_said(value)} is no{' whole' * whole} number from {least:g} to {most:g}")
        return value

    return read


def rate(value: Any) -> float:
    """Take a rate, in bits per second."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f'{_said(value)} is no rate, like "900M" (bits a second) or "100MB/s"')
    return float(read_number(str(value), "bps"))


def flow_filter(value: Any) -> str:
    """Take a flow filter."""
    if not isinstance(value, str):
        raise ValueError(f"{_said(value)} is no text")
    if not value.strip():
        return ""
    from xtop.filter_language.compiler import compile_filter  # only who filters pays for the grammar
    from xtop.filter_language.errors import FilterError

    try:
        compile_filter(value)
    except FilterError as error:
        raise ValueError(f"column {error.start + 1}: {error}") from None
    return value


def column_lists(value: Any) -> Mapping[str, tuple[str, ...]]:
    """Take a list of columns for each table."""
    chosen = {}
    for group, names in _table(value, 'flow = ["bps", "pps"]').items():
        if group not in TITLES:
            raise KeyedError(group, f"there is no such table (there are {', '.join(TITLES)})")
        with _key(group):
            chosen[group] = some_of(tuple(column.name for column in choosable(group)))(names)
            if not chosen[group]:
                raise ValueError("an empty list shows nothing")
    return chosen


def key_lists(value: Any) -> Keymap:
    """Take a key or a list of keys for each action, and return the keymap with them."""
    known = {key.setting for key in ALL_KEYS}
    changes = {}
    for action, keys in _table(value, 'export = "e"').items():
        if action not in known:
            raise KeyedError(action, f"there is no such action (there are {_some(sorted(known), action)})")
        written = [keys] if isinstance(keys, str) else keys
        if not isinstance(written, list) or not written or not all(isinstance(key, str) for key in written):
            raise KeyedError(action, f'{_said(keys)} is no key, like "e", nor a list of keys')
        with _key(action):
            changes[action] = tuple(written)
            with_keys({action: tuple(written)}, tuple(key for key in ALL_KEYS if key.setting == action))
    return with_keys(changes)


# ---- Faults that name their key


class KeyedError(ValueError):
    """A fault at ``key``, within the row's own."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


class _key:
    """Gives a ValueError the key that it is about."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError):
            raise KeyedError(self._key, str(error)) from None


def _table(value: Any, example: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{_said(value)} is no table, like {example}")
    return value


def _said(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _some(words: Sequence[str], value: Any) -> str:
    """Return ``words``, or where they are many the nearest ones: a complaint is one line."""
    if len(words) <= FEW:
        return ", ".join(words)
    near = get_close_matches(str(value), words, 3, 0.4) or words[:FEW]
    return f"{', '.join(near)} …"
