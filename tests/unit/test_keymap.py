# SPDX-License-Identifier: BSD-2-Clause
"""A key that is shown must do something, and one key must not do two things."""

from __future__ import annotations

from textual.binding import Binding

from xtop.app import XtopApp
from xtop.keymap import KEYMAP, LINE_ORDER, groups, key_line


def test_each_key_once() -> None:
    keys = [key for entry in KEYMAP for key in entry.keys]
    assert len(keys) == len(set(keys))


def test_each_action_exists() -> None:
    for entry in KEYMAP:
        assert hasattr(XtopApp, f"action_{entry.action.split('(')[0]}"), entry.action


def test_all_are_bound() -> None:
    bound = {key for binding in XtopApp.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")}
    assert bound == {key for entry in KEYMAP for key in entry.keys}


def test_the_key_line_fits_80_cells() -> None:
    assert [key.label for key in key_line()] == list(LINE_ORDER)
    assert sum(len(key.shown) + len(key.label) + 3 for key in key_line()) <= 81


def test_help_has_every_key() -> None:
    assert sum(len(keys) for keys in groups().values()) == len(KEYMAP)
