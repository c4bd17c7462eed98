# SPDX-License-Identifier: BSD-2-Clause
"""The columns of the flow table: one row each, from which header, drawing, sorting and the `s` key follow.

Flows and each kind of group have a set of their own, out of the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

from xtop import cells, units
from xtop.cells import Cell
from xtop.history import TREND_LENGTH
from xtop.ink import printable
from xtop.model import Flow

ADDRESS_LEAST, ADDRESS_MOST = 15, 39


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``priority`` 0 stays at the left; of the rest the lowest are seen first."""

    name: str
    header: str
    width: int
    priority: int
    cell: Cell
    sort: str | None = None  # of xtop.model.GROUP_SORT_KEYS
    value: Callable[[Flow], Any] | None = None  # what `sort` compares
    descending: bool = True  # the order that a first press gives
    right: bool = True
    about: str = ""
    stretches: bool = False  # takes a share of what is left over, up to ADDRESS_MOST
    optional: bool = False  # shown only where it is chosen
    detail: bool = False  # known of a group only where the view asks for details
    turned: bool = False  # a time since a moment: its figure falls where the moment, which `sort` compares, rises

    def mark(self, descending: bool) -> str:
        """Return the mark of rows in this column's order: ▼ where the greatest figure comes first."""
        return "▼" if descending != self.turned else "▲"


def _place(address: str) -> tuple[int, bytes]:
    try:
        parsed = ip_address(address)
    except ValueError:
        return 0, address.encode()
    return parsed.version, parsed.packed


# fmt: off
COLUMNS: tuple[Column, ...] = (
    Column("source", "Source", ADDRESS_LEAST, 0, cells.address("source"), "source",
           lambda flow: _place(flow.source), False, False, "address of the flow's initiator", stretches=True),
    Column("source_port", "Port", 5, 0, cells.source_port, "source_port", lambda flow: flow.source_port, False,
           about="its port"),
    Column("arrow", "", 1, 0, cells.arrow, right=False, about="→ one direction seen, ↔ both"),
    Column("destination", "Destination", ADDRESS_LEAST, 0, cells.address("destination"), "destination",
           lambda flow: _place(flow.destination), False, False, "the other end's address", stretches=True),
    Column("destination_port", "Port", 5, 0, cells.destination_port, "destination_port",
           lambda flow: flow.destination_port, False, about="its port; type/code for ICMP"),
    Column("protocol", "Proto", 6, 2, lambda flow, scene, width: (printable(flow.protocol_name), "base"), "protocol",
           lambda flow: flow.protocol, False, False, "transport protocol"),
    Column("end", "End", 6, 3, cells.end, "state", right=False, about="why the flow ended (x shows those that did)"),
    Column("bps", "Rate", units.RATE_WIDTH, 1, cells.rate(lambda flow: flow.bps), "bps", lambda flow: flow.bps,
           about="IP bits (u: bytes) per second, both directions"),
    Column("pps", "Pkt/s", 7, 4, cells.count(lambda flow: flow.pps), "pps", lambda flow: flow.pps,
           about="packets per second"),
    Column("trend", "Trend", TREND_LENGTH, 7, cells.trend, "bps", about="the rate of the last snapshots"),
    Column("bytes", "Bytes", units.VOLUME_WIDTH, 5, cells.volume(lambda flow: flow.bytes), "bytes",
           lambda flow: flow.bytes, about="IP bytes since the flow began"),
    Column("duration", "Duration", 8, 6, lambda flow, scene, width: (units.age(flow.duration_ns), "base"), "duration",
           lambda flow: flow.duration_ns, about="from the first packet to the last"),
    Column("state", "State", 11, 8, cells.state, "state", lambda flow: (flow.end_reason or "", flow.tcp_state or ""),
           right=False, about="TCP state; ■ and why, of a flow that ended"),
    Column("sent", "Sent", units.VOLUME_WIDTH, 11, cells.volume(lambda flow: flow.forward.bytes), "sent",
           lambda flow: flow.forward.bytes, about="bytes from source to destination"),
    Column("received", "Received", 8, 12, cells.volume(lambda flow: flow.reverse.bytes), "received",
           lambda flow: flow.reverse.bytes, about="bytes from destination to source"),
    Column("rtt", "RTT", 7, 9, cells.rtt, "rtt", lambda flow: -1 if flow.rtt_us is None else flow.rtt_us,
           about="TCP round-trip time"),
    Column("retransmissions", "Retr", 6, 10, cells.retransmissions, "retransmissions", cells.retransmitted,
           about="TCP retransmissions, both directions"),
    Column("flags", "Flags", 8, 13, cells.flags, "flags", cells.seen_flags, right=False,
           about="TCP flags seen: FIN SYN RST PSH ACK URG ECE CWR"),
    Column("ttl", "TTL", 7, 14, cells.both(lambda side: side.ttl_min), "ttl", lambda flow: flow.forward.ttl_min,
           about="least TTL or hop limit, source / destination"),
    Column("dscp", "DSCP", 5, 15, cells.both(lambda side: side.dscp), "dscp", lambda flow: flow.forward.dscp,
           about="DSCP, source / destination"),
    Column("vlan", "VLAN", 6, 16, cells.vlan, "vlan", lambda flow: flow.vlan, about="outermost VLAN id"),
    Column("tunnel", "Tunnel", 11, 17, cells.tunnel, right=False,
           about="what carried the flow, with VNI, TEID, key or label"),
    Column("packets", "Packets", 8, 18, cells.count(lambda flow: flow.packets), "packets",
           lambda flow: flow.packets, about="packets since the flow began"),
    Column("share", "Share", units.PERCENT_WIDTH, 19, cells.share, "bps", about="of all bits per second received"),
    Column("sent_bps", "Sent rate", units.RATE_WIDTH, 20, cells.rate(lambda flow: flow.forward.bps), "sent_bps",
           lambda flow: flow.forward.bps, about="bits per second from source to destination"),
    Column("received_bps", "Recvd rate", units.RATE_WIDTH, 21, cells.rate(lambda flow: flow.reverse.bps),
           "received_bps", lambda flow: flow.reverse.bps, about="bits per second from destination to source"),
    Column("payload_bytes", "Payload", 9, 22, cells.volume(lambda flow: flow.payload_bytes), "payload_bytes",
           lambda flow: flow.payload_bytes, about="bytes after the transport header"),
    Column("first_seen", "Age", 7, 23, cells.since(lambda flow: flow.first_seen), "first_seen",
           lambda flow: flow.first_seen, about="since the first packet", turned=True),
    Column("last_seen", "Idle", 7, 24, cells.since(lambda flow: flow.last_seen), "last_seen",
           lambda flow: flow.last_seen, about="since the last packet", turned=True),
    Column("service", "Service", 12, 25, cells.service, "destination_port", right=False, optional=True,
           about="the destination port's name in this system's list"),
    Column("entropy", "Entropy", 7, 28, cells.entropy, "entropy",
           lambda flow: -1.0 if flow.entropy is None else flow.entropy, optional=True,
           about="of the payload, bits a byte (--byte-histogram)"),
    Column("process", "Process", 22, 26, cells.processes, right=False, optional=True,
           about="this host's process at an end, where it is seen"),
    Column("container", "Container", 20, 27, cells.containers, right=False, optional=True,
           about="the container of that process"),
)

