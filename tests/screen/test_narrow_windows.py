# SPDX-License-Identifier: BSD-2-Clause
"""Windows at 60 columns: what is chosen and how to leave are in view."""

from __future__ import annotations

import pytest

from tests.screen.stage import StagedApp, play
from xtop.keymap import ALL_KEYS
from xtop.widgets.choice_line import ChoiceLine, in_view
from xtop.widgets.column_chooser import legend
from xtop.widgets.export_dialog import formats

NARROW = (60, 15)


def line_of(app: StagedApp, word: str) -> str:
    return next(line for line in app.text().splitlines() if word in line)


async def test_the_format_that_is_taken_is_in_view() -> None:
    app = StagedApp()
    async with app.run_test(size=NARROW) as pilot:
        await play(pilot, 2)
        await pilot.press("e", "down")
        assert "› " in line_of(app, "Format")
        for name in formats():
            assert f"● {name}" in line_of(app, "Format")
            await pilot.press("right")
        assert "‹ ○" in line_of(app, "Format")
        assert "›" not in line_of(app, "Format")
        for name in reversed(formats()):
            assert f"● {name}" in line_of(app, "Format")
            await pilot.press("left")
        assert "‹" not in line_of(app, "Format")


async def test_a_click_takes_the_choice_under_the_pointer_where_the_line_has_scrolled() -> None:
    app = StagedApp()
    async with app.run_test(size=NARROW) as pilot:
        await play(pilot, 2)
        await pilot.press("e", "down", *["right"] * 6)
        line = app.screen.query_one("#format", ChoiceLine)
        at = line_of(app, "Format").index("○ parquet" if "parquet" in formats() else "○ ipfix")
        await pilot.click(line, offset=(at - line.region.x + 3, 0))
        assert line.value == ("parquet" if "parquet" in formats() else "ipfix")


@pytest.mark.parametrize("width", range(14, 60))
def test_whatever_is_taken_fits(width: int) -> None:
    words = ["json", "ndjson", "csv", "text", "parquet", "ipfix", "svg"]
    for taken in range(len(words)):
        shown = in_view(words, taken, width)
        assert taken in shown
        cells = len("  ".join(f"○ {words[at]}" for at in shown))
        cells += 2 * (shown.start > 0) + 3 * (shown.stop < len(words))
        assert cells <= width


async def test_the_column_chooser_says_how_to_leave() -> None:
    app = StagedApp()
    async with app.run_test(size=NARROW) as pilot:
        await play(pilot, 2)
        await pilot.press("c")
        await pilot.pause()
        assert "space shows/hides · ← → move · r usual · Esc done" in app.text()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "space shows or hides · ← → move it · r the usual · Esc done" in app.text()


@pytest.mark.parametrize("width", range(8, 80))
def test_the_legend_fits_and_ends_with_the_way_out(width: int) -> None:
    assert legend(ALL_KEYS, width).endswith("Esc done")
    assert len(legend(ALL_KEYS, width)) <= width
