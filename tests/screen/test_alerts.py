# SPDX-License-Identifier: BSD-2-Clause
"""What the screen says unasked: below the header while it is new, as a number until it is looked at, in a log."""

from __future__ import annotations

from pathlib import Path

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play
from xtop.settings_file import read_settings
from xtop.widgets.alert_screen import AlertScreen

SIZE = (80, 24)


async def test_an_alert_stands_below_the_header_then_in_it_until_the_log_is_read() -> None:
    app = StagedApp(Script(scan_at=3))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        assert "⚑" not in app.text()
        await play(pilot, 1)
        header, banner = app.text().splitlines()[:2]
        assert " ⚑ 1 " in header
        assert banner.startswith(" ⚑ 12:00:03 10.66.6.66 touches about 1.84 k hosts")
        await play(pilot, 30)
        header, below = app.text().splitlines()[:2]
        assert " ⚑ 1 " in header
        assert "⚑" not in below, "no news any more"
        await pilot.press("A")
        assert isinstance(app.screen, AlertScreen)
        await pilot.pause()
        assert "12:00:03  hosts" in app.text()
        assert "about 1.84 k hosts" in app.text()
        assert "it began)" in app.text()
        await pilot.press("escape")
        await pilot.pause()
        assert "⚑" not in app.text(), "read"


async def test_the_newest_comes_first_and_loss_is_one_alert() -> None:
    app = StagedApp(Script(scan_at=4, loss=True))
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 12)
        assert " ⚑ 2 " in app.text().splitlines()[0]
        await pilot.press("A")
        await pilot.pause()
        log = [line for line in app.text().splitlines() if "12:00:0" in line]
        assert ["hosts" in log[0], "loss began: " in log[1]] == [True, True]


async def test_one_key_turns_them_off_and_on() -> None:
    app = StagedApp(Script(scan_at=3))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("o")
        assert "alerts are off" in app.text()
        await play(pilot, 3)
        assert "⚑" not in app.text()
        assert not app.source.views[-1].activity, "nobody looks for hosts that stand out"
        await pilot.press("A")
        await pilot.pause()
        assert "Alerts are off." in app.text()
        await pilot.press("o")
        await pilot.press("escape")
        await play(pilot, 2)
        assert "⚑ 1" in app.text(), "what goes on is said then"


async def test_settings_turn_them_off(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("alerts.on = false\n", encoding="utf-8")
    app = StagedApp(Script(scan_at=0, loss=True), settings=read_settings(None, path))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 4)
        assert "⚑" not in app.text()


async def test_the_past_has_no_alerts() -> None:
    app = StagedApp(Script(scan_at=2))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 4)
        await pilot.press("left_square_bracket")
        assert "⚑" not in app.text()
        await pilot.press("p")
        assert "⚑ 1" in app.text()


async def test_a_note_gives_its_line_back_where_there_are_few_and_the_log_has_it() -> None:
    app = StagedApp(Script(notes=("zero copy refused by ixgbe: using copy",)))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 5)
        assert app.text().splitlines()[1] == " ※ zero copy refused by ixgbe: using copy"
        rows = app.table.size.height
        app.clock.seconds += 60
        await play(pilot)
        assert "zero copy refused" not in app.text()
        assert app.table.size.height == rows + 1, "a flow more"
        await pilot.press("A")
        await pilot.pause()
        assert "※ zero copy refused by ixgbe: using copy" in app.text()
        await pilot.press("escape")
        app.source.script.notes = ("eth1 has no carrier", *app.source.script.notes)
        await play(pilot)
        assert "※ eth1 has no carrier" in app.text().splitlines()[1], "news"
        app.clock.seconds += 60
        await pilot.resize_terminal(120, 36)
        await play(pilot)
        assert "zero copy refused" in app.text().splitlines()[1], "there are lines to spare"
