# SPDX-License-Identifier: BSD-2-Clause
"""A key that is shown must do something, and one key must not do two things."""

from __future__ import annotations

import importlib
import pkgutil

from textual.binding import Binding
from textual.widgets import Input

from xtop import widgets
from xtop.app import XtopApp
from xtop.ink import plain
from xtop.keymap import ALL_KEYS, KEYMAP, LINE_ORDER, PLACES, groups, key_line
from xtop.widgets.footer_line import key_places
from xtop.widgets.help_screen import help_lines


def test_each_key_once() -> None:
    for place in PLACES:
        keys = [key for entry in ALL_KEYS if entry.group in place for key in entry.keys]
        assert len(keys) == len(set(keys)), place
    assert {group for place in PLACES for group in place} == set(groups())


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
    page = [plain(line) for line in help_lines(ALL_KEYS, 200)]
    for key in ALL_KEYS:
        assert any(line.split() == [*key.shown.split(), *key.help.split()] for line in page), key.setting


def test_no_screen_has_a_key_of_its_own() -> None:
    """Every binding bears the name of a row of the table; only what a text line does to its text is the framework's."""
    names = {key.setting for key in ALL_KEYS}
    for info in pkgutil.iter_modules(widgets.__path__):
        module = importlib.import_module(f"xtop.widgets.{info.name}")
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__ == module.__name__ and "BINDINGS" in vars(kind):
                own = [one for one in vars(kind)["BINDINGS"] if one not in Input.BINDINGS]
                assert all(isinstance(one, Binding) and one.id in names for one in own), kind


def test_key_4_names_its_three_panels() -> None:
    (key,) = (key for key in KEYMAP if key.keys == ("4",))
    assert all(word in key.help for word in ("durations", "packets", "times between packets"))
