# SPDX-License-Identifier: BSD-2-Clause
"""Puts the screen on over a scripted source, with every clock in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from textual.events import Key
from textual.pilot import Pilot

from tests.screen.scripted_source import Script, ScriptedSource
from xtop.app import XtopApp
from xtop.column_choice import ColumnMemory
from xtop.export_job import Progress
from xtop.filter_history import FilterHistory
from xtop.interfaces import Interface
from xtop.model import Snapshot, View
from xtop.naming import Naming
from xtop.settings_file import Settings
from xtop.widgets.flow_table import FlowTable

NEVER = 3600.0  # seconds between polls: the test says when


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class PlainNaming(Naming):
    """Names that every machine has."""

    def host(self, address: str) -> str | None:
        """Name all hosts of one network."""
        return f"host-{address.split('.')[-1]}.lan.example" if self.on and address.startswith("198.51.") else None

    def port(self, protocol: int, port: int) -> str | None:
        """Name some ports where names are on."""
        return self.service(protocol, port) or None if self.on else None

    def service(self, protocol: int, port: int) -> str:
        """Name some ports."""
        return {22: "ssh", 53: "domain", 443: "https", 8080: "a-very-long-name"}.get(port, "")


class StagedApp(XtopApp):
    """The screen, its source and its clock in one place."""

    def __init__(
        self, script: Script | None = None, theme: str | None = None, view: View | None = None,
        columns: ColumnMemory | None = None, filters: FilterHistory | None = None,
        settings: Settings | None = None, links: Sequence[Interface] | None = None,
    ) -> None:  # fmt: skip
        self.source = ScriptedSource(script)
        self.clock = Clock()
        self.exports: list[tuple[Snapshot, Path]] = []
        super().__init__(
            self.source, NEVER, self.write, view=view, theme=theme, clock=self.clock,
            columns=columns, naming=PlainNaming(), filters=filters, settings=settings,
            now=lambda: datetime(2026, 1, 31, 12, 0, 0), switch=None if links is None else lambda name: None,
            interfaces=lambda: list(links or ()),
        )  # fmt: skip

    def write(self, snapshot: Snapshot, path: Path, format: str, overwrite: bool, progress: Progress) -> None:
        """Stand in for the exporters."""
        path.write_text("{}\n")
        self.exports.append((snapshot, path))
        progress(len(snapshot.flows))

    @property
    def table(self) -> FlowTable:
        """The flow table, whatever lies over it."""
        return self.screen_stack[0].query_one(FlowTable)

    def row_of(self, key: bytes) -> int:
        """Return the row that the flow with ``key`` stands in now."""
        snapshot = self.picture().snapshot
        assert snapshot is not None
        return [flow.key for flow in snapshot.flows].index(key)

    def text(self) -> str:
        """Return what stands on the terminal."""
        size = self.size
        strips = self.screen._compositor.render_strips()
        return "\n".join(strip.text[: size.width].rstrip() for strip in strips)


async def play(pilot: Pilot[None], steps: int = 1) -> None:
    """Let ``steps`` snapshots be taken and shown, the one at the start included."""
    app = pilot.app
    assert isinstance(app, StagedApp)
    for _ in range(steps):
        await _taken(app)
        calls = app.source.calls
        app.poller.hurry()
        for _ in range(400):
            if app.source.calls > calls or app.picture().failure is not None:
                break
            await asyncio.sleep(0.005)
        app.clock.seconds += 1
    await settled(pilot, app)


async def type_ahead(pilot: Pilot[None], text: str) -> None:
    """Type ``text`` (letters, digits, spaces) faster than the screen shows it."""
    app = pilot.app
    assert isinstance(app, StagedApp)
    for character in text:
        app.post_message(Key("space" if character == " " else character, character))
    await settled(pilot, app)


async def settled(pilot: Pilot[None], app: StagedApp) -> None:
    """Wait until the screen shows what the poller brought."""
    await _taken(app)
    await pilot.pause()


async def _taken(app: StagedApp) -> None:
    """Wait until the screen has taken what the poller brought; who has failed brings nothing more."""
    for _ in range(400):
        picture, source = app.picture(), app.source
        if picture.failure is not None:
            break
        if source.calls and _asked(source.views[-1]) == _asked(picture.view) and app.poller.idle:  # since it asked that
            break
        await asyncio.sleep(0.005)


def _asked(view: View) -> tuple[object, ...]:
    """Return what keys ask the source for at once."""
    return view.filter, view.group, view.sort, view.descending
