# SPDX-License-Identifier: BSD-2-Clause
"""The table by keys and mouse: adding up, taking apart, columns, what is remembered, names."""

from __future__ import annotations

import json
import os
import pwd
import re
import threading
from collections import defaultdict
from pathlib import Path

import pytest

from tests.screen.scripted_source import Script, ScriptedSource
from tests.screen.stage import StagedApp, play, settled
from tests.screen.test_export_dialog import until
from xtop.column_choice import ColumnMemory, config_directory
from xtop.columns import by_sort, sortable
from xtop.filter_history import state_directory
from xtop.model import Flow, Snapshot, View

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


def shown_flows(app: StagedApp) -> tuple[Flow, ...]:
    snapshot = app.picture().snapshot
    assert snapshot is not None
    return tuple(snapshot.flows)


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


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ("s", {"sort": "pps"}),
        ("ss", {"sort": "bytes"}),
        ("S", {"descending": False}),
        ("a", {"group": "host"}),
        ("d", {"directions": True}),
        ("x", {"ended": True}),
    ],
)
async def test_other_rows_wait_for_no_interval(keys: str, asked: dict[str, object]) -> None:
    """Until it is over, which may be a minute, a title would call the rows at hand what they are not."""
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        taken = app.source.calls
        await pilot.press(*keys)

        def looked() -> bool:
            view = app.source.views[-1]
            return view.between and {name: getattr(view, name) for name in asked} == asked and app.poller.idle

        await until(pilot, looked, "a look between two intervals")
        assert app.source.calls == taken, "the interval goes on"


async def test_the_rows_of_all_flows_take_the_place_of_those_at_hand() -> None:
    app = StagedApp(view=View(sort="bps", top=20))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        least = min(flow.bytes for flow in app.source._flows if not flow.end_reason)
        assert least not in {flow.bytes for flow in shown_flows(app)}
        await pilot.press("s", "s", "S")
        await until(pilot, lambda: bool(rows := shown_flows(app)) and rows[0].bytes == least, "the least of all flows")
        assert title(app).startswith("── Flows by bytes ▲")


async def test_a_group_stands_before_the_interval_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the table lets go of the groups' details, whose columns it does not show, while they are looked up."""
    app, look = StagedApp(), ScriptedSource.snapshot
    looked_up, go_on = threading.Event(), threading.Event()

    def held(source: ScriptedSource, view: View) -> Snapshot:
        if view.between and view.group == "pair":
            looked_up.set()
            go_on.wait(10.0)
        return look(source, view)

    monkeypatch.setattr(ScriptedSource, "snapshot", held)
    async with app.run_test(size=(200, 60)) as pilot:
        await play(pilot, 3)
        await pilot.press("a")
        await until(pilot, lambda: "of 721" in title(app), "the hosts")
        assert app.picture().view.details, "their columns stand there"
        await pilot.press("a")
        await until(pilot, looked_up.is_set, "the look at pairs")
        await until(pilot, lambda: "Adding up the flows" in app.text(), "why there are no rows yet")
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: not app.picture().view.details, "the table's word")
        go_on.set()
        await until(pilot, lambda: "1–15 of 364" in title(app), "the pairs")


@pytest.mark.parametrize(("sort", "word"), [("first_seen", "Age"), ("last_seen", "Idle")])
async def test_the_mark_says_which_end_the_greatest_time_is_at(sort: str, word: str) -> None:
    """These are sorted by moments, and shown as times since: what came last is the least."""
    app = StagedApp(view=View(sort=sort))
    async with app.run_test(size=(250, 40)) as pilot:
        await play(pilot, 3)
        for first, mark in (("latest", "▲"), ("earliest", "▼")):
            moments = [getattr(flow, sort) for flow in shown_flows(app)]
            assert moments == sorted(moments, reverse=first == "latest")
            assert f" by {word.lower()} {mark}" in title(app)
            assert f"{word} {mark}" in header(app)
            await pilot.press("S")
            await settled(pilot, app)


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


async def test_details_of_groups_are_asked_for_where_their_columns_stand() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        await pilot.press("a")
        await play(pilot, 2)
        assert "Duration" not in header(app)
        assert not app.source.views[-1].details, "a look at every flow for columns that nobody sees"
        await pilot.resize_terminal(200, 60)
        await settled(pilot, app)
        assert app.source.views[-1].details
        assert app.source.views[-1].between, "they come at once"
        column = slice(header(app).index("Duration") - 1, header(app).index("Duration") + len("Duration"))
        assert first_row(app)[column].strip(), "and stand there"
        await pilot.resize_terminal(120, 36)
        await play(pilot, 2)
        assert not app.source.views[-1].details
        await pilot.press(*["right"] * 12)
        await settled(pilot, app)
        assert app.source.views[-1].details, "they are scrolled to"


async def test_details_that_are_not_known_yet_are_blank() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 3)
        await pilot.press("a")
        await play(pilot, 2)
        await pilot.press("space")  # the moment is held, and no other look is seen
        await pilot.resize_terminal(200, 60)
        await settled(pilot, app)
        for word in ("Duration", "RTT", "Retr", "Payload", "Age", "Idle"):
            end = header(app).index(word) + len(word)
            assert not first_row(app)[end - 5 : end].strip(), word


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
            seen, first = set(), app.picture().view.sort
            while first not in seen:
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
    async with app.run_test(size=(200, 60)) as pilot:
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
        assert "Bytes" in header(app)
        assert not {"Sent", "Received"} & set(header(app).split()), "one direction received nothing"
        assert all(flow.reverse.packets == 0 for flow in snapshot.flows)
        await pilot.press("d")
        await play(pilot)
        assert "each direction" not in title(app)
        assert {"Sent", "Received"} <= set(header(app).split())
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


