# SPDX-License-Identifier: BSD-2-Clause
"""Flows for tests of the filter language: each is the sample's but for what a test says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.sample_snapshot import FLOW, NOON
from xtop.model import Direction, Flow

NOW = NOON + 100 * 10**9


def flow(text: str = "tcp 10.0.0.1:40000 > 192.0.2.7:443", **changes: Any) -> Flow:
    """A flow ``PROTOCOL SOURCE:PORT > DESTINATION:PORT`` (IPv6 addresses in brackets), with ``changes``."""
    name, source, _, destination = text.split()
    ends = [end.rpartition(":") for end in (source, destination)]
    addresses = [end[0].strip("[]") for end in ends]
    number = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58, "gre": 47}[name]
    base = replace(
        FLOW, protocol=number, protocol_name=name.upper(), source=addresses[0], destination=addresses[1],
        source_port=int(ends[0][2]), destination_port=int(ends[1][2]), vlan=0, tcp_state=None, rtt_us=None,
        ip_version=6 if ":" in addresses[0] else 4,
    )  # fmt: skip
    return replace(base, **changes)


def sides(forward: dict[str, Any], reverse: dict[str, Any]) -> dict[str, Direction]:
    """Both directions, for ``flow``'s changes."""
    return {"forward": Direction(**forward), "reverse": Direction(**reverse)}
