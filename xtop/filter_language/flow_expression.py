# SPDX-License-Identifier: BSD-2-Clause
"""The expression that lets one flow through, or the flows of one row: what `=` makes the filter."""

from __future__ import annotations

from xtop.model import Flow

WITH_PORTS, ICMP = (6, 17, 132, 136), (1, 58)
_NAMES = {6: "tcp", 17: "udp", 132: "sctp", 1: "icmp", 58: "icmp6"}


def flow_expression(flow: Flow) -> str:
    """Return the filter that only ``flow``'s key meets: who, with whom, over what."""
    ports = flow.protocol in WITH_PORTS
    parts = [_protocol(flow)]
    parts.append(f"src host {flow.source}" + (f" and src port {flow.source_port}" if ports else ""))
    parts.append(f"dst host {flow.destination}" + (f" and dst port {flow.destination_port}" if ports else ""))
    if flow.protocol in ICMP:
        parts.append(f"icmp-type {flow.destination_port >> 8} and icmp-code {flow.destination_port & 255}")
    parts.append(f"vlan {flow.vlan}" if flow.vlan else "not vlan")
    return " and ".join(parts)


def row_expression(row: Flow, group: str, directions: bool) -> str:
    """Return the filter for a row of the table: a flow, or the flows that a group of ``group`` is made of.

    A row of one direction (``directions``) stands for its flow, but who began that it does not say.
    """
    if group == "flow":
        return flow_expression(row).replace("src ", "").replace("dst ", "") if directions else flow_expression(row)
    if group == "host":
        return f"host {row.source}"
    if group == "pair":
        return f"host {row.source} and host {row.destination}"
    if group == "vlan":
        return f"vlan {row.vlan}" if row.vlan else "not vlan"
    service = group == "port" and row.protocol in WITH_PORTS
    return _protocol(row) + (f" and port {row.destination_port}" if service else "")


def _protocol(flow: Flow) -> str:
    return f"proto {_NAMES.get(flow.protocol, flow.protocol)}"