def shown_columns(app: StagedApp) -> list[str]:
    return [column.name for column in app.table.arrangement.columns if column.priority]


async def test_what_the_rows_are_sorted_by_is_shown_beside_what_the_flow_is() -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        seen = [app.picture().view.sort]
        for _ in range(len(sortable())):
            await pilot.press("s")
            sort = app.picture().view.sort
            if sort == seen[0]:
                break
            seen.append(sort)
            column = by_sort(sort)
            assert column.priority == 0 or column.name in shown_columns(app), sort
            assert {"protocol"} <= set(shown_columns(app)), sort
            assert not app.table.arrangement.more_left, sort
            word = re.escape(column.header)
            assert re.search(rf"(^| ){word} [▼▲]|[▼▲] *{word}( |$)", header(app)), "its word is whole"
        assert len(seen) > 8
        await pilot.press("right", "right", "right")
        scrolled = shown_columns(app)
        assert by_sort(sort).name not in scrolled
        await play(pilot)
        assert shown_columns(app) == scrolled, "who looks at other columns goes on to"
        await pilot.press("s")
        assert by_sort(app.picture().view.sort).name in shown_columns(app)


async def test_columns_are_chosen_moved_and_remembered(tmp_path: Path) -> None:
    path = tmp_path / "xtop" / "columns.json"
    app = StagedApp(columns=ColumnMemory(path))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        usual = shown_columns(app)
        await pilot.press("c")
        assert "Columns of flows" in app.text()
        assert "[x] Rate" in app.text()
        await pilot.press("space")  # the first goes
        await pilot.press("down", "right")  # the second becomes the third
        await pilot.press("escape")
        await app.workers.wait_for_complete()
        await pilot.pause()
        wanted = [usual[2], usual[1], *usual[3:]]
        assert shown_columns(app)[: len(wanted)] == wanted
        assert json.loads(path.read_text())["flow"][: len(wanted)] == wanted
        assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0
        await pilot.press("a")
        await play(pilot)
        assert shown_columns(app)[0] == "bps", "another table keeps its own"
    again = StagedApp(columns=ColumnMemory(path))
    async with again.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        assert shown_columns(again)[: len(wanted)] == wanted
        await pilot.press("c", "r")
        await again.workers.wait_for_complete()
        assert shown_columns(again) == usual
    assert json.loads(path.read_text()) == {}


async def test_nothing_changed_is_nothing_written(tmp_path: Path) -> None:
    path = tmp_path / "columns.json"
    app = StagedApp(columns=ColumnMemory(path))
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        await pilot.press("c", "down", "space", "space", "escape")
        await app.workers.wait_for_complete()
    assert not path.exists()


async def test_a_click_marks_a_column() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        first = shown_columns(app)[0]
        await pilot.press("c")
        await pilot.click("ChooserPage", offset=(5, 0))
        await pilot.press("escape")
        assert first not in shown_columns(app)


async def test_a_wrong_file_is_one_line_and_the_usual_columns(tmp_path: Path) -> None:
    path = tmp_path / "columns.json"
    path.write_text('{"flow": ["bps", "luck"]}')
    app = StagedApp(columns=ColumnMemory(path))
    async with app.run_test(size=(200, 50)) as pilot:
        await play(pilot, 2)
        assert "has no column 'luck'" in app.text()
        assert "protocol" in shown_columns(app)
    assert "luck" in path.read_text(), "it is the user's: it stays as it is"


@pytest.mark.parametrize("text", ["", "[", "[]", '{"flow": []}', '{"flow": "bps"}', '{"lunch": ["bps"]}', "[" * 100000])
def test_files_that_are_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "columns.json").write_text(text)
    memory = ColumnMemory(tmp_path / "columns.json")
    assert memory.choice == {}
    assert "columns.json" in memory.complaint
    assert "\n" not in memory.complaint


async def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    app = StagedApp(columns=ColumnMemory(tmp_path / "file" / "columns.json"))
    async with app.run_test(size=(200, 50)) as pilot:
        await play(pilot, 2)
        await pilot.press("c", "space", "escape")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "columns are not remembered" in app.text() or "cannot be read" in app.text()


def test_the_config_directory_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_directory() == tmp_path / "xtop"
    monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")  # the standard: to be ignored
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_directory() == tmp_path / ".config" / "xtop"


def test_a_user_without_a_home_has_directories_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)  # a number that nobody has
    with pytest.raises(KeyError):
        pwd.getpwuid(os.getuid())
    assert config_directory() == Path("/.config/xtop")
    assert state_directory() == Path("/.local/state/xtop")


async def test_names_take_the_place_of_numbers_and_back() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        assert "lan.example" not in app.text()
        await pilot.press("n")
        text = app.text()
        assert re.search(r"host-\d+….*lan\.example|host-\d+\.lan\.example", text)
        assert " https " in text
        assert " 8080 " in text, "a name that does not fit is no name"
        await pilot.press("n")
        assert "https" not in app.text()


async def test_ports_have_their_services_unasked() -> None:
    app = StagedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        await pilot.press("a", "a", "a")
        await play(pilot)
        assert re.search(r"TCP +443 https ", app.text())
