# SPDX-License-Identifier: BSD-2-Clause
"""One flow in the words of tcpdump, to be pasted there."""

from __future__ import annotations

from xtop.model import Flow

_TRANSPORTS = {6: "tcp", 17: "udp", 132: "sctp"}
_ICMP = {1: "icmp", 58: "icmp6"}


def tcpdump_expression(flow: Flow) -> str | None:
    """Return a pcap filter for the packets of ``flow``, both directions; None inside a tunnel, where pcap cannot look.

    A later fragment carries no ports and is not found by them. What ICMP answers with (another type) is in the flow,
    so its type is left out.
    """
    if flow.tunnel:
        return None
    expression = _untagged(flow)
    if flow.vlan:
        # The record has the outer tag only; each `vlan` moves what follows it behind one more tag.
        return f"vlan {flow.vlan} and ({expression} or (vlan and {expression}))"
    return expression


def _untagged(flow: Flow) -> str:
    there = f"src host {flow.source} and dst host {flow.destination}"
    back = f"src host {flow.destination} and dst host {flow.source}"
    transport = _TRANSPORTS.get(flow.protocol)
    if transport is not None:
        ports = flow.source_port, flow.destination_port
        return (
            f"({transport} and (({there} and src port {ports[0]} and dst port {ports[1]}) or"
            f" ({back} and src port {ports[1]} and dst port {ports[0]})))"
        )
    name = _ICMP.get(flow.protocol) or f"{'ip6' if flow.ip_version == 6 else 'ip'} proto {flow.protocol}"
    return f"({name} and host {flow.source} and host {flow.destination})"
