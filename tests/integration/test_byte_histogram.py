# SPDX-License-Identifier: BSD-2-Clause
"""Payload bytes by value from a real link: frames are read before the kernel has their room back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from random import Random

import pytest

from tests.integration.conftest import Link, wait_until
from tests.integration.test_flow_packets import frame, send
from xtop import packed_rows
from xtop.ink import plain
from xtop.model import View
from xtop.picture import Picture, Pinned
from xtop.screen_rows import ScreenRows
from xtop.settings import CaptureSettings, LinkSettings
from xtop.shm_source import ShmSource
from xtop.widgets.flow_detail import detail_lines
from xtop.widgets.loss_panel import LossPanel

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
FLOWS, EACH, SIZE = 40, 50, 1000


@pytest.mark.parametrize("capture", ["af_xdp", "af_packet"])
def test_every_byte_of_every_flow(make_link: MakeLink, capture: str) -> None:
    link, pick = make_link(gro=True), Random(3)
    settings = CaptureSettings(
        links=(LinkSettings(link.captured, capture=capture),),
        netns_fd=link.netns_fd,
        max_flows=4096,
        byte_histogram=True,
    )
    frames = [frame(pick.randrange(1 << 32), 4000 + flow, size=SIZE) for _ in range(EACH) for flow in range(FLOWS)]
    expected = {4000 + flow: Counter(b"".join(data[42:] for data in frames[flow::FLOWS])) for flow in range(FLOWS)}
    with closing(ShmSource.start(settings)) as source:
        send(link, frames)
        assert wait_until(lambda: source.snapshot(View()).totals.packets >= len(frames), 40)
        rows = source.snapshot(View(top=FLOWS)).flows
        assert isinstance(rows, ScreenRows)
        for at, flow in enumerate(rows):
            there, back = rows.byte_counts(at)
            assert there == tuple(expected[flow.source_port][value] for value in range(256))
            assert back == (0,) * 256
            assert flow.entropy == flow.forward.entropy is not None
        assert len(rows) == FLOWS
        packed, then = packed_rows.packed(rows.kept(FLOWS), None), [flow.entropy for flow in rows]
        send(link, [data[:42] + bytes(len(data) - 42) for data in frames])
        assert wait_until(lambda: source.snapshot(View()).totals.packets >= 2 * len(frames), 40)
        now = {flow.key: flow.entropy for flow in source.snapshot(View(top=FLOWS)).flows}
        past = packed_rows.unpacked(packed, None)
        assert [flow.entropy for flow in past] == then, "a moment of the past has the entropy of then"
        assert all((now[flow.key] or 0) > (flow.entropy or 8) + 0.5 for flow in past)


def test_a_pool_that_is_used_up_takes_back_what_ended_first(make_link: MakeLink) -> None:
    """With room for 8 flows there are 8 histograms: an ended flow gives its own to one that comes."""
    link = make_link(gro=True)
    settings = CaptureSettings(
        links=(LinkSettings(link.captured, capture="af_packet"),), netns_fd=link.netns_fd, max_flows=8,
        idle_timeout=1000.0, byte_histogram=True,
    )  # fmt: skip
    with closing(ShmSource.start(settings)) as source:
        for flow in range(24):
            send(link, [frame(0x01020304, 4000 + flow, size=SIZE)])
        assert wait_until(lambda: source.snapshot(View()).totals.packets >= 24, 40)
        snapshot = source.snapshot(View(top=100, ended=True))
        rows = snapshot.flows
        assert isinstance(rows, ScreenRows)
        known = {flow.source_port for at, flow in enumerate(rows) if rows.byte_counts(at)[0]}
        live = {flow.source_port for flow in rows if flow.end_reason is None}
        assert len(live) == 8
        assert live <= known, "who lives has its bytes counted"
        for at, flow in enumerate(rows):
            counts = rows.byte_counts(at)[0]
            if counts:
                assert (counts[0xAB], counts[1], counts[4]) == (SIZE - 4, 1, 1), flow


def test_the_screen_says_of_how_many_flows_the_bytes_are_not_known(make_link: MakeLink) -> None:
    """65,536 flows have a histogram at most (README): of those that come when all are held, bytes are not known."""
    link, many = make_link(gro=True), 65_536 + 500
    settings = CaptureSettings(
        links=(LinkSettings(link.captured, capture="af_packet"),), netns_fd=link.netns_fd, max_flows=1 << 17,
        idle_timeout=1000.0, byte_histogram=True,
    )  # fmt: skip
    with closing(ShmSource.start(settings)) as source:

        def all_live() -> bool:
            link.send(many, "--flows", str(many), "--size", "128")  # some get lost where the machine is busy
            return source.snapshot(View(top=1)).totals.flows_live == many

        assert wait_until(all_live, 60)
        snapshot = source.snapshot(View(top=10))
    assert snapshot.totals.byte_histograms_full == 500
    panel = LossPanel()
    (row,) = (line for line in map(plain, panel.lines(Picture(snapshot), 80, 9)) if "bytes unknown" in line)
    assert "500" in row.split()
    (folded,) = map(plain, panel.lines(Picture(snapshot), 80, 1))
    assert "bytes unknown 500" in folded
    counts = snapshot.flows
    assert isinstance(counts, ScreenRows)
    page = detail_lines(Picture(snapshot, pinned=Pinned(counts[0], byte_counts=counts.byte_counts(0))), 80)
    assert any("500 flows with payload found no histogram free" in plain(line) for line in page)
