# SPDX-License-Identifier: BSD-2-Clause
"""One flow in full: what its page says, at any width, and that it follows the moment shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play
from tests.unit.sample_snapshot import FLOW, FLOW6, SNAPSHOT
from xtop.ink import length, plain
from xtop.local_processes import Process
from xtop.naming import Naming
from xtop.picture import Picture, Pinned
from xtop.widgets.detail_screen import DetailScreen, title_lines
from xtop.widgets.flow_detail import detail_lines


def page(width: int, flow: object = FLOW, **changes: object) -> str:
    pinned = replace(Pinned(flow), **changes)  # type: ignore[arg-type,type-var]
    return "\n".join(plain(line) for line in detail_lines(Picture(SNAPSHOT, pinned=pinned), width))


class Known(Naming):
    """Knows all."""

    def host(self, address: str) -> str | None:
        return {"192.0.2.1": "client.example", "198.51.100.2": "\x1b[2Jserver.example"}[address]

    def service(self, protocol: int, port: int) -> str:
        return "https"

    def processes(self, flow: object) -> tuple[Process, ...]:
        return (Process(77, "nginx", "docker 3f2a9c01b7de"), Process(78, "curl"))


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_names_and_processes_where_they_are_known(width: int) -> None:
    picture = Picture(SNAPSHOT, pinned=Pinned(FLOW), naming=Known())
    lines = [plain(line) for line in detail_lines(picture, width)]
    text = words("\n".join(lines))
    for said in ("from client.example", "server.example", "https", "nginx 77, in docker 3f2a9c01b7de", "curl 78"):
        assert said in text
    assert "\x1b" not in text
    assert all(len(line) <= width for line in lines)
    assert "process" not in page(width)


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_page_says_what_the_record_holds(width: int) -> None:
    text = words(page(width))
    for said in (
        "VLAN 100",
        "established",
        "RTT 321 us",
        "duration 1.00 s",
        "flow id 4242 (mmh3 0x00001092)",
        "packets 3 1",
        "mean packet 600 B 52 B",
        "TTL 63 to 64 0",
        "DSCP 46 EF 0 CS0",
        "IP flags DF",
        "IPv4 options RR",
        "TCP flags APS",
        "TCP options MSS WScale SACK-ok TS",
        "retransmitted 7 0",
        "out of order 8 0",
    ):
        assert said in text, said
    assert "proto tcp and src host 192.0.2.1 and src port 40000 and dst host 198.51.100.2 and dst port 443" in text
    assert "tcpdump vlan 100 and ((tcp and" in text


def test_what_nobody_counted_is_not_there() -> None:
    """Counting in the kernel compares no sequence numbers: that nothing was sent again is not known."""
    plain_flow = replace(FLOW, forward=replace(FLOW.forward, retransmissions=0, out_of_order=0))
    kernel = replace(SNAPSHOT, source=replace(SNAPSHOT.source, capture="ebpf"))
    text = "\n".join(plain(line) for line in detail_lines(Picture(kernel, pinned=Pinned(plain_flow)), 80))
    assert "retransmitted" not in text
    assert "out of order" not in text
    assert "retransmitted 0 0" in words(page(80, plain_flow))


def test_what_a_flow_has_not_is_not_there() -> None:
    text = page(80, FLOW6)
    assert "RTT" not in text
    assert "retransmitted" not in text
    assert "ended: idle" in text
    assert "inside vxlan" in text
    assert "a pcap filter cannot look inside vxlan" in words(text)


@pytest.mark.parametrize("width", range(60, 221, 4))
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    long = replace(FLOW6, source="2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", destination="fe80::1:2:3:4:5:6")
    for flow in (FLOW, FLOW6, long):
        pinned = Pinned(flow, (None,) * 30 + (123456789.0,) * 30, 0, False)
        picture = Picture(SNAPSHOT, pinned=pinned)
        lines = [*detail_lines(picture, width), *title_lines(picture, width)]
        assert all(length(line) <= width for line in lines)
        text = words("\n".join(plain(line) for line in lines))
        assert flow.source in text, "an end is never cut"
        assert "123 Mbit/s" in text
        assert "42 (mmh3 0x00001092)" in text


async def test_enter_opens_it_and_it_follows_the_moment() -> None:
    app = StagedApp(Script(flows=50))
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 5)
        await pilot.press("enter")
        assert "no flow is selected" in app.text()
        await pilot.press("down", "down", "enter")
        assert isinstance(app.screen, DetailScreen)
        flow = app.table.selected
        assert flow is not None
        assert words(app.text()).count(f"packets {flow.forward.packets:,}".replace(",", " ")) == 1
        await play(pilot, 3)
        later = app.table.selected
        assert later is not None
        assert later.packets > flow.packets
        assert f"packets {later.forward.packets:,}".replace(",", " ") in words(app.text())
        await pilot.press(*["left_square_bracket"] * 3)
        assert "◀ past −00:03" in app.text()
        assert f"packets {flow.forward.packets:,}".replace(",", " ") in words(app.text())
        for key in ("s", "x", "slash", "c", "A"):
            await pilot.press(key)
            assert isinstance(app.screen, DetailScreen), "keys of the table do nothing here"
            assert "this key acts on the table; Esc leads back" in app.text(), key
        assert app.picture().view.sort == "bps"
        await pilot.press("left", "p", "p")
        assert "this key acts" not in app.text()
        await pilot.press("p", "escape")
        assert not isinstance(app.screen, DetailScreen)
        assert "Flows by rate" in app.text()


async def test_a_flow_that_left_the_rows_says_so_and_keeps_its_figures() -> None:
    app = StagedApp(Script(flows=50))
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 5)
        await pilot.press("down", "enter")
        flow = app.picture().pinned
        assert flow is not None
        app.source._flows = [one for one in app.source._flows if one.key != flow.flow.key]
        await play(pilot, 1)
        assert "not among the rows shown; as it was at 12:00:05" in app.text()
        assert f"packets {flow.flow.forward.packets:,}".replace(",", " ") in words(app.text())


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (40, 10), (200, 60)])
async def test_it_scrolls_to_its_end_at_any_size(size: tuple[int, int]) -> None:
    app = StagedApp(Script(flows=50))
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 3)
        await pilot.press("down", "enter")
        await pilot.resize_terminal(*size)
        await pilot.press("end")
        await pilot.pause()
        text = app.text()
        assert ("needs 60x15" in words(text)) if size[0] < 60 else ("tcpdump" in text)
        await pilot.press("y")
        assert app.clipboard.startswith("proto ")
