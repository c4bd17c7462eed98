# SPDX-License-Identifier: BSD-2-Clause
"""`z`: counters since a moment, the law included."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.sample_snapshot import SNAPSHOT
from xtop.model import Accounting, Lost, Protocol
from xtop.zeroing import counted_since


def test_counters_are_what_came_since() -> None:
    later = replace(
        SNAPSHOT,
        taken_at=SNAPSHOT.taken_at + 1,
        totals=replace(SNAPSHOT.totals, packets=1500, flows_live=7, pps=3.0),
        accounting=Accounting(1500, 1480, 5, 5, 5, 4, 1),
        lost=Lost(1, 2, 10, 4, 5, 6),
        protocols=(Protocol("TCP", 900, 60000, 1), Protocol("UDP", 95, 3400, 2), Protocol("SCTP", 1, 40, 1)),
        packet_size=replace(SNAPSHOT.packet_size, counts=(2, 2, 3, 4, 5, 6, 7, 8)),
    )
    shown = counted_since(SNAPSHOT, later)
    assert shown.totals.packets == 500
    assert shown.totals.flows_live == 7, "what lives, lives"
    assert shown.totals.pps == 3.0
    assert shown.accounting == Accounting(500, 490, 1, 2, 3, 3, 1)
    assert shown.accounting.missing == 0
    assert shown.lost == Lost(0, 0, 7, 0, 0, 0)
    assert shown.protocols == (Protocol("UDP", 5, 400, 2), Protocol("SCTP", 1, 40, 1))
    assert shown.packet_size.counts == (1, 0, 0, 0, 0, 0, 0, 0)
    assert [queue.packets for queue in shown.queues] == [0, 0]
    assert shown.flows == later.flows


def test_the_past_before_it_and_other_links_are_left_alone() -> None:
    earlier = replace(SNAPSHOT, taken_at=SNAPSHOT.taken_at - 1)
    assert counted_since(SNAPSHOT, earlier) is earlier
    other = replace(SNAPSHOT, source=replace(SNAPSHOT.source, name="eth9"))
    assert counted_since(SNAPSHOT, other) is other
