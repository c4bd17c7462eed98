# SPDX-License-Identifier: BSD-2-Clause
"""The filter under the user's hands: typed, pasted, mistaken, kept, cleared, taken from a row."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.pilot import Pilot

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play, type_ahead
from xtop import live_app
from xtop.filter_history import MOST_FILTERS, FilterHistory
from xtop.model import Flow, Snapshot, View
from xtop.widgets.filter_prompt import FilterInput, FilterPrompt
from xtop.widgets.throughput import Throughput

SIZE = (120, 36)


def rows(app: StagedApp) -> tuple[Flow, ...]:
    snapshot = app.picture().snapshot
    assert snapshot is not None
    return tuple(snapshot.flows)


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    for _ in range(400):
        await pilot.pause()
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to be")


async def typed(pilot: Pilot[None], text: str) -> None:
    names = {" ": "space", "=": "equals_sign", ">": "greater_than_sign", "(": "left_parenthesis", ".": "full_stop"}
    await pilot.press(*[names.get(character, character) for character in text])


def fault_marks(app: StagedApp) -> tuple[int, str]:
    """The column of the marks on the screen, and the word that stands above them."""
    lines = app.text().splitlines()
    line = next(number for number, text in enumerate(lines) if "▔" in text)
    start, end = lines[line].index("▔"), lines[line].rindex("▔") + 1
    return start, lines[line - 1][start:end]


async def test_the_filter_works_while_it_is_typed() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        every, taken = len(rows(app)), app.picture().snapshot
        await pilot.press("slash")
        await typed(pilot, "udp")
        await until(pilot, lambda: app.source.views[-1].filter == "udp")
        await until(pilot, lambda: {flow.protocol for flow in rows(app)} == {17})
        assert app.source.views[-1].between, "the interval goes on"
        assert 0 < len(rows(app)) < every
        assert "filter udp" in app.text()
        assert taken is not None
        assert app.picture().snapshot.taken_at == taken.taken_at  # type: ignore[union-attr]
        await typed(pilot, " and port 53")
        await until(pilot, lambda: app.source.views[-1].filter == "udp and port 53")
        await until(pilot, lambda: {flow.destination_port for flow in rows(app)} == {53})
        await pilot.press("enter")
        await until(pilot, lambda: not app.query_one(FilterPrompt).display)
        assert app.focused is app.table
        await play(pilot)
        assert app.source.views[-1].filter == "udp and port 53"
        assert not app.source.views[-1].between


async def test_a_key_of_a_filter_moves_no_region() -> None:
    """A layout of the whole screen takes longer than to draw what a key changes, rows that come and go included."""
    app, layouts = StagedApp(), list[object]()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        await until(pilot, lambda: app.query_one(FilterPrompt).size.height == 3)
        for _ in range(20):  # what opening it asks for
            await pilot.pause()
        app.screen.screen_layout_refresh_signal.subscribe(app, layouts.append)
        await typed(pilot, "packets=0")
        await until(pilot, lambda: "No flow matches" in app.text())
        assert not app.table.max_scroll_y
        await pilot.press("backspace")
        await typed(pilot, "999")
        await until(pilot, lambda: app.source.views[-1].filter == "packets=999")
        for _ in range(20):
            await pilot.pause()
        assert not layouts


async def test_a_key_during_an_intervals_look_is_looked_through_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """That look's rows, of the filter before, are drawn by nobody; its figures come with the rows of the new one."""
    app, entered, gate, drawn = StagedApp(), threading.Event(), threading.Event(), list[View]()
    look, as_viewed = app.source.snapshot, live_app.as_viewed

    def held(view: View) -> Snapshot:
        if not view.between and app.source.calls >= 2:
            entered.set()
            gate.wait(40.0)
        return look(view)

    def noted(snapshot: Snapshot, view: View) -> Snapshot:
        drawn.append(view)
        return as_viewed(snapshot, view)

    monkeypatch.setattr(app.source, "snapshot", held)
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        before = app.picture().snapshot
        await pilot.press("slash")
        app.poller.hurry()
        await until(pilot, entered.is_set)
        await typed(pilot, "udp")
        await until(pilot, lambda: app.picture().view.filter == "udp")
        monkeypatch.setattr(live_app, "as_viewed", noted)
        gate.set()
        await until(pilot, lambda: app.source.views[-1].between and app.poller.idle)
        now = app.picture().snapshot
        assert before is not None
        assert now is not None
        assert {flow.protocol for flow in rows(app)} == {17}
        assert now.taken_at > before.taken_at
        assert app.query_one(Throughput).picture.snapshot is now
        assert not drawn


