# SPDX-License-Identifier: BSD-2-Clause
"""A moment that is held, or past, has the rows that were asked for then: the screen says so where that is not all."""

from __future__ import annotations

import pytest

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play
from xtop.kept_rows import KeptRows
from xtop.model import View

SIZE = (120, 36)


@pytest.mark.parametrize(
    ("rows", "of", "then", "asked", "words"),
    [
        (200, 5000, View(sort="bps"), View(sort="bps"), ""),
        (40, 40, View(sort="bps"), View(sort="packets", filter="tcp"), ""),
        (200, 5000, View(sort="bps"), View(sort="bps", filter="icmp"), "among 200 kept"),
        (200, 5000, View(sort="bps"), View(sort="bytes"), "among 200 kept, first by rate ▼"),
        (40, 40, View(sort="bps", filter="icmp"), View(sort="bps"), "among 40 kept of filter icmp"),
        (
            *(200, 5000, View(sort="pps", descending=False, filter="tcp"), View(sort="bps")),
            "among 200 kept of filter tcp, first by pkt/s ▲",
        ),
    ],
)
def test_what_rows_are_among(rows: int, of: int, then: View, asked: View, words: str) -> None:
    assert KeptRows(rows, of, then).words(asked) == words


async def test_the_past_says_which_filter_was_on_then() -> None:
    app = StagedApp(Script())
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("slash", *"icmp", "enter")
        await play(pilot, 3)
        await pilot.press("escape")
        await play(pilot, 2)
        assert "kept" not in app.text()
        await pilot.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        await pilot.pause()
        assert "kept of filter icmp" in app.text()


async def test_a_held_screen_looks_through_what_it_holds_and_says_so() -> None:
    app = StagedApp(Script(flows=3000))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        await pilot.press("p", "S")
        await pilot.pause()
        assert "among 1.00 k kept, first by rate ▼" in app.text()
        await pilot.press("slash", *"port 9", "enter")
        await pilot.pause()
        assert "No match among 1.00 k kept" in app.text()
        assert "hidden:" not in app.text(), "nobody counted how many of all flows match"


async def test_a_held_screen_through_the_filter_of_then_was_looked_through_whole() -> None:
    app = StagedApp(Script())
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("slash", *"port 9", "enter")
        await play(pilot, 2)
        await pilot.press("p")
        await pilot.pause()
        assert "No flow matches the filter" in app.text()
        assert "No match" not in app.text()


async def test_rows_of_a_held_moment_stay_what_they_were() -> None:
    app = StagedApp(Script())
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        await pilot.press("p", "d")
        await pilot.pause()
        assert "each direction" not in app.text()
        assert "the rows stay what they were" in app.text()
        await pilot.press("x")
        await pilot.pause()
        assert "ended too" not in app.text()
        await pilot.press("a")
        await pilot.pause()
        assert "Of this moment only flows were kept" in app.text()
