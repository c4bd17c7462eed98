# SPDX-License-Identifier: BSD-2-Clause
"""A key that is shown must do something, and one key must not do two things."""

from __future__ import annotations

from textual.binding import Binding

from xtop.app import XtopApp
from xtop.keymap import DETAIL_KEYS, KEYMAP, LINE_ORDER, groups, key_line
from xtop.widgets.footer_line import key_places


def test_each_key_once() -> None:
    keys = [key for entry in KEYMAP for key in entry.keys]
    assert len(keys) == len(set(keys))


def test_each_action_exists() -> None:
    for entry in KEYMAP:
        assert hasattr(XtopApp, f"action_{entry.action.split('(')[0]}"), entry.action


def test_all_are_bound() -> None:
    bound = {key for binding in XtopApp.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")}
    assert bound == {key for entry in KEYMAP for key in entry.keys}


def test_80_cells_have_room_for_the_keys_that_matter() -> None:
    assert [key.label for key in key_line()] == list(LINE_ORDER)
    shown = [key.label for key, _ in key_places(key_line(), 80)]
    assert {"filter", "sort", "group", "detail", "pause", "back", "export", "help", "quit"} <= set(shown)
    assert sum(len(text) for _, pieces in key_places(key_line(), 80) for text, _ in pieces) <= 80


def test_help_has_every_key() -> None:
    assert sum(len(keys) for keys in groups().values()) == len(KEYMAP) + len(DETAIL_KEYS)