async def test_letters_that_are_keys_elsewhere_are_letters_here() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        await typed(pilot, "qspxu=>(")
        assert app.query_one(FilterInput).value == "qspxu=>("
        assert app.playback.live
        assert app.is_running


async def test_a_mistake_is_marked_under_its_word_and_the_last_good_filter_stays() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        await typed(pilot, "tcp and prot 80")
        await pilot.pause()
        assert fault_marks(app) == (2 + len("tcp and "), "prot")
        assert "did you mean proto?" in app.text()
        assert app.picture().view.filter == "tcp"
        assert {flow.protocol for flow in rows(app)} == {6}
        await pilot.press("enter")
        assert app.query_one(FilterPrompt).display, "a mistake cannot be kept"
        await pilot.press(*["backspace"] * 7)
        await typed(pilot, "port 443")
        await until(pilot, lambda: app.picture().view.filter == "tcp and port 443")
        assert "▔" not in app.text()


async def test_what_is_still_being_typed_is_no_alarm() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        await typed(pilot, "tcp and ")
        await pilot.pause()
        assert "is missing at the end" in app.text()
        assert "✖" not in app.text()
        await pilot.press("enter")
        await pilot.pause()
        assert "✖" in app.text()


async def test_the_mark_follows_a_line_that_scrolls() -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        await type_ahead(pilot, "port 1 or " * 9 + "flgs sy")
        await pilot.press("n")
        assert fault_marks(app)[1] == "flgs"


async def test_escape_clears_here_and_later() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        every = len(rows(app))
        await pilot.press("slash")
        await typed(pilot, "udp")
        await pilot.press("escape")
        await until(pilot, lambda: app.picture().view.filter == "" and len(rows(app)) == every)
        await pilot.press("slash")
        await typed(pilot, "udp")
        await pilot.press("enter", "down")
        assert app.table.selected is not None
        await pilot.press("escape")
        assert app.table.selected is None
        assert app.picture().view.filter == "udp", "the first Esc let go of the row"
        await pilot.press("escape")
        await until(pilot, lambda: app.picture().view.filter == "" and len(rows(app)) == every)


async def test_the_selection_stays() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        udp = next(flow for flow in rows(app) if flow.protocol == 17)
        while app.table.selected is None or app.table.selected.key != udp.key:
            await pilot.press("down")
        for words in ("udp", "tcp", "udp"):
            await pilot.press("slash", "ctrl+u")
            await typed(pilot, words)
            await pilot.press("enter")
            await until(pilot, lambda words=words: app.source.views[-1].filter == words)  # type: ignore[misc]
            await pilot.pause()
            assert (app.table.selected is not None and app.table.selected.key == udp.key) == (words == "udp")


async def test_the_selected_row_becomes_the_filter() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("equals_sign")
        assert "no row is selected" in app.text()
        await pilot.press("down", "down", "down")
        flow = app.table.selected
        assert flow is not None
        await pilot.press("equals_sign")
        await until(pilot, lambda: [one.key for one in rows(app)] == [flow.key])
        assert app.table.selected is not None
        assert app.table.selected.key == flow.key


async def test_a_hosts_row_becomes_its_flows() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("a")
        await play(pilot)
        await pilot.press("down")
        host = app.table.selected
        assert host is not None
        await pilot.press("equals_sign")
        assert app.picture().view.group == "flow"
        await until(pilot, lambda: app.source.views[-1].filter == f"host {host.source}")
        await until(pilot, lambda: all(host.source in (flow.source, flow.destination) for flow in rows(app)))
        assert rows(app)


async def test_nothing_that_matches_says_how_many_are_hidden() -> None:
    app = StagedApp(Script(flows=33))
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        every = len(rows(app))
        await pilot.press("slash")
        await typed(pilot, "vlan 4000")
        await until(pilot, lambda: "No flow matches the filter" in app.text())
        assert f"hidden: {every} " in app.text()


async def test_a_live_screen_shows_what_the_reader_found_and_nothing_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(snapshot: Snapshot, view: View) -> Snapshot:
        raise AssertionError(f"rows at hand were filtered by {view.filter}")

    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        monkeypatch.setattr(live_app, "as_viewed", never)
        await pilot.press("slash")
        await typed(pilot, "icmp")
        await until(pilot, lambda: {flow.protocol for flow in rows(app)} == {1})


async def test_pasted_lines_are_one() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        app.query_one(FilterInput).post_message(Paste("proto udp\n and port 53 \n"))
        await until(pilot, lambda: app.picture().view.filter == "proto udp and port 53")


async def test_a_held_screen_is_filtered_too() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("p")
        every = len(rows(app))
        await pilot.press("slash")
        await typed(pilot, "icmp")
        await until(pilot, lambda: {flow.protocol for flow in rows(app)} == {1})
        await pilot.press("escape")
        await until(pilot, lambda: len(rows(app)) == every)


