# SPDX-License-Identifier: BSD-2-Clause
"""The screen under the user's hands: each test presses keys and reads what stands on the terminal."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.screen.scripted_source import Script, ScriptedSource
from tests.screen.stage import NEVER, StagedApp, play, settled
from xtop.app import XtopApp
from xtop.model import Flow, Snapshot, View
from xtop.widgets.help_screen import HelpScreen

SIZE = (120, 36)


async def test_the_selection_stays_on_its_flow() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        await pilot.press("down", "down", "down", "down")
        flow = app.table.selected
        assert flow is not None
        ranks = set()
        for _ in range(12):
            await play(pilot)
            assert app.table.selected is not None
            assert app.table.selected.key == flow.key
            row = app.row_of(flow.key)
            ranks.add(row)
            top = app.table.scroll_offset.y
            assert top <= row < top + app.table.size.height - 2
        assert len(ranks) > 1, "the script must change ranks for this test to mean anything"
        await pilot.press("s")
        assert app.table.selected is not None
        assert app.table.selected.key == flow.key


async def test_arrows_move_by_one_row_and_scroll_at_the_edge() -> None:
    app = StagedApp(Script(steady=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        await pilot.press("j")
        first = app.table.selected
        assert first is not None
        assert app.row_of(first.key) == 0
        await pilot.press(*["down"] * 20)
        assert app.table.selected is not None
        assert app.row_of(app.table.selected.key) == 20
        assert app.table.scroll_offset.y == 20 - (app.table.size.height - 2) + 1
        await pilot.press("k", "up")
        assert app.row_of(app.table.selected.key) == 18
        await pilot.press("G")
        assert app.row_of(app.table.selected.key) == 363
        await pilot.press("pageup", "home")
        assert app.row_of(app.table.selected.key) == 0
        await pilot.press("escape")
        assert app.table.selected is None


async def test_sort_keys_and_reverse() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        await pilot.press("s")
        assert "by pkt/s ▼" in app.text()
        rates = [flow.pps for flow in _rows(app)]
        assert rates == sorted(rates, reverse=True)
        await pilot.press("S")
        assert "by pkt/s ▲" in app.text()
        rates = [flow.pps for flow in _rows(app)]
        assert rates == sorted(rates)
        await play(pilot)
        assert app.source.views[-1].sort == "pps"
        assert app.source.views[-1].descending is False


async def test_a_sort_column_out_of_sight_is_brought_into_view() -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        for _ in range(16):
            await pilot.press("s")
            header = app.text().splitlines()[4]
            assert "▼" in header or "▲" in header, app.picture().view.sort


async def test_a_smaller_terminal_keeps_the_sort_column_in_view() -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        await pilot.press("s", "s")
        assert "Bytes ▼" in app.text()
        for size in ((60, 15), (59, 14), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert ("Bytes ▼" in app.text()) == (size != (59, 14)), size


async def test_a_terminal_that_grows_back_shows_the_columns_of_before() -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        await pilot.press("s")
        before = app.text().splitlines()[4]
        assert "Proto" in before
        assert "Pkt/s ▼" in before
        await pilot.resize_terminal(60, 15)
        await pilot.pause()
        assert "Pkt/s ▼" in app.text()
        assert "Proto" not in app.text()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert app.text().splitlines()[4] == before


async def test_arrows_scroll_by_whole_columns_and_say_what_is_hidden() -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        assert " 20 more columns › " in app.text()
        await pilot.press("left")
        assert "‹" not in app.text()
        await pilot.press(*["right"] * 40)
        assert "Idle" in app.text().splitlines()[4]
        assert "columns ›" not in app.text()
        await pilot.press("escape")
        assert "Rate ▼" in app.text().splitlines()[4]


async def test_clicking_a_header_sorts_and_clicking_again_reverses() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        at = app.text().splitlines()[9].index("Bytes")
        await pilot.click("#flows", offset=(at, 1))
        assert app.picture().view == View(top=1000, sort="bytes", activity=True)
        await pilot.click("#flows", offset=(at, 1))
        assert app.picture().view.descending is False
        await pilot.click("#flows", offset=(3, 4))
        assert app.table.selected is not None
        assert app.row_of(app.table.selected.key) == 2


async def test_pause_holds_the_figures_and_says_for_how_long() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        await pilot.press("p")
        held = app.picture().snapshot
        await play(pilot, 42)
        app.draw()
        await pilot.pause()
        assert app.picture().snapshot is held
        assert "‖ paused 00:42" in app.text()
        await pilot.press("s")
        assert "by pkt/s" in app.text()
        assert app.source.calls == 46, "the capture goes on"
        await pilot.press("space")
        assert "● live" in app.text()
        now = app.picture().snapshot
        assert now is not None
        assert held is not None
        assert now.taken_at > held.taken_at
        rates = [flow.pps for flow in now.flows]
        assert rates == sorted(rates, reverse=True)


async def test_units_and_ended() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        assert "bit/s" in app.text()
        await pilot.press("u")
        assert "bit/s" not in app.text()
        assert "GB/s" in app.text()
        await pilot.press("x")
        await play(pilot)
        assert app.source.views[-1].ended
        await pilot.press("S")
        await pilot.press("S", "G")
        assert " End " in app.text()
        assert {flow.end_reason for flow in _rows(app)} > {None}
        await pilot.press("x")
        assert all(flow.end_reason is None for flow in _rows(app)), "at once, not a snapshot later"


async def test_help_shows_every_key_and_gives_the_table_back() -> None:
    app = StagedApp()
    async with app.run_test(size=(120, 150)) as pilot:
        await play(pilot, 2)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        text = app.text()
        await pilot.press("end")
        await pilot.pause()
        text += app.text()
        for words in ("hold the screen", "write flows to a file", "sort by the next column", "fault of xtop"):
            assert words in text
        await pilot.press("e")
        assert isinstance(app.screen, HelpScreen), "no prompt above the help"
        await pilot.press("question_mark")
        await pilot.press("down")
        assert app.table.selected is not None


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
async def test_help_is_not_cut(size: tuple[int, int]) -> None:
    app = StagedApp()
    async with app.run_test(size=size) as pilot:
        await play(pilot)
        await pilot.press("question_mark")
        await pilot.press("end")
        assert "since the last packet" in app.text()


async def test_q_quits_from_anywhere_at_once() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot)
        await pilot.press("e", "ctrl+c")
        await pilot.pause()
    assert app.return_code == 0
    assert not app.source.closed, "who gave the source closes it"


def _rows_if_any(app: StagedApp) -> tuple[Flow, ...]:
    snapshot = app.picture().snapshot
    return snapshot.flows if snapshot else ()


def _rows(app: StagedApp) -> tuple[Flow, ...]:
    snapshot = app.picture().snapshot
    assert snapshot is not None
    return snapshot.flows


async def test_a_snapshot_that_comes_while_the_screen_closes_is_no_fault() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await app.screen.query("*").remove()
        await play(pilot)
    assert app.return_code in (0, None)


async def test_a_source_that_fails_keeps_its_last_figures() -> None:
    app = StagedApp(Script(raises_at=3))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await play(pilot, 1)
        await asyncio.sleep(0.05)
        await pilot.pause()
        text = app.text()
        assert "✖ failed" in text
        assert "eth1 cannot be read any more" in text
        assert app.picture().snapshot is not None
        assert "443 TCP" in text


async def test_a_file_shows_its_ended_flows_unasked() -> None:
    app = StagedApp(Script(done_at=0, kind="file"))
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(200):
            await pilot.pause()
            if any(flow.end_reason for flow in _rows_if_any(app)):
                break
            await asyncio.sleep(0.01)
        assert app.source.views[-1].ended
        assert "ended too" in app.text()
        assert any(flow.end_reason for flow in _rows(app))


async def test_after_the_end_only_a_new_order_asks_the_source() -> None:
    app = StagedApp(Script(done_at=1, kind="file"))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 1)
        calls = app.source.calls
        assert "■ ended" in app.text()
        await pilot.press("s")
        for _ in range(100):
            if app.source.calls > calls:
                break
            await asyncio.sleep(0.01)
        assert app.source.calls == calls + 1
        assert app.source.views[-1].sort == "pps"


async def test_after_the_end_no_key_adds_to_graph_and_trends() -> None:
    app = StagedApp(Script(done_at=1, kind="file"))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        assert "■ ended" in app.text()
        before = app.picture()
        for key in "xdss":
            calls = app.source.calls
            await pilot.press(key)
            for _ in range(100):
                if app.source.calls > calls:
                    break
                await asyncio.sleep(0.01)
            await settled(pilot, app)
            assert app.source.calls > calls
            assert app.picture().curves == before.curves
            assert {len(trend) for trend in app.picture().trends.values()} <= {1, 2}, "two snapshots, two bars"


class StuckSource(ScriptedSource):
    """Hangs in its second snapshot, as a dying kernel driver might."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def snapshot(self, view: View) -> Snapshot:
        if self.calls:
            self.release.wait(30)
        return super().snapshot(view)


