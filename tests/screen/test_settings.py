# SPDX-License-Identifier: BSD-2-Clause
"""The screen begins as the settings say, and its keys, its key line and its help are those of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.screen.stage import StagedApp, play
from xtop.column_choice import ColumnMemory, read_choice
from xtop.settings_file import Settings, read_settings
from xtop.widgets.detail_screen import DetailScreen
from xtop.widgets.filter_prompt import FilterInput
from xtop.widgets.help_screen import HelpScreen, help_lines
from xtop.widgets.path_input import PathInput

SIZE = (120, 36)


def settings_of(text: str, tmp_path: Path) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    settings = read_settings(None, path)
    assert settings.complaint == ""
    return settings


async def test_the_first_frame_is_as_set(tmp_path: Path) -> None:
    text = """
        theme = "gruvbox"
        units = "bytes"
        sort = "pps"
        descending = false
        filter = "udp"
        names = true
        panels = ["queues"]
        columns.flow = ["pps", "vlan"]
    """
    app = StagedApp(settings=settings_of(text, tmp_path))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        text = app.text()
        assert app.theme == "gruvbox"
        assert "by pkt/s ▲" in text
        assert "filter udp" in text
        assert "/s" in text.splitlines()[0]
        assert "bit/s" not in text
        assert "lan.example" in text, "names of hosts"
        assert "Queues" in text
        assert "Throughput" not in text
        assert "Loss, by cause" not in text
        header = next(line for line in text.splitlines() if "Source" in line)
        assert "VLAN" in header
        assert "Rate" not in header
        assert app.source.views[0].filter == "udp", "the first look is at what is asked for"


async def test_keys_are_as_set_everywhere(tmp_path: Path) -> None:
    text = 'keys = { pause = "f5", next_theme = ["T", "ctrl+t"], ended = "t", back = "<", forward = ">", quit = "Q" }'
    app = StagedApp(settings=settings_of(text, tmp_path))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 4)
        await pilot.press("p", "space")
        assert app.playback.live, "the usual key does nothing any more"
        await pilot.press("f5")
        assert not app.playback.live
        await pilot.press("f5", "less_than_sign")
        assert "past −" in app.text()
        assert "> goes forward, F5 returns to now" in app.text()
        assert " F5 pause " in app.text().splitlines()[-1]
        await pilot.press("greater_than_sign")
        theme = app.theme
        await pilot.press("T")
        assert app.theme != theme
        await pilot.press("t")
        assert app.picture().view.ended, "a key that was freed serves another action"
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        assert "T ctrl+t" in app.text()
        await pilot.press("escape", "q")
        assert app.return_code is None
        await pilot.press("Q")
        await pilot.pause()
    assert app.return_code == 0


async def test_a_detail_has_keys_of_its_own_to_set(tmp_path: Path) -> None:
    text = 'keys = { close = "x", copy_filter = ["f", "f6"], bottom = "ctrl+e" }'
    app = StagedApp(settings=settings_of(text, tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 4)
        page = "\n".join("".join(text for text, _ in line) for line in help_lines(app.picture().keymap, 120))
        assert "f F6" in page, "the help has them"
        await pilot.press("down", "enter")
        assert isinstance(app.screen, DetailScreen)
        assert " x close  f F6 copy filter " in app.text().splitlines()[-1]
        await pilot.press("escape", "y")
        assert isinstance(app.screen, DetailScreen)
        assert app.clipboard == ""
        detail = app.screen.query_one("#detail")
        await pilot.press("ctrl+e")
        await pilot.pause()
        assert detail.scroll_offset.y == detail.max_scroll_y > 0
        await pilot.press("f")
        assert " and src host " in app.clipboard
        await pilot.press("x")
        assert not isinstance(app.screen, DetailScreen)
        assert not app.picture().view.ended, "x is the detail's while it is open"


async def test_a_wrong_file_is_said_on_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("interval = 0\n", encoding="utf-8")
    app = StagedApp(settings=read_settings(None, path))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 1)
        assert "config.toml: interval: 0 is no number" in app.text().splitlines()[-1]
        assert "Throughput" in app.text()


@pytest.mark.parametrize("group", ["flow", "host"])
async def test_columns_that_are_set_are_not_overwritten_by_a_choice(tmp_path: Path, group: str) -> None:
    memory = tmp_path / "columns.json"
    memory.write_text('{"flow": ["bytes"]}', encoding="utf-8")
    settings = settings_of('columns.flow = ["bps", "pps"]', tmp_path)
    columns = ColumnMemory(memory, settings.screen.columns)
    assert columns.choice["flow"] == ("bps", "pps")
    columns.choose(group, ("flows",) if group == "host" else ("rtt",))
    assert columns.save() == ""
    kept = read_choice(memory)
    assert kept["flow"] == ("bytes",)
    assert kept.get("host") == (("flows",) if group == "host" else None)


async def test_windows_have_keys_of_their_own_to_set(tmp_path: Path) -> None:
    text = """
    keys.window_down = "w"
    keys.window_close = "f4"
    keys.column_mark = "m"
    keys.export_write = "f2"
    keys.export_leave = "f3"
    keys.complete = "f9"
    keys.choice_right = "n"
    keys.filter_leave = "f3"
    keys.filter_keep = "f2"
    keys.choose_columns = "o"
    keys.alerts = "c"
    """
    app = StagedApp(settings=settings_of(text, tmp_path))
    async with app.run_test(size=(100, 36)) as pilot:
        await play(pilot, 4)
        await pilot.press("o")
        assert "m shows or hides · ← → move it · r the usual · F4 done" in app.text()
        first = app.text()
        await pilot.press("down", "space", "escape")
        assert app.text() == first, "the usual keys do nothing any more"
        await pilot.press("w", "m")
        await pilot.pause()
        assert app.text().count("[x]") == first.count("[x]") - 1
        await pilot.press("o", "e")
        assert "F9 completes · ↑↓ line · ←n choice · F2 writes · F3 leaves" in app.text()
        await pilot.press("enter", "escape", "down", "right")
        assert "● json" in app.text()
        await pilot.press("n")
        assert "● ndjson" in app.text()
        await pilot.press("f3", "slash", *"udp", "escape", "enter")
        assert "F2 keeps · F3 clears" in app.text() or "read as" in app.text()
        assert app.query_one("#filter").display
        await pilot.press("f2")
        assert not app.query_one("#filter").display
        assert app.picture().view.filter == "udp"
        await pilot.press("slash", "f3", "A")
        assert app.picture().view.filter == ""
        assert "c on or off · F4 closes" in app.text()
        await pilot.press("f4", "question_mark")
        assert "F4 closes" in app.text()
        await pilot.press("w")
        await pilot.pause()
        assert app.screen.query_one("#help").scroll_offset.y == 1
        await pilot.press("question_mark")
        assert len(app.screen_stack) == 1


async def test_a_letter_that_is_a_key_is_a_letter_where_one_types(tmp_path: Path) -> None:
    """Those that come before all else, too: "vxlan" ended xtop where x had been chosen to quit."""
    app = StagedApp(
        settings=settings_of('keys = { quit = "x", export_up = "k", ended = "E", picture = "f5" }', tmp_path)
    )
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("slash", *"vxlan")
        assert app.query_one(FilterInput).value == "vxlan"
        await pilot.press("escape", "e", "ctrl+u", *"kxk")
        assert app.screen.query_one(PathInput).value == "kxk"
        await pilot.press("down", "down", "k")
        assert app.focused is app.screen.query_one("#format"), "on a choice it is a key"
        await pilot.press("escape", "x")
        assert not app.is_running
