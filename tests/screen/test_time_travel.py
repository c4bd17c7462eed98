# SPDX-License-Identifier: BSD-2-Clause
"""The keys of time: what was shown is shown again, and the capture goes on meanwhile."""

from __future__ import annotations

from pathlib import Path

from tests.screen.scripted_source import START, Script
from tests.screen.stage import StagedApp, play
from xtop.widgets.flow_table import FlowTable

SIZE = (120, 36)


def body(app: StagedApp) -> list[str]:
    """What stands on the screen, without the lines that say that it is the past."""
    return [line for line in app.text().splitlines()[1:] if "◀" not in line]


async def test_back_and_forward_show_what_was_shown() -> None:
    app = StagedApp(Script(flows=150, loss=True))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 5)
        then = app.text().splitlines()
        await play(pilot, 3)
        await pilot.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        past = app.text().splitlines()
        assert "◀ past −00:03" in past[0]
        assert "the screen of 12:00:05" in past[1]
        assert "loss began" in then[1], "that line was news then, and is the banner of the past now"
        assert past[2:9] == then[2:9]
        assert [line[:118].rstrip() for line in past[10:24]] == [line[:118].rstrip() for line in then[10:24]]
        assert past[-11:-1] == then[-11:-1]
        await pilot.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        assert "● live" in app.text()
        assert "◀" not in app.text()


async def test_the_distance_grows_while_the_present_goes_on() -> None:
    app = StagedApp(Script(flows=50))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 100)
        await pilot.press("left_curly_bracket")
        assert "past −01:00" in app.text()
        shown = app.picture().snapshot
        assert shown is not None
        await play(pilot, 2)
        assert app.picture().snapshot == shown
        assert app.source.calls == 103
        app.draw()
        await pilot.pause()
        assert "past −01:02" in app.text()
        await pilot.press("left_curly_bracket", "left_curly_bracket")
        assert "nothing earlier is kept" in app.text()
        await pilot.press("p")
        assert "● live" in app.text()
        now = app.picture().snapshot
        assert now is not None
        assert now.taken_at == START + 102 * 10**9


async def test_the_selection_and_the_order_stay_in_the_past() -> None:
    app = StagedApp(Script(flows=50))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 5)
        await pilot.press("down", "down", "down")
        selected = app.table.selected
        assert selected is not None
        await pilot.press("left_square_bracket", "s")
        snapshot = app.picture().snapshot
        assert snapshot is not None
        rates = [flow.pps for flow in snapshot.flows]
        assert rates == sorted(rates, reverse=True)
        table = app.screen.query_one(FlowTable)
        assert table.selected is not None
        assert table.selected.key == selected.key


async def test_export_takes_what_is_shown(tmp_path: Path) -> None:
    app = StagedApp(Script(flows=50))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 5)
        await pilot.press("left_square_bracket", "z", "e")
        app.screen.query_one("#path").value = str(tmp_path / "a.json")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        snapshot, _ = app.exports[0]
        assert snapshot.taken_at == START + 4 * 10**9
        assert snapshot.totals.packets > 0, "zeroed is the screen, never a file"


async def test_zero_counts_from_here_and_can_be_taken_back() -> None:
    app = StagedApp(Script(flows=50, loss=True))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 5)
        await pilot.press("z")
        assert "lost    0" in app.text()
        await play(pilot, 1)
        picture = app.picture().snapshot
        assert picture is not None
        assert picture.lost.rx_ring_full == 1200
        assert picture.accounting.missing == 0
        await pilot.press("Z")
        picture = app.picture().snapshot
        assert picture is not None
        assert picture.lost.rx_ring_full == 1200 * 7


async def test_nothing_to_go_back_to_is_said() -> None:
    app = StagedApp(Script(flows=5))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 0)
        await pilot.press("left_square_bracket")
        assert "nothing earlier is kept" in app.text()
        await pilot.press("right_curly_bracket")
        assert "this is the present" in app.text()