async def test_earlier_filters_come_back_even_in_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "state" / "filters"
    app = StagedApp(filters=FilterHistory(path))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        for words in ("udp", "port 443"):
            await pilot.press("slash", "ctrl+u")
            await typed(pilot, words)
            await pilot.press("enter")
            await app.workers.wait_for_complete()
    assert path.read_text() == "udp\nport 443\n"
    app = StagedApp(filters=FilterHistory(path))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        await app.workers.wait_for_complete()
        line = app.query_one(FilterInput)
        await typed(pilot, "ip")
        await pilot.press("up")
        assert line.value == "port 443"
        await pilot.press("up", "up", "up")
        assert line.value == "udp"
        await until(pilot, lambda: {flow.protocol for flow in rows(app)} == {17})
        await pilot.press("down", "down")
        assert line.value == "ip", "what was being typed is at the end"


def test_the_history_is_bounded_and_survives_any_file(tmp_path: Path) -> None:
    path = tmp_path / "filters"
    path.write_bytes(b"\xff\xfe\n\x00\x1b[2J\n" + b"tcp\n" * 9 + b"x" * 1_000_000)
    history = FilterHistory(path)
    history.load()
    for port in range(MOST_FILTERS + 50):
        history.keep(f"port {port}")
    history.keep("port 100")
    history.save()
    lines = path.read_text().splitlines()
    assert len(lines) == MOST_FILTERS
    assert lines[-2:] == [f"port {MOST_FILTERS + 49}", "port 100"]
    assert (path.stat().st_mode & 0o777) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("parent", ["/proc/nowhere", "/dev/null/x"])
def test_where_nothing_can_be_kept_nothing_is_said(parent: str) -> None:
    history = FilterHistory(Path(parent) / "filters")
    history.load()
    history.keep("tcp")
    history.save()
    history.begin("")
    assert history.leaf(-1, "") == "tcp"


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (200, 60)])
async def test_nothing_is_cut_while_the_prompt_is_open(size: tuple[int, int]) -> None:
    app = StagedApp()
    async with app.run_test(size=size) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        await typed(pilot, "tcp and prot 80")
        await pilot.pause()
        lines = app.text().splitlines()
        assert len(lines) == size[1]
        assert "quit" in lines[-1]
        assert lines[-4].startswith("/ tcp and prot 80")
        assert all(len(line) <= size[0] for line in lines)


@pytest.mark.parametrize(("text", "end"), [("bps > 1X", "or in bytes, like 10MB/s"), ("flags foo", "letters: SA)")])
async def test_what_a_mistake_should_have_been_is_told_whole(text: str, end: str) -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        await typed(pilot, text)
        await pilot.pause()
        assert app.text().splitlines()[-2].endswith(end)


async def test_another_width_has_room_for_more_or_less_of_what_is_said() -> None:
    app, whole = StagedApp(), "words: ? once this is closed"
    async with app.run_test(size=(61, 16)) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        for size, end in (
            ((61, 16), "once th…"),
            ((120, 36), whole),
            ((70, 20), "once this is clo…"),
            ((80, 24), whole),
        ):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda end=end: app.text().splitlines()[-2].endswith(end))  # type: ignore[misc]


async def test_what_is_typed_into_is_seen_on_a_terminal_too_small_for_a_screen() -> None:
    """Else `q` is a letter in a filter that nobody knows to be open."""
    app = StagedApp()
    async with app.run_test(size=(40, 10)) as pilot:
        await play(pilot, 2)
        await pilot.press("slash")
        await typed(pilot, "prt")
        await until(pilot, lambda: "is no word" in app.text())
        lines = app.text().splitlines()
        assert lines[-3:-1] == ["/ prt", "  ▔▔▔"]
        assert "Gbit/s" in lines[0], "the totals stay"
        await pilot.press("escape")
        await until(pilot, lambda: "/ prt" not in app.text())


async def test_what_is_typed_ahead_acts_in_its_order() -> None:
    """A slow line delivers many keys at once: none overtakes another, and none is taken by the table."""
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        typed = (
            "slash",
            *"udp",
            "space",
            *"xy",
            "backspace",
            "backspace",
            *"or",
            "space",
            *"net",
            "space",
            *"10",
            "slash",
        )
        for key in (*typed, "8", "home", "delete", "u", "enter"):
            app.post_message(Key(key, {"space": " ", "slash": "/"}.get(key, key if len(key) == 1 else None)))
        await until(pilot, lambda: app.source.views[-1].filter == "udp or net 10/8")
        assert not app.query_one(FilterPrompt).display
        assert not app.picture().in_bytes, "u went to the line, not to the table"