_BY_NAME = {column.name: column for column in COLUMNS}
FLOWS = Column("flows", "Flows", 6, 3, cells.count(lambda flow: flow.flows), "flows", lambda flow: flow.flows,
                about="how many flows the row adds up")
# fmt: on


def _take(name: str, priority: int, **changes: Any) -> Column:
    return replace(_BY_NAME[name], priority=priority, **changes)


def _detail(name: str, priority: int, **changes: Any) -> Column:
    return _take(name, priority, cell=cells.known(_BY_NAME[name].cell), detail=True, **changes)


# What a group shows after that which names it, most important first.
_GROUP_FIGURES: tuple[Column, ...] = (
    _take("bps", 1),
    _take("pps", 2),
    FLOWS,
    _take("bytes", 4),
    _take("sent_bps", 5),
    _take("received_bps", 6),
    _take("trend", 7),
    _take("sent", 8),
    _take("received", 9),
    _take("share", 10),
    _take("packets", 11),
    _detail("retransmissions", 12),
    _detail("rtt", 13, about="least TCP round-trip time"),
    _detail("duration", 14),
    _detail("payload_bytes", 15),
    _detail("first_seen", 16),
    _detail("last_seen", 17),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "flow": COLUMNS,
    "host": (_take("source", 0, header="Host", about="address of the host"), *_GROUP_FIGURES),
    "pair": (_take("source", 0), _take("arrow", 0), _take("destination", 0), *_GROUP_FIGURES),
    "port": (
        _take("protocol", 0),
        _take("destination_port", 0, about="the responder's port; type/code for ICMP"),
        _take("service", 0, optional=False),
        *_GROUP_FIGURES,
    ),
    "protocol": (_take("protocol", 0, width=12), *_GROUP_FIGURES),
    "vlan": (_take("vlan", 0, cell=lambda flow, scene, width: (str(flow.vlan or "none"), "base")), *_GROUP_FIGURES),
}
#: These tell the directions of a row apart.
_SIDES = frozenset({"sent", "received", "sent_bps", "received_bps"})
TITLES: dict[str, str] = {
    "flow": "Flows", "host": "Hosts", "pair": "Host pairs", "port": "Ports", "protocol": "Protocols", "vlan": "VLANs",
}  # fmt: skip


def shown(group: str, directions: bool) -> tuple[Column, ...]:
    """Return the columns of the table of ``group`` that say something: a row of one direction (``directions``) received
    nothing, and what it sent is all of it.
    """
    one_way = directions and group in ("flow", "pair")
    return tuple(column for column in TABLES[group] if not (one_way and column.name in _SIDES))


def sortable(group: str = "flow") -> tuple[Column, ...]:
    """Return one column for each key that the table of ``group`` can be sorted by."""
    return tuple(column for column in TABLES[group] if column.value is not None)


def by_sort(sort: str, group: str = "flow") -> Column:
    """Return the column that shows sort key ``sort`` (KeyError: there is none)."""
    for column in sortable(group):
        if column.sort == sort:
            return column
    raise KeyError(sort)


def next_sort(sort: str, group: str = "flow", directions: bool = False) -> Column:
    """Return the column after the one that ``sort`` belongs to, around the end, without optional ones and those
    that say nothing of rows of one direction (``directions``).
    """
    said = {column.name for column in shown(group, directions) if not column.optional}
    columns = [column for column in sortable(group) if column.name in said or column.sort == sort]
    names = [column.sort for column in columns]
    return columns[(names.index(sort) + 1) % len(names)]


def ordered(flows: Iterable[Flow], sort: str, descending: bool, group: str = "flow") -> tuple[Flow, ...]:
    """Return ``flows`` in the order of ``sort``; equals keep their places, so that rows do not dance."""
    value = by_sort(sort, group).value
    assert value is not None
    return tuple(sorted(flows, key=value, reverse=descending))


def choosable(group: str) -> tuple[Column, ...]:
    """Return the columns of a table that one may want to see or not; none where there is no such table."""
    return tuple(column for column in TABLES.get(group, ()) if column.priority and column.name != "end")
