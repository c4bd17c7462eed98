# SPDX-License-Identifier: BSD-2-Clause
"""A flow under the names of schema xtop.snapshot/1. Every format takes its columns from here."""

from __future__ import annotations

from typing import Any

from xtop.export.tcp_flags import tcp_flags_text
from xtop.export.times import iso_time
from xtop.model import Direction, Flow


def flow_fields(flow: Flow) -> dict[str, Any]:
    """Return ``flow`` as the schema has it; ``forward`` and ``reverse`` are tables of their own."""
    return {
        "flow_id": flow.flow_id,
        "source": flow.source,
        "destination": flow.destination,
        "source_port": flow.source_port,
        "destination_port": flow.destination_port,
        "protocol": flow.protocol,
        "protocol_name": flow.protocol_name,
        "ip_version": flow.ip_version,
        "vlan": flow.vlan,
        "tunnel": None if flow.tunnel is None else {"kind": flow.tunnel.kind, "id": flow.tunnel.id},
        "first_seen": iso_time(flow.first_seen),
        "last_seen": iso_time(flow.last_seen),
        "packets": flow.packets,
        "bytes": flow.bytes,
        "payload_bytes": flow.payload_bytes,
        "pps": flow.pps,
        "bps": flow.bps,
        "tcp_state": flow.tcp_state,
        "rtt_us": flow.rtt_us,
        "end_reason": flow.end_reason,
        "forward": direction_fields(flow.forward),
        "reverse": direction_fields(flow.reverse),
    }


def direction_fields(direction: Direction) -> dict[str, Any]:
    """Return one direction. Bitmaps are numbers; ``packet_size`` counts packets by the snapshot's size bounds."""
    first, last = direction.first_seen, direction.last_seen
    return {
        "packets": direction.packets,
        "bytes": direction.bytes,
        "payload_bytes": direction.payload_bytes,
        "tcp_flags": tcp_flags_text(direction.tcp_flags),
        "ttl_min": direction.ttl_min,
        "ttl_max": direction.ttl_max,
        "dscp": direction.dscp,
        "ip_flags": direction.ip_flags,
        "ipv4_options": direction.ipv4_options,
        "tcp_options": direction.tcp_options,
        "ipv6_extensions": direction.ipv6_extensions,
        "packet_size": direction.packet_size,
        "first_seen": None if first is None else iso_time(first),
        "last_seen": None if last is None else iso_time(last),
        "retransmissions": direction.retransmissions,
        "out_of_order": direction.out_of_order,
        "zero_windows": direction.zero_windows,
    }


# For who wants the names alone.
NOBODY = Flow(
    b"", 0, 4, "", "", 0, 0, 0, "", 0, None, 0, 0, 0, 0, 0, 0.0, 0.0, None, None, None, Direction(), Direction()
)
