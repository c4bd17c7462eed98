# SPDX-License-Identifier: BSD-2-Clause
"""The screen in its main states, cell by cell and colour by colour, against pictures that were looked at.

A difference is either a fault or a change to look at: `pytest tests/screen/test_pictures.py --snapshot-update`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play, settled
from tests.screen.test_interface import LINKS
from xtop.widgets.interface_screen import InterfaceScreen

Compare = Callable[..., bool]

_TYPED = (*"tcp", "space", "o", "r", "space", *"udp", "space", *"and", "space", *"port", "space", *"443")

STATES: dict[str, tuple[tuple[int, int], Script, str | None, tuple[str, ...]]] = {
    "live-80x24": ((80, 24), Script(), None, ("down", "down")),
    "live-120x36": ((120, 36), Script(), None, ("down", "down")),
    "live-200x60": ((200, 60), Script(queues=16), None, ("down", "down")),
    "loss-80x24": ((80, 24), Script(loss=True), None, ()),
    "loss-mono-120x36": ((120, 36), Script(loss=True), "mono", ("down", "down")),
    "queues-mono-200x60": ((200, 60), Script(queues=64, loss=True), "mono", ()),
    "light-80x24": ((80, 24), Script(loss=True), "textual-light", ("down", "down")),
    "waiting-80x24": ((80, 24), Script(silent_until=99), None, ()),
    "paused-80x24": ((80, 24), Script(), None, ("p",)),
    "ended-120x36": ((120, 36), Script(done_at=3, kind="file", queues=1), None, ()),
    "gone-mono-80x24": ((80, 24), Script(failed_at=9), "mono", ()),
    "fault-120x36": ((120, 36), Script(breach=True), None, ()),
    "export-80x24": ((80, 24), Script(), None, ("e",)),
    "filter-80x24": ((80, 24), Script(), None, ("down", "slash", *_TYPED)),
    "filter-wrong-mono-120x36": ((120, 36), Script(), "mono", ("slash", *_TYPED, "space", *"prot")),
    "filter-none-120x36": ((120, 36), Script(), None, ("slash", *"vlan", "space", *"4000", "enter")),
    "alerts-80x24": ((80, 24), Script(loss=True, scan_at=5), None, ("A",)),
    "alerts-mono-120x36": ((120, 36), Script(loss=True, scan_at=5), "mono", ("A",)),
    "alert-200x60": ((200, 60), Script(scan_at=5), None, ()),
    "help-120x36": ((120, 36), Script(), None, ("question_mark",)),
    "tiny-50x12": ((50, 12), Script(), None, ()),
    "detail-80x24": ((80, 24), Script(), None, ("down", "down", "enter")),
    "detail-120x36": ((120, 36), Script(), None, ("down", "down", "enter")),
    "detail-mono-200x60": ((200, 60), Script(), "mono", ("down", "down", "enter")),
    "bytes-120x36": ((120, 36), Script(bytes=True), None, ("down", "enter", "end")),
    "bytes-mono-80x24": ((80, 24), Script(bytes=True), "mono", ("down", "enter", "end")),
    "bytes-200x60": ((200, 60), Script(bytes=True), None, ("down", "enter")),
    "past-80x24": ((80, 24), Script(), None, ("left_square_bracket",) * 4),
    "past-mono-120x36": ((120, 36), Script(loss=True), "mono", ("left_square_bracket",) * 4),
    "rights-80x24": ((80, 24), Script(rights_missing=True), None, ()),
    "rights-mono-120x36": ((120, 36), Script(rights_missing=True), "mono", ()),
    "tall-84x56": ((84, 56), Script(loss=True), None, ("down",)),
    "short-150x28": ((150, 28), Script(queues=16), None, ()),
    "dots-200x60": ((200, 60), Script(loss=True), None, ("b", "l", "m", "v")),
    "zeroed-120x36": ((120, 36), Script(loss=True), None, ("z", "escape")),
    "waiting-mono-120x36": ((120, 36), Script(silent_until=99), "mono", ()),
    "gone-200x60": ((200, 60), Script(failed_at=9), None, ()),
    "paused-120x36": ((120, 36), Script(), None, ("p",)),
    "ended-mono-80x24": ((80, 24), Script(done_at=3, kind="file", queues=1), "mono", ()),
    "past-200x60": ((200, 60), Script(loss=True), None, ("left_square_bracket",) * 4),
    "rights-200x60": ((200, 60), Script(rights_missing=True), None, ()),
    "waiting-200x60": ((200, 60), Script(silent_until=99), None, ()),
    "filter-mono-200x60": ((200, 60), Script(), "mono", ("down", "slash", *_TYPED)),
    "filter-none-mono-80x24": ((80, 24), Script(), "mono", ("slash", *"vlan", "space", *"4000", "enter")),
    "paused-mono-200x60": ((200, 60), Script(), "mono", ("p",)),
    "light-200x60": ((200, 60), Script(queues=16, loss=True), "textual-light", ("down", "down")),
    "live-mono-80x24": ((80, 24), Script(), "mono", ("down", "down")),
    "live-mono-120x36": ((120, 36), Script(), "mono", ("down", "down")),
    "loss-mono-80x24": ((80, 24), Script(loss=True), "mono", ()),
    "fault-mono-80x24": ((80, 24), Script(breach=True), "mono", ()),
    "fault-200x60": ((200, 60), Script(breach=True), None, ()),
    "export-mono-120x36": ((120, 36), Script(), "mono", ("e",)),
    "export-200x60": ((200, 60), Script(), None, ("e",)),
    "filter-wrong-80x24": ((80, 24), Script(), None, ("slash", *_TYPED, "space", *"prot")),
    "filter-wrong-200x60": ((200, 60), Script(), None, ("slash", *_TYPED, "space", *"prot")),
    "filter-none-200x60": ((200, 60), Script(), None, ("slash", *"vlan", "space", *"4000", "enter")),
    "help-mono-80x24": ((80, 24), Script(), "mono", ("question_mark",)),
    "help-200x60": ((200, 60), Script(), None, ("question_mark",)),
    "alerts-mono-200x60": ((200, 60), Script(loss=True, scan_at=5), "mono", ("A",)),
    "detail-mono-80x24": ((80, 24), Script(), "mono", ("down", "down", "enter")),
    "zeroed-mono-80x24": ((80, 24), Script(loss=True), "mono", ("z", "escape")),
    "ended-200x60": ((200, 60), Script(done_at=3, kind="file", queues=1), None, ()),
    "columns-80x24": ((80, 24), Script(), None, ("c", "down")),
    "columns-mono-120x36": ((120, 36), Script(), "mono", ("c", "down")),
    "columns-200x60": ((200, 60), Script(), None, ("c", "down")),
    "hosts-80x24": ((80, 24), Script(), None, ("a", "down")),
    "ports-mono-120x36": ((120, 36), Script(), "mono", ("a", "a", "a", "n")),
    "pairs-200x60": ((200, 60), Script(), None, ("a", "a", "d")),
    "names-80x24": ((80, 24), Script(), None, ("n", "d", "u")),
    "detail-past-mono-120x36": (
        (120, 36),
        Script(bytes=True),
        "mono",
        ("down", "enter", *("left_square_bracket",) * 3, "end"),
    ),
    "live-mono-200x60": ((200, 60), Script(queues=16), "mono", ("down", "down")),
    "loss-200x60": ((200, 60), Script(loss=True), None, ("down",)),
    "gone-120x36": ((120, 36), Script(failed_at=9), None, ()),
    "filter-120x36": ((120, 36), Script(), None, ("down", "slash", *_TYPED)),
    "alert-mono-80x24": ((80, 24), Script(scan_at=5), "mono", ()),
    "alert-120x36": ((120, 36), Script(scan_at=5), None, ()),
    "zeroed-200x60": ((200, 60), Script(loss=True), None, ("z", "escape")),
    "names-mono-120x36": ((120, 36), Script(), "mono", ("n", "down")),
    "names-200x60": ((200, 60), Script(), None, ("n", "down")),
    "detail-names-80x24": ((80, 24), Script(), None, ("n", "down", "down", "down", "enter")),
    "interface-80x24": ((80, 24), Script(), None, ("i", "down")),
    "interface-mono-120x36": ((120, 36), Script(), "mono", ("i", "down")),
    "interface-200x60": ((200, 60), Script(), None, ("i", "down")),
    "palette-80x24": ((80, 24), Script(), None, ("ctrl+p",)),
    "palette-mono-120x36": ((120, 36), Script(), "mono", ("ctrl+p", *"graph", "down")),
    "palette-200x60": ((200, 60), Script(), None, ("ctrl+p", *"theme", "down")),
    "bytes-full-80x24": ((80, 24), Script(bytes=True, bytes_full=True), None, ()),
    "bytes-full-mono-120x36": ((120, 36), Script(bytes=True, bytes_full=True, loss=True), "mono", ()),
    "bytes-full-200x60": ((200, 60), Script(bytes=True, bytes_full=True), None, ()),
    "bytes-full-detail-mono-80x24": ((80, 24), Script(bytes=True, bytes_full=True), "mono", ("down", "enter", "end")),
    "bytes-full-detail-120x36": ((120, 36), Script(bytes=True, bytes_full=True), None, ("down", "enter", "end")),
    "detail-past-80x24": ((80, 24), Script(bytes=True), None, ("down", "enter", *("left_square_bracket",) * 3)),
    "detail-past-200x60": ((200, 60), Script(bytes=True), None, ("down", "enter", *("left_square_bracket",) * 3)),
}


@pytest.mark.parametrize("name", STATES)
def test_picture(snap_compare: Compare, name: str) -> None:
    size, script, theme, keys = STATES[name]
    app = StagedApp(script, theme, links=LINKS if "i" in keys[:1] else None)

    async def prepare(pilot: Pilot[None]) -> None:
        await play(pilot, 1 if script.rights_missing else 10)  # a source that refuses has nothing to bring
        for key in keys:
            await pilot.press(key)
            if isinstance(app.screen, InterfaceScreen | CommandPalette):
                await pilot.app.workers.wait_for_complete()  # who make the list
                await pilot.pause()
        if "slash" in keys:
            await settled(pilot, app)
        if keys[:1] == ("a",):
            await play(pilot)  # groups come with the next look
        for blinking in pilot.app.screen.query("Input"):
            blinking.cursor_blink = False  # type: ignore[attr-defined]
        app.draw()  # the clocks that stand on the screen, at the time that it is now
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=prepare)
