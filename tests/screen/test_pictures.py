# SPDX-License-Identifier: BSD-2-Clause
"""The screen in every state, size and theme, cell by cell and colour by colour, against pictures that were looked at.

A difference is either a fault or a change to look at: `pytest tests/screen/test_pictures.py --snapshot-update`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play, settled, type_ahead
from tests.screen.test_export_dialog import HeldApp, open_with, until, words
from tests.screen.test_interface import LINKS
from xtop.widgets.interface_screen import InterfaceScreen

Compare = Callable[..., bool]

_TYPED = "tcp or udp and port 443"

SIZES = ((80, 24), (120, 36), (200, 60))
COLOURS = (("", None), ("-mono", "mono"))
_FILTER = ("down", "slash", _TYPED)
_NO_FLOW = ("slash", "vlan 4000", "enter")
_BACK = ("left_square_bracket",) * 3

#: What the source tells, and which keys are pressed then; what has a space in it is typed ahead.
STATES: dict[str, tuple[Script, tuple[str, ...]]] = {
    "live": (Script(), ("down", "down")),
    "queues": (Script(queues=16), ("down", "down")),
    "waiting": (Script(silent_until=99), ()),
    "rights": (Script(rights_missing=True), ()),
    "loss": (Script(loss=True), ("down", "down")),
    "fault": (Script(breach=True), ()),
    "zeroed": (Script(loss=True), ("z", "escape")),
    "paused": (Script(), ("p",)),
    "past": (Script(loss=True), ("left_square_bracket",) * 4),
    "ended": (Script(done_at=3, kind="file", queues=1), ()),
    "gone": (Script(failed_at=9), ()),
    "alert": (Script(scan_at=5), ()),
    "alerts": (Script(loss=True, scan_at=5), ("A",)),
    "filter": (Script(), _FILTER),
    "filter-wrong": (Script(), ("slash", f"{_TYPED} prot")),
    "filter-none": (Script(), _NO_FLOW),
    "hosts": (Script(), ("a", "down")),
    "pairs": (Script(), ("a", "a", "d")),
    "ports": (Script(), ("a", "a", "a", "n")),
    "protocols": (Script(), ("a",) * 4),
    "vlans": (Script(), ("a",) * 5),
    "names": (Script(), ("n", "down")),
    "columns": (Script(), ("c", "down")),
    "dots": (Script(loss=True), ("b", "l", "m", "v")),
    "export": (Script(), ("e",)),
    "interface": (Script(), ("i", "down")),
    "palette": (Script(), ("ctrl+p", *"graph", "down")),
    "help": (Script(), ("question_mark",)),
    "detail": (Script(), ("down", "down", "enter")),
    "detail-names": (Script(), ("n", "down", "down", "down", "enter")),
    "detail-past": (Script(bytes=True), ("down", "enter", *_BACK)),
    "bytes": (Script(bytes=True), ("down", "enter", "end")),
    "bytes-full": (Script(bytes=True, bytes_full=True), ()),
    "bytes-full-detail": (Script(bytes=True, bytes_full=True), ("down", "enter", "end")),
}

#: Other sizes, other colours, more queues than lines.
MORE: dict[str, tuple[tuple[int, int], Script, str | None, tuple[str, ...]]] = {
    "tiny-50x12": ((50, 12), Script(), None, ()),
    "sorted-80x24": ((80, 24), Script(), None, ("s",) * 5),
    "tall-84x56": ((84, 56), Script(loss=True), None, ("down",)),
    "short-150x28": ((150, 28), Script(queues=16), None, ()),
    "queues-64-mono-200x60": ((200, 60), Script(queues=64, loss=True), "mono", ()),
    "light-80x24": ((80, 24), Script(loss=True), "textual-light", ("down", "down")),
    "light-200x60": ((200, 60), Script(queues=16, loss=True), "textual-light", ("down", "down")),
}

PICTURES = MORE | {
    f"{name}{colours}-{columns}x{lines}": ((columns, lines), script, theme, keys)
    for name, (script, keys) in STATES.items()
    for colours, theme in COLOURS
    for columns, lines in SIZES
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture(snap_compare: Compare, name: str) -> None:
    size, script, theme, keys = PICTURES[name]
    app = StagedApp(script, theme, links=LINKS if "i" in keys[:1] else None)

    async def prepare(pilot: Pilot[None]) -> None:
        await play(pilot, 1 if script.rights_missing else 10)  # a source that refuses has nothing to bring
        for key in keys:
            await (type_ahead(pilot, key) if " " in key else pilot.press(key))
            if key == "a":
                await settled(pilot, app)  # a row that is not there yet cannot be selected
            if isinstance(app.screen, InterfaceScreen | CommandPalette):
                await pilot.app.workers.wait_for_complete()  # who make the list
                await pilot.pause()
        if "slash" in keys:
            await settled(pilot, app)
        if keys[:1] == ("a",):
            await play(pilot)  # their trends come with the next look
        for blinking in pilot.app.screen.query("Input"):
            blinking.cursor_blink = False  # type: ignore[attr-defined]
        app.draw()  # the clocks that stand on the screen, at the time that it is now
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=prepare)


#: What is typed as path and pressed then, and what the screen says at last.
EXPORTS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "asks": ("/etc/passwd", ("enter",), "replaces it"),
    "refused": ("/no/such/directory/night.json", ("enter",), "no such directory"),
    "at-work": ("~/night.json", ("enter",), "50%"),
    "in-the-background": ("~/night.json", ("enter", "escape"), "watches it"),
}


PICTURES_OF_EXPORTS = {
    f"{name}{colours}-{columns}x{lines}": (name, theme, (columns, lines))
    for name in EXPORTS
    for colours, theme in COLOURS
    for columns, lines in SIZES
}


@pytest.mark.parametrize("name", PICTURES_OF_EXPORTS)
def test_picture_of_an_export(
    snap_compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    state, theme, size = PICTURES_OF_EXPORTS[name]
    monkeypatch.setenv("HOME", str(tmp_path))
    path, keys, says = EXPORTS[state]
    app = HeldApp(theme=theme)

    async def prepare(pilot: Pilot[None]) -> None:
        await play(pilot, 10)
        dialog = await open_with(pilot, path)
        dialog.query_one("#path", Input).cursor_blink = False
        for key in keys:
            await pilot.press(key)
            await until(pilot, lambda: "50%" in words(app) or says in words(app), "what the dialog says")
        await until(pilot, lambda: says in words(app), says)
        app.draw()
        await pilot.pause()

    try:
        assert snap_compare(app, terminal_size=size, run_before=prepare)
    finally:
        app.go_on.set()
