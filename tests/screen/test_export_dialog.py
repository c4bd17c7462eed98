# SPDX-License-Identifier: BSD-2-Clause
"""The export dialog under the user's hands, and what lies on the disk afterwards."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play
from xtop.export_job import Progress
from xtop.exporting import write_file
from xtop.model import Snapshot
from xtop.widgets.choice_line import ChoiceLine
from xtop.widgets.export_dialog import ExportDialog
from xtop.widgets.path_input import PathInput

SIZE = (80, 24)
FLOWS, ENDED = 400, 36  # of the scripted source: every eleventh has ended


class WritingApp(StagedApp):
    """The stage, with the real exporters."""

    def write(self, snapshot: Snapshot, path: Path, format: str, overwrite: bool, progress: Progress) -> None:
        write_file(snapshot, path, format, overwrite, progress)


class HeldApp(StagedApp):
    """An export that stands still after its first flows, until it is let go on."""

    def __init__(self, script: Script | None = None, theme: str | None = None) -> None:
        super().__init__(script, theme)
        self.go_on = threading.Event()

    def write(self, snapshot: Snapshot, path: Path, format: str, overwrite: bool, progress: Progress) -> None:
        def hold(written: int) -> None:
            while not self.go_on.wait(0.01):
                progress(written // 2)
            progress(written)

        write_file(snapshot, path, format, overwrite, hold)


async def until(pilot: Pilot[None], true: Callable[[], bool], what: str) -> None:
    for _ in range(500):
        if true():
            await pilot.pause()
            return
        await asyncio.sleep(0.01)
    assert isinstance(pilot.app, StagedApp)
    raise AssertionError(f"waited for {what}; the screen was:\n{pilot.app.text()}")


def words(app: StagedApp) -> str:
    return " ".join(app.text().replace("│", " ").split())


async def open_with(pilot: Pilot[None], path: str) -> ExportDialog:
    await pilot.press("e")
    dialog = pilot.app.screen
    assert isinstance(dialog, ExportDialog)
    line = dialog.query_one(PathInput)
    line.value, line.cursor_position = path, len(path)
    await pilot.pause()
    return dialog


async def test_what_is_shown_is_what_is_written(tmp_path: Path) -> None:
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        shown = app.picture().snapshot
        assert shown is not None
        await open_with(pilot, f"{tmp_path}/a.csv")
        await pilot.press("enter")
        await until(pilot, lambda: "exported" in app.text(), "the export's end")
        assert f"exported {len(shown.flows)} of {len(shown.flows)} flows to" in app.text()
        assert app.text().splitlines()[-1].endswith("/a.csv"), "the path's end is on the screen"
        rows = list(csv.DictReader((tmp_path / "a.csv").open(newline="")))
        assert [row["flow_id"] for row in rows] == [str(flow.flow_id) for flow in shown.flows]
        assert os.listdir(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("keys", [(), ("a",), ("d",), ("slash", *"udp", "enter")])
async def test_the_number_offered_is_the_number_written(tmp_path: Path, keys: tuple[str, ...]) -> None:
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press(*keys)
        await play(pilot)
        await open_with(pilot, f"{tmp_path}/a.json")
        await pilot.press("down", "down", "right")
        offered = words(app)
        await pilot.press("enter")
        await until(pilot, lambda: "exported" in app.text(), "the export's end")
        written = len(json.loads((tmp_path / "a.json").read_text())["flows"])
        assert f"● {written:,} live" in offered


async def test_of_ended_flows_among_the_rows_no_number_is_said() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("x", "slash", *"udp", "enter")
        await play(pilot)
        await pilot.press("e")
        assert "shown ○ live ○ ended" in words(app)


async def test_what_is_not_of_the_moment_shown_is_said_to_be_of_now(tmp_path: Path) -> None:
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 4)
        await pilot.press("left_square_bracket", "left_square_bracket")
        past, taken = app.picture().snapshot, app.source.calls
        assert past is not None
        await open_with(pilot, f"{tmp_path}/a.json")
        assert f"● {len(past.flows)} shown ○ live now ○ ended now ○ all now" in words(app)
        await pilot.press("down", "down", "right", "enter")
        await until(pilot, lambda: "exported" in app.text(), "the export's end")
        assert app.source.calls == taken + 1, "a snapshot of now"


async def test_flows_behind_a_group_are_not_called_shown() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("a")
        await play(pilot)
        await pilot.press("e")
        assert f"● first {FLOWS - ENDED}" in words(app)


@pytest.mark.parametrize(("include", "count"), [("live", FLOWS - ENDED), ("ended", ENDED), ("all", FLOWS)])
async def test_all_flows_come_from_a_whole_snapshot(tmp_path: Path, include: str, count: int) -> None:
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        dialog = await open_with(pilot, f"{tmp_path}/a.json")
        await pilot.press("down", "down", *["right"] * ["shown", "live", "ended", "all"].index(include))
        assert dialog.query_one("#include", ChoiceLine).value == include
        await pilot.press("enter")
        await until(pilot, lambda: "exported" in app.text(), "the export's end")
        assert f"exported {count} of {count} flows to" in app.text()
        assert app.source.views[-1].top == 0
        flows = json.loads((tmp_path / "a.json").read_text())["flows"]
        assert len(flows) == count
        if include != "all":
            assert {flow["end_reason"] is None for flow in flows} == {include == "live"}


async def test_format_and_suffix_go_together(tmp_path: Path) -> None:
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        dialog = await open_with(pilot, f"{tmp_path}/a.txt")
        assert dialog.query_one("#format", ChoiceLine).value == "text"
        await pilot.press("down", "left")
        assert dialog.query_one(PathInput).value == f"{tmp_path}/a.csv"
        await pilot.press("enter")
        await until(pilot, lambda: "exported" in app.text(), "the export's end")
        assert (tmp_path / "a.csv").read_text().startswith("flow_id,")


async def test_a_file_is_replaced_only_when_enter_comes_twice(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("mine")
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await open_with(pilot, f"{tmp_path}/mine.json")
        await pilot.press("enter")
        await until(pilot, lambda: "⏎ replaces it" in words(app), "the question")
        assert (tmp_path / "mine.json").read_text() == "mine"
        await pilot.press("escape")
        assert isinstance(app.screen, ExportDialog)
        await pilot.press("enter")
        await until(pilot, lambda: "⏎ replaces it" in words(app), "the question again")
        await pilot.press("enter")
        await until(pilot, lambda: "exported" in app.text(), "the export's end")
        assert json.loads((tmp_path / "mine.json").read_text())["schema"] == "xtop.snapshot/1"


async def test_another_path_takes_the_question_back(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("mine")
    (tmp_path / "mine.jsonl").write_text("mine, too")
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await open_with(pilot, f"{tmp_path}/mine.json")
        await pilot.press("enter")
        await until(pilot, lambda: "⏎ replaces it" in words(app), "the question")
        await pilot.press("l", "enter")
        await until(pilot, lambda: "mine.jsonl" in words(app), "the question about the other")
        assert {path.read_text()[:4] for path in tmp_path.iterdir()} == {"mine"}


@pytest.mark.parametrize(
    ("path", "why"),
    [("no/where.json", "there is no such directory"), ("", "a directory, name a file"), ("pipe", "a device or a pipe"),
     ("x" * 300 + ".json", "File name too long"), ("full/a.json", "there is no such directory")],
)  # fmt: skip
async def test_a_refusal_is_said_and_the_path_stays(tmp_path: Path, path: str, why: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "full").write_text("a file")
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        dialog = await open_with(pilot, f"{tmp_path}/{path}")
        await pilot.press("enter")
        await until(pilot, lambda: why in words(app), repr(why))
        assert "✖" in app.text()
        assert dialog.query_one(PathInput).value == f"{tmp_path}/{path}"
        await pilot.press("escape")
        assert len(app.screen_stack) == 1
    assert sorted(os.listdir(tmp_path)) == ["full", "pipe"]


async def test_a_long_export_shows_its_progress_and_leaves_nothing_when_called_off(tmp_path: Path) -> None:
    app = HeldApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await open_with(pilot, f"{tmp_path}/a.json")
        await pilot.press("enter")
        await until(pilot, lambda: "50%" in words(app), "half of it")
        told, ways = next(pairwise(line for line in app.text().splitlines() if "364 flows" in line or "calls" in line))
        assert "182 of 364 flows" in told
        assert "F8 calls it off" in ways
        assert "\ufffd" not in app.text()
        assert len(os.listdir(tmp_path)) == 1, "it is being written"
        assert not (tmp_path / "a.json").exists()
        await pilot.press("f8")
        await until(pilot, lambda: "called off: nothing was written" in words(app), "the end")
        assert os.listdir(tmp_path) == []
        app.go_on.set()
        await pilot.press("enter")
        await until(pilot, lambda: "exported 364 of 364" in words(app), "another try")
        assert os.listdir(tmp_path) == ["a.json"]


async def test_it_goes_on_in_the_background_while_the_screen_lives(tmp_path: Path) -> None:
    app = HeldApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await open_with(pilot, f"{tmp_path}/a.json")
        await pilot.press("enter")
        await until(pilot, lambda: "50%" in words(app), "half of it")
        await pilot.press("escape")
        await until(pilot, lambda: "e watches it" in app.text().splitlines()[-1], "progress on the last line")
        before = app.picture().snapshot
        await play(pilot, 2)
        assert app.picture().snapshot is not before, "snapshots come"
        await pilot.press("s")
        assert "by pkt/s" in app.text(), "keys act"
        await pilot.press("e")
        await until(pilot, lambda: "50%" in words(app), "the dialog watching")
        await pilot.press("escape")
        app.go_on.set()
        await until(pilot, lambda: "exported 364 of 364 flows to" in app.text(), "the end")
        assert os.listdir(tmp_path) == ["a.json"]


async def test_quitting_in_the_midst_leaves_nothing(tmp_path: Path) -> None:
    app = HeldApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await open_with(pilot, f"{tmp_path}/a.json")
        await pilot.press("enter")
        await until(pilot, lambda: "50%" in words(app), "half of it")
        await pilot.press("ctrl+c")
    assert os.listdir(tmp_path) == []


async def test_a_source_that_is_gone_is_a_reason(tmp_path: Path) -> None:
    app = WritingApp(Script(raises_at=3))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await open_with(pilot, f"{tmp_path}/a.json")
        await pilot.press("down", "down", "right", "enter")
        await until(pilot, lambda: "eth1 cannot be read any more" in words(app), "the reason")
        assert os.listdir(tmp_path) == []


async def test_tab_completes_and_offers(tmp_path: Path) -> None:
    for name in ("alpha.json", "alpine.json", ".hidden", "ev\nil"):
        (tmp_path / name).write_text("")
    (tmp_path / "bravo").mkdir()
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        dialog = await open_with(pilot, f"{tmp_path}/a")
        line = dialog.query_one(PathInput)
        await pilot.press("tab")
        await until(pilot, lambda: line.value == f"{tmp_path}/alp", "what is certain")
        await until(pilot, lambda: "alpha.json alpine.json" in words(app), "the two names")
        await pilot.press("h", "tab")
        await until(pilot, lambda: line.value == f"{tmp_path}/alpha.json", "the one")
        line.value = f"{tmp_path}/b"
        await pilot.press("end", "tab")
        await until(pilot, lambda: line.value == f"{tmp_path}/bravo/", "the directory")


async def test_home_is_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await open_with(pilot, "~/a.json")
        await pilot.press("enter")
        await until(pilot, lambda: "exported" in app.text(), "the export's end")
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("key", ["E", "dialog"])
async def test_the_picture_is_of_the_screen_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.chdir(tmp_path)
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        if key == "E":
            await pilot.press("E")
        else:
            await open_with(pilot, "xtop-20260131-120000.svg")
            await pilot.press("enter")
        await until(pilot, lambda: "picture of the screen in" in app.text(), "the picture")
        assert app.text().splitlines()[-1].endswith(".svg")
        picture = (tmp_path / "xtop-20260131-120000.svg").read_text()
        assert picture.startswith("<svg")
        assert "Flows" in picture
        assert "completes" not in picture, "the dialog is not on it"
        await pilot.press("E")
        await until(pilot, lambda: "exists" in app.text(), "a second picture does not replace the first")


async def test_a_key_that_is_bound_acts_before_what_is_typed_after_it(tmp_path: Path) -> None:
    """All at once, as a paste or a fast hand over a slow line brings it: Ctrl-U must not wipe what comes behind it."""
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        dialog = await open_with(pilot, "offered.json")
        for key in ("ctrl+u", "a", "b", "x", "backspace", "c", "left", "d"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: dialog.query_one(PathInput).value == "abdc", "the keys in their order")


async def test_a_choice_typed_ahead_is_made_on_the_line_it_is_meant_for(tmp_path: Path) -> None:
    """Else the flows that are written are others than those that were asked for."""
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await open_with(pilot, f"{tmp_path}/a.json")
        for key in ("down", "down", "right", "right", "right", "left", "up", "down", "enter"):
            app.post_message(Key(key, None))
        await until(pilot, lambda: "exported" in app.text(), "the export's end")
        assert f"exported {ENDED} of {ENDED} flows to" in app.text()


async def test_nothing_is_cut_at_80_columns(tmp_path: Path) -> None:
    app = WritingApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await open_with(pilot, "a.json")
        for part in ("ndjson", "text", "svg", "364 shown", "ended", "all", "Esc leaves"):
            assert part in words(app)
