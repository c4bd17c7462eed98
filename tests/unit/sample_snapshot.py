# SPDX-License-Identifier: BSD-2-Clause
"""A snapshot written out by hand, each value different, so that one in the wrong place shows."""

from __future__ import annotations

from dataclasses import replace

from xtop.model import (
    Accounting,
    CaptureState,
    Direction,
    Flow,
    Histogram,
    Link,
    Lost,
    Protocol,
    Queue,
    Snapshot,
    SourceInfo,
    Totals,
    Tunnel,
)

NOON = 1769860800 * 10**9  # 2026-01-31T12:00:00Z

FORWARD = Direction(
    packets=3, bytes=1800, payload_bytes=1680, tcp_flags=0x1A, ttl_min=63, ttl_max=64, dscp=46, ip_flags=1,
    ipv4_options=128, tcp_options=0x11C, ipv6_extensions=0, packet_size=(1, 0, 0, 0, 2, 0, 0, 0),
    first_seen=NOON + 5, last_seen=NOON + 1_000_000_001, retransmissions=7, out_of_order=8, zero_windows=9,
)  # fmt: skip
FLOW = Flow(
    key=b"k", flow_id=4242, ip_version=4, source="192.0.2.1", destination="198.51.100.2", source_port=40000,
    destination_port=443, protocol=6, protocol_name="TCP", vlan=100, tunnel=None, first_seen=NOON + 5,
    last_seen=NOON + 1_000_000_001, packets=4, bytes=1852, payload_bytes=1681, pps=1.5, bps=2500.25,
    tcp_state="established", rtt_us=321, end_reason=None, forward=FORWARD, reverse=Direction(packets=1, bytes=52),
)  # fmt: skip
FLOW6 = replace(
    FLOW, ip_version=6, source="2001:db8::1", destination="2001:db8::2", protocol=17, protocol_name="UDP",
    tunnel=Tunnel("vxlan", 42), tcp_state=None, rtt_us=None, end_reason="idle",
)  # fmt: skip
SNAPSHOT = Snapshot(
    taken_at=NOON + 123456789,
    interval_s=1.0,
    source=SourceInfo(
        "interface",
        "eth1",
        "af_xdp",
        "native",
        True,
        4,
        driver="veth",
        ring_size=2048,
        notes=("n1",),
        links=(Link("eth1", "af_xdp", "native", True, 4, "veth", 2048, 0, "why", Lost(1, 2, 3, 4, 5, 6)),),
    ),  # fmt: skip
    totals=Totals(1000, 64000, 10.5, 5120.0, 2, 12, 10, 1, 3, 7),
    accounting=Accounting(1000, 990, 4, 3, 2, 1, 0),
    lost=Lost(1, 2, 3, 4, 5, 6),
    queues=(Queue(0, 2, 600, 38400, 6.0, 3000.0, 0.25, 1, 2, 3, 4, 6, interface="eth1"), Queue(1, None, 400, 25600)),
    packet_size=Histogram("bytes", (64, 128, 256, 512, 1024, 1518, 9216, None), (1, 2, 3, 4, 5, 6, 7, 8)),
    flow_duration=Histogram("s", (0.001, 10, None), (1, 0, 2)),
    flow_packets=Histogram("packets", (1, None), (0, 9)),
    flow_interarrival=Histogram("s", (0.001, None), (5, 4)),
    protocols=(Protocol("TCP", 900, 60000, 1), Protocol("UDP", 90, 3000, 1)),
    flows=(FLOW, FLOW6),
    state=CaptureState.RUNNING,
    flow_filter="tcp or udp",
    flows_hidden=7,
)
