# SPDX-License-Identifier: BSD-2-Clause
"""The last line's messages: what a key brought goes with the next key, what came by itself stays for a while."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key

from tests.screen.stage import StagedApp, play, settled
from xtop.settings_file import Settings

SIZE = (120, 36)
NO_ROW = "no row is selected"


def last_line(app: StagedApp) -> str:
    return app.text().splitlines()[-1]


async def test_what_is_untrue_by_the_next_key_is_said_no_longer() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("z")
        assert "counters are shown from here on" in last_line(app)
        await pilot.press("Z")
        assert "? help" in last_line(app)
        await pilot.press("equals_sign")
        assert NO_ROW in last_line(app)
        await pilot.press("j")
        assert "? help" in last_line(app)
        await pilot.press("j", "equals_sign")
        await settled(pilot, app)
        assert app.picture().view.filter
        assert NO_ROW not in last_line(app)


async def test_of_keys_typed_at_once_the_last_one_counts() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        for key in ("equals_sign", "j"):
            app.post_message(Key(key, None))
        await settled(pilot, app)
        assert "? help" in last_line(app)
        for key in ("z", "n"):
            app.post_message(Key(key, None))
        await settled(pilot, app)
        assert "names: reverse DNS" in last_line(app)


async def test_a_key_takes_the_message_away_in_a_detail_too() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("down", "enter", "y")
        assert "copied" in last_line(app)
        await pilot.press("down")
        assert "copy filter" in last_line(app)


async def test_what_no_key_brought_stays_while_keys_are_pressed() -> None:
    app = StagedApp(settings=Settings(complaint="no such theme", path=Path("config.toml")))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("j", "j")
        assert "config.toml: no such theme" in last_line(app)


async def test_where_a_picture_went_stays_while_keys_are_pressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("E")
        for _ in range(200):
            await pilot.pause(0.01)
            if "picture of the screen in" in last_line(app):
                break
        await pilot.press("j", "j")
        assert "picture of the screen in" in last_line(app)
