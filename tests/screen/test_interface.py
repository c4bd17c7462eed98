# SPDX-License-Identifier: BSD-2-Clause
"""`i`: another interface is watched once its capture runs; where it does not start, all goes on as it was."""

from __future__ import annotations

from dataclasses import replace

from textual.pilot import Pilot

from tests.screen.scripted_source import Script, ScriptedSource
from tests.screen.stage import Clock, StagedApp, play
from xtop.app import XtopApp
from xtop.interfaces import Interface
from xtop.model import Snapshot, View
from xtop.source import SourceError
from xtop.switchable_source import SwitchableSource
from xtop.widgets.interface_screen import InterfaceScreen

LINKS = [
    Interface("eth1", 2, "ixgbe", 4, 1500, True, True, False, (), None),
    Interface("eth2", 3, "igb", 1, 1500, True, False, False, ("192.0.2.1/24",), "br0"),
]


class OtherLink(ScriptedSource):
    """The same script on eth2."""

    def snapshot(self, view: View) -> Snapshot:
        snapshot = super().snapshot(view)
        return replace(snapshot, source=replace(snapshot.source, name="eth2"))


class SwitchingApp(StagedApp):
    """Starts eth2, or refuses it."""

    def __init__(self, refuse: bool, script: Script | None = None) -> None:
        self.source = ScriptedSource(script or Script(flows=30))
        self.second = OtherLink(Script(flows=20))
        self.clock = Clock()
        self.exports = []
        self.refuse = refuse
        self.switchable = SwitchableSource(self.source)
        XtopApp.__init__(
            self, self.switchable, 3600.0, clock=self.clock, switch=self.start, interfaces=lambda: list(LINKS)
        )

    def start(self, name: str) -> None:
        if self.refuse:
            raise SourceError(f"cannot attach to {name} (another XDP program is there; remove it)", 2)
        self.switchable.switch(self.second)


async def choose_second(pilot: Pilot[None]) -> None:
    app = pilot.app
    await pilot.press("i")
    assert isinstance(app.screen, InterfaceScreen)
    await app.workers.wait_for_complete()
    await pilot.pause()
    assert "igb · 1 queue · up, no carrier · port of br0 · 192.0.2.1/24" in app.text()  # type: ignore[attr-defined]
    await pilot.press("j", "j") if app.screen.query_one("#links").highlighted is None else await pilot.press("j")  # type: ignore[attr-defined]
    await pilot.press("enter")
    await app.workers.wait_for_complete()
    await pilot.pause()


async def test_the_new_link_is_shown_and_the_old_capture_closed() -> None:
    app = SwitchingApp(refuse=False)
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 5)
        await choose_second(pilot)
        for _ in range(200):
            await pilot.pause(0.01)
            if app.second.calls and app.poller.idle:
                break
        assert app.source.closed
        assert not app.second.closed
        assert " eth2 · " in app.text().splitlines()[0]
        assert len(app.playback.timeline) == app.second.calls, "the past of another link is not this one's"
    app.switchable.close()
    assert app.second.closed


async def test_a_refusal_is_said_and_the_old_capture_goes_on() -> None:
    app = SwitchingApp(refuse=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 5)
        await choose_second(pilot)
        assert isinstance(app.screen, InterfaceScreen)
        assert "✖ cannot attach to eth2 (another XDP program is there; remove it)" in app.text()
        await pilot.press("escape")
        calls = app.source.calls
        await play(pilot, 1)
        assert app.source.calls == calls + 1
        assert not app.source.closed
        assert " eth1 · " in app.text().splitlines()[0]


async def test_it_leads_out_of_a_failed_source() -> None:
    app = SwitchingApp(refuse=False, script=Script(flows=30, raises_at=2))
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 2)
        for _ in range(200):
            await pilot.pause(0.01)
            if "✖ failed" in app.text():
                break
        await choose_second(pilot)
        for _ in range(200):
            await pilot.pause(0.01)
            if "● live" in app.text():
                break
        assert "● live" in app.text()
        assert " eth2 · " in app.text().splitlines()[0]


async def test_missing_rights_are_drawn_with_the_line_to_run() -> None:
    app = StagedApp(Script(rights_missing=True))
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(200):
            await pilot.pause(0.01)
            if "no rights" in app.text():
                break
        text = " ".join(app.text().split())
        assert "✖ no rights" in text
        assert "The rights to capture are missing" in text
        assert "run as root or: sudo setcap cap_net_raw,cap_net_admin,cap_bpf+ep /usr/bin/xtop-capture" in text


async def test_the_line_to_run_is_there_on_the_smallest_screen() -> None:
    app = StagedApp(Script(rights_missing=True))
    async with app.run_test(size=(60, 15)) as pilot:
        for _ in range(200):
            await pilot.pause(0.01)
            if "no rights" in app.text():
                break
        assert "/usr/bin/xtop-capture" in app.text()