async def test_a_source_that_hangs_does_not_hold_the_keys() -> None:
    source = StuckSource()
    app = XtopApp(source, NEVER)
    async with app.run_test(size=SIZE) as pilot:
        while app.picture().snapshot is None:
            await asyncio.sleep(0.01)
        app.poller.hurry()
        await asyncio.sleep(0.05)
        await asyncio.wait_for(pilot.press("s"), 1)
        assert app.picture().view.sort == "pps"
        source.release.set()


@pytest.mark.parametrize("script", [Script(), Script(loss=True, queues=64), Script(queues=1), Script(silent_until=99)])
@pytest.mark.parametrize("size", [(60, 15), (79, 20), (80, 24), (111, 31), (112, 31), (150, 40), (180, 46), (250, 70)])
async def test_nothing_is_cut_at_any_size(size: tuple[int, int], script: Script) -> None:
    app = StagedApp(script)
    async with app.run_test(size=size) as pilot:
        await play(pilot, 3)
        lines = app.text().splitlines()
        assert len(lines) == size[1]
        assert "lost" in lines[0]
        assert "quit" in lines[-1]
        for line in lines:
            assert line.count("╭") == line.count("╮")
            assert line.count("╰") == line.count("╯")


async def test_too_small_is_a_sentence_and_the_totals() -> None:
    app = StagedApp(Script(loss=True))
    async with app.run_test(size=(40, 10)) as pilot:
        await play(pilot, 3)
        assert "xtop needs 60x15" in app.text()
        assert "bit/s" in app.text()
        assert "lost" in app.text()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "Flows by rate" in app.text()
