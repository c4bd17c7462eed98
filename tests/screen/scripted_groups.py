# SPDX-License-Identifier: BSD-2-Clause
"""What a scripted source answers to a view that adds flows up or takes them apart: plain Python, a dictionary each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from xtop.model import Direction, Flow

NOBODY = Flow(b"", 0, 0, "", "", 0, 0, 0, "", 0, None, 0, 0, 0, 0, 0, 0.0, 0.0, None, None, None,
              Direction(), Direction(), 0)  # fmt: skip
SUMS = ("packets", "bytes", "payload_bytes", "retransmissions")


def with_rates(flow: Flow) -> Flow:
    """Share a flow's rates among its directions by their bytes."""
    part = flow.forward.bytes / flow.bytes if flow.bytes else 1.0
    return replace(
        flow,
        forward=replace(flow.forward, pps=flow.pps * part, bps=flow.bps * part),
        reverse=replace(flow.reverse, pps=flow.pps * (1 - part), bps=flow.bps * (1 - part)),
    )


def directions(flows: Iterable[Flow]) -> list[Flow]:
    """Return each direction that has packets as a row of its own."""
    rows = []
    for flow in map(with_rates, flows):
        for number, side in enumerate((flow.forward, flow.reverse)):
            if side.packets:
                turned = _turned(flow) if number else flow
                rows.append(replace(turned, key=flow.key + bytes((number,)), forward=side, reverse=Direction(),
                                    packets=side.packets, bytes=side.bytes, payload_bytes=side.payload_bytes,
                                    pps=side.pps, bps=side.bps))  # fmt: skip
    return rows


def grouped(flows: Iterable[Flow], by: str, *, split: bool = False) -> list[Flow]:
    """Return ``flows`` added up by ``by``; ``split``: of a pair of hosts each direction by itself."""
    groups: dict[bytes, Flow] = {}
    split = split and by == "pair"
    for flow in directions(flows) if split else map(with_rates, flows):
        for name, one in [(_pair(flow), flow)] if split else _parts(flow, by):
            key = f"{by} {sorted(name.items())}".encode()
            groups[key] = _add(groups.get(key, replace(NOBODY, key=key, **name)), one)  # type: ignore[arg-type]
    return list(groups.values())


def without_details(group: Flow) -> Flow:
    """Return what is known of ``group`` where nobody asks for details."""
    forward, reverse = (replace(side, payload_bytes=0, retransmissions=0) for side in (group.forward, group.reverse))
    return replace(
        group, first_seen=0, last_seen=0, payload_bytes=0, rtt_us=None, forward=forward, reverse=reverse
    )  # fmt: skip


def _parts(flow: Flow, by: str) -> list[tuple[dict[str, object], Flow]]:
    if by == "host":
        return [({"source": one.source, "ip_version": one.ip_version}, one) for one in (flow, _turned(flow))]
    if by == "pair":
        one = flow if flow.source < flow.destination else _turned(flow)
        return [(_pair(one), one)]
    protocol = {"protocol": flow.protocol, "protocol_name": flow.protocol_name}
    name = {"port": {**protocol, "destination_port": flow.destination_port}, "protocol": protocol}
    return [(name.get(by, {"vlan": flow.vlan}), flow)]


def _pair(flow: Flow) -> dict[str, object]:
    return {"source": flow.source, "destination": flow.destination, "ip_version": flow.ip_version}


def _turned(flow: Flow) -> Flow:
    return replace(
        flow, source=flow.destination, destination=flow.source, source_port=flow.destination_port,
        destination_port=flow.source_port, forward=flow.reverse, reverse=flow.forward,
    )  # fmt: skip


def _add(group: Flow, flow: Flow) -> Flow:
    first = flow.first_seen if not group.flows else min(group.first_seen, flow.first_seen)
    return replace(
        group, flows=group.flows + 1, first_seen=first, last_seen=max(group.last_seen, flow.last_seen),
        packets=group.packets + flow.packets, bytes=group.bytes + flow.bytes,
        payload_bytes=group.payload_bytes + flow.payload_bytes, pps=group.pps + flow.pps, bps=group.bps + flow.bps,
        forward=_sum(group.forward, flow.forward), reverse=_sum(group.reverse, flow.reverse),
    )  # fmt: skip


def _sum(one: Direction, other: Direction) -> Direction:
    names = (*SUMS, "pps", "bps")
    assert set(names) <= {field.name for field in fields(Direction)}
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in names})
