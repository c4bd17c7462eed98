# SPDX-License-Identifier: BSD-2-Clause
"""The table by keys and mouse: adding up, taking apart, columns, what is remembered, names."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play

SIZE = (120, 36)
GROUPS = ("Hosts", "Host pairs", "Ports", "Protocols", "VLANs", "Flows")


def title(app: StagedApp) -> str:
    return next(line for line in app.text().splitlines() if line.startswith("── "))


def header(app: StagedApp) -> str:
    lines = app.text().splitlines()
    return lines[lines.index(title(app)) + 1].rstrip(" ▁▂▃▄▅▆▇█")  # less the scroll bar


def first_row(app: StagedApp) -> str:
    lines = app.text().splitlines()
    return lines[lines.index(title(app)) + 2]


async def test_a_goes_through_the_groups_and_says_which() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        for words in GROUPS:
            await pilot.press("a")
            await play(pilot)
            assert title(app).startswith(f"── {words} by rate ▼"), words
            snapshot = app.picture().snapshot
            assert snapshot is not None
            assert len(snapshot.flows) == 364, "an export has the flows, whatever is shown"


async def test_hosts_have_what_they_sent_and_received() -> None:
    app = StagedApp()
    async with app.run_test(size=(200, 60)) as pilot:
        await play(pilot, 3)
        await pilot.press("a")
        await play(pilot)
        snapshot = app.picture().snapshot
        assert snapshot is not None
        sent: defaultdict[str, int] = defaultdict(int)
        for flow in snapshot.flows:
            sent[flow.source] += flow.forward.bytes
            sent[flow.destination] += flow.reverse.bytes
        assert {row.source: row.forward.bytes for row in snapshot.groups} == dict(sent)
        for word in ("Host ", "Flows", "Sent rate", "Recvd rate", "Sent", "Received", "Retr"):
            assert word in header(app)
        for word in ("Destination", "Port", "Flags", "TTL"):
            assert word not in header(app)


@pytest.mark.parametrize("presses", range(1, 6))
async def test_the_selection_stays_on_its_group(presses: int) -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press(*["a"] * presses)
        await play(pilot)
        await pilot.press("down", "down")
        row = app.table.selected
        assert row is not None
        for _ in range(6):
            await play(pilot)
            assert app.table.selected is not None
            assert app.table.selected.key == row.key
        await pilot.press("s")
        assert app.table.selected is not None
        assert app.table.selected.key == row.key


async def test_every_column_of_every_group_can_be_sorted_by() -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        for _ in GROUPS:
            await pilot.press("a")
            await play(pilot)
            seen = set()
            for _ in range(30):
                await pilot.press("s")
                assert "▼" in header(app) or "▲" in header(app), app.picture().view
                seen.add(app.picture().view.sort)
            assert len(seen) >= 15
            await play(pilot)


async def test_a_key_that_the_next_table_lacks_is_not_sorted_by() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("a")
        await play(pilot)
        at = header(app).index("Flows")
        await pilot.click("#flows", offset=(at + 1, 1))
        assert app.picture().view.sort == "flows"
        await pilot.press(*["a"] * 5)
        await play(pilot)
        assert title(app).startswith("── Flows by rate ▼")


async def test_d_shows_each_direction() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        joined = app.picture().snapshot
        assert joined is not None
        await pilot.press("d")
        await play(pilot)
        snapshot = app.picture().snapshot
        assert snapshot is not None
        assert title(app).startswith("── Flows, each direction, by rate")
        assert len(snapshot.flows) == 2 * len(joined.flows)
        assert "↔" not in app.text()
        assert all(flow.reverse.packets == 0 for flow in snapshot.flows)
        await pilot.press("d")
        await play(pilot)
        assert "each direction" not in title(app)
        assert "↔" in app.text()


async def test_ended_flows_have_a_column_that_says_why() -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 3)
        assert " End " not in header(app)
        await pilot.press("x")
        await play(pilot)
        assert " End " in header(app)
        await pilot.press("G")
        assert re.search(r" (idle|tcp|active|full) ", app.text())


async def test_the_wheel_scrolls_rows_and_with_shift_columns() -> None:
    app = StagedApp(Script(steady=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        await pilot.press("j")
        before, columns = first_row(app), header(app)
        for _ in range(3):
            await pilot._post_mouse_events([_wheel()], "#flows", offset=(10, 6))
        await pilot.pause()
        assert first_row(app) != before
        assert header(app) == columns
        await play(pilot)
        assert first_row(app) != before, "a selected row that was scrolled away from does not call the view back"
        app.table.scroll_to(y=0, animate=False)
        await pilot._post_mouse_events([_wheel()], "#flows", offset=(10, 6), shift=True)
        await pilot.pause()
        assert header(app) != columns
        assert header(app)[:30] == columns[:30], "what names the flow stays"


def _wheel() -> type:
    from textual.events import MouseScrollDown

    return MouseScrollDown
