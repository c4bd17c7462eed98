# SPDX-License-Identifier: BSD-2-Clause
"""`w`: what stands on the last line when there are packets to be had of a flow, and when there are none."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play
from xtop.flow_packets import FRAME, HEAD, Bounds
from xtop.model import SourceInfo

SIZE = (100, 30)
ETHERNET_LINK, ASKED = 0, 4


class TappedApp(StagedApp):
    """The stage, over a source that hands out one packet and then waits to be told to end."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[bytes, Bounds]] = []
        self.source.tap = self.tap  # type: ignore[attr-defined]
        self.source.untap = self.untap  # type: ignore[attr-defined]

    def tap(self, key: bytes, bounds: Bounds) -> socket.socket:
        self.asked.append((key, bounds))
        ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.theirs.send(HEAD.pack(0, 1, 1, 0) + FRAME.pack(10**18, 60, 1514, 0, ETHERNET_LINK) + bytes(60))
        return ours

    def untap(self) -> None:
        self.theirs.send(HEAD.pack(ASKED, 0, 3, 2))
        self.theirs.close()


async def shown(app: StagedApp, text: str) -> None:
    for _ in range(500):
        if text in app.text():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited for {text!r}; the screen was:\n{app.text()}")


async def test_w_writes_and_w_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = TappedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("down", "w")
        await shown(app, "1 packets of the flow written · w ends it")
        flow = app.table.selected
        assert flow is not None
        assert app.asked == [(flow.key, Bounds())]
        await pilot.press("w")
        await shown(app, "1 packets, 2 lost, 1 cut short in")
        assert app.text().splitlines()[-1].endswith("-20260131-120000.pcapng")
    (name,) = os.listdir(tmp_path)
    assert (tmp_path / name).read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


async def test_quitting_keeps_what_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = TappedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("down", "w")
        await shown(app, "1 packets of the flow written")
        await pilot.press("q")
    (name,) = os.listdir(tmp_path)
    assert name.endswith(".pcapng")


async def test_why_there_are_none() -> None:
    app = StagedApp()
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("w")
        await shown(app, "no flow is selected")
        await pilot.press("down", "w")
        await shown(app, "what was recorded has flows and no packets")


async def test_of_a_file_they_are_in_the_file() -> None:
    app = StagedApp(Script(kind="file"))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("down", "w")
        await shown(app, "the packets are in the file: tshark -r lunch.pcapng")


async def test_ebpf_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TappedApp()
    monkeypatch.setattr(app.source, "_info", lambda: SourceInfo("interface", "eth1", "ebpf"))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, 2)
        await pilot.press("down", "w")
        await shown(app, "eBPF counts in the kernel and has no packets")
        assert app.asked == []
