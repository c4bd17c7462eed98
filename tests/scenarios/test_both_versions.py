# SPDX-License-Identifier: BSD-2-Clause
"""IPv4 and IPv6 side by side, as on most links: frames are put in order by version before they are parsed.

Each flow has all its packets then, in the order in which they came: TCP sees nothing late or again, and no gap between
two packets is another. What is expected was counted as the frames were drawn.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.scenarios.capture_file import START, Frame, write_pcap
from tests.scenarios.conftest import ReadCapture
from tests.scenarios.test_interarrival import binned

PACKETS = 3000
FLOWS = 40
STEP_NS = 1000


def link(flow: int, tagged: bool) -> Packet:
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    ether = ether / Dot1Q(vlan=7) if tagged else ether
    return ether / (
        IPv6(src=f"fd00::{flow}", dst="fd00::1:1") if flow % 2 else IP(src=f"10.0.0.{flow}", dst="10.0.1.1")
    )


def frame(flow: int, sequence: int, tagged: bool) -> bytes:
    """Packet number ``sequence`` of a flow: one in four is TCP, each with a byte of payload."""
    if flow % 4 < 2:
        return bytes(link(flow, tagged) / UDP(sport=1000 + flow, dport=53) / Raw(b"x"))
    return bytes(link(flow, tagged) / TCP(sport=1000 + flow, dport=80, flags="A", seq=1 + sequence) / Raw(b"x"))


@pytest.mark.parametrize("tagged", [False, True])
@pytest.mark.parametrize("sixes", [0.1, 0.5, 0.9])
def test_flows_are_whole_and_in_order(read_capture: ReadCapture, tmp_path: Path, sixes: float, tagged: bool) -> None:
    random = Random(round(sixes * 10))
    times: dict[int, list[int]] = {}
    frames = []
    for number in range(PACKETS):
        flow = random.randrange(1, FLOWS, 2) if random.random() < sixes else random.randrange(0, FLOWS, 2)
        seen = times.setdefault(flow, [])
        frames.append(Frame(frame(flow, len(seen), tagged), START + number * STEP_NS))
        seen.append(number * STEP_NS)
    snapshot = read_capture(write_pcap(tmp_path / "both.pcap", frames))
    assert {entry["source_port"] - 1000: entry["packets"] for entry in snapshot["flows"]} == {
        flow: len(seen) for flow, seen in times.items()
    }
    assert Counter(entry["ip_version"] for entry in snapshot["flows"]) == Counter(4 + flow % 2 * 2 for flow in times)
    assert {entry["vlan"] for entry in snapshot["flows"]} == {7 if tagged else 0}
    assert not any(
        entry["forward"][late] for entry in snapshot["flows"] for late in ("retransmissions", "out_of_order")
    )
    gaps = binned(later - earlier for seen in times.values() for earlier, later in pairwise(seen))
    assert snapshot["histograms"]["flow_interarrival"]["counts"] == gaps
