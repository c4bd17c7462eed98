# SPDX-License-Identifier: BSD-2-Clause
"""The expression that lets one flow through: what `=` puts into the prompt."""

from __future__ import annotations

from xtop.filter_language.words import PROTOCOLS
from xtop.model import Flow

WITH_PORTS, ICMP = (6, 17, 132, 136), (1, 58)


def flow_expression(flow: Flow) -> str:
    """Return the filter for ``flow``'s key: who, with whom, over what."""
    names = {number: name for name, number in reversed(tuple(PROTOCOLS.items()))}
    parts = [f"proto {names.get(flow.protocol, flow.protocol)}", f"src host {flow.source}"]
    if flow.protocol in WITH_PORTS:
        parts.append(f"src port {flow.source_port}")
    parts.append(f"dst host {flow.destination}")
    if flow.protocol in WITH_PORTS:
        parts.append(f"dst port {flow.destination_port}")
    if flow.protocol in ICMP:
        parts += [f"icmp-type {flow.destination_port >> 8}", f"icmp-code {flow.destination_port & 255}"]
    parts.append(f"vlan {flow.vlan}" if flow.vlan else "not vlan")
    return " and ".join(parts)
