# SPDX-License-Identifier: BSD-2-Clause
"""Keys of the table that act on one flow, while that flow's detail is open."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play, settled
from tests.screen.test_packets_key import TappedApp, shown
from xtop.app import XtopApp
from xtop.exporting import write_file
from xtop.model import Flow
from xtop.widgets.detail_screen import DetailScreen
from xtop.widgets.export_dialog import ExportDialog
from xtop.widgets.path_input import PathInput

SIZE = (120, 36)


async def open_detail(pilot: Pilot[None]) -> Flow:
    """Open the second flow's detail; then another row is selected beneath it, as a click might."""
    app = pilot.app
    assert isinstance(app, XtopApp)
    await play(pilot, 2)
    await pilot.press("down", "down", "enter")
    assert isinstance(app.screen, DetailScreen)
    pinned = app.picture().pinned
    assert pinned is not None
    return pinned.flow


async def test_w_writes_the_packets_of_the_flow_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = TappedApp()
    async with app.run_test(size=SIZE) as pilot:
        flow = await open_detail(pilot)
        app.table.move(3)
        await pilot.press("w")
        await shown(app, "1 packets of the flow written · w ends it")
        assert [key for key, _ in app.asked] == [flow.key]
        await pilot.press("escape")
        await shown(app, "Flows by rate")
        await shown(app, "1 packets of the flow written · w ends it")
        await pilot.press("enter")
        await shown(app, "1 packets of the flow written · w ends it")
        await pilot.press("w")
        await shown(app, "1 packets, 2 lost, 1 cut short in")
        assert isinstance(app.screen, DetailScreen)
    assert len(os.listdir(tmp_path)) == 1


async def test_w_says_in_the_detail_why_there_are_no_packets() -> None:
    app = StagedApp(Script(kind="file"))
    async with app.run_test(size=SIZE) as pilot:
        await open_detail(pilot)
        await pilot.press("w")
        await shown(app, "the packets are in the file: tshark -r lunch.pcapng")


async def test_e_exports_the_flow_shown(tmp_path: Path) -> None:
    app = StagedApp()
    app._write = write_file
    async with app.run_test(size=SIZE) as pilot:
        flow = await open_detail(pilot)
        await pilot.press("e")
        dialog = app.screen
        assert isinstance(dialog, ExportDialog)
        assert "● this flow" in app.text()
        dialog.query_one(PathInput).value = f"{tmp_path}/one.json"
        await pilot.press("enter")
        await shown(app, "exported 1 of 1 flows to")
        assert isinstance(app.screen, DetailScreen)
    (written,) = json.loads((tmp_path / "one.json").read_text())["flows"]
    assert flow.source in json.dumps(written)
    assert flow.destination in json.dumps(written)


async def test_a_picture_is_of_the_detail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await open_detail(pilot)
        await pilot.press("E")
        await shown(app, "picture of the screen in")
    (picture,) = tmp_path.iterdir()
    assert "retransmitted" in picture.read_text()


async def test_names_are_switched_and_that_is_said() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await open_detail(pilot)
        await pilot.press("n")
        assert "names: reverse DNS and services" in app.text()
        assert "host-" in app.text()
        await pilot.press("n")
        assert "host-" not in app.text()


async def test_the_flow_shown_makes_the_filter() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        flow = await open_detail(pilot)
        app.table.move(3)
        await pilot.press("equals_sign")
        await settled(pilot, app)
        assert isinstance(app.screen, DetailScreen)
        assert "the table behind shows this flow alone (Esc leads there)" in app.text()
        assert f"src host {flow.source}" in app.picture().view.filter
        assert f"dst port {flow.destination_port}" in app.picture().view.filter
        await pilot.press("escape")
        assert "Flows by rate" in app.text()
        assert [one.key for one in (app.picture().snapshot or pytest.fail("nothing shown")).flows] == [flow.key]
