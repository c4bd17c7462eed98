# SPDX-License-Identifier: BSD-2-Clause
"""The columns of the flow table: one row each, from which header, drawing, sorting and the `s` key follow.

A column has one width, whatever the flows; only the two addresses share what a wide terminal leaves over. Those that
name the flow stay put; the others are drawn from the left in the order of their priority, and scroll by whole columns,
so that no number is ever cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

from xtop import units
from xtop.blocks import sparkline
from xtop.history import TREND_LENGTH
from xtop.ink import Ink, Span, elided, printable
from xtop.model import Direction, Flow

ICMP = (1, 58)
ADDRESS_LEAST, ADDRESS_MOST = 15, 39
TCP_FLAGS = "FSRPAUEC"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a cell may know besides its flow."""

    taken_at: int = 0  # ns
    in_bytes: bool = False  # rates in bytes per second
    total_bps: float = 0.0
    trend: tuple[float, ...] = ()


Cell = Callable[[Flow, Scene, int], Span]  # flow, scene, width -> text of that width


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``priority`` 0 stays at the left; of the rest the lowest are seen first."""

    name: str
    header: str
    width: int
    priority: int
    cell: Cell
    sort: str | None = None  # of xtop.model.SORT_KEYS
    value: Callable[[Flow], Any] | None = None  # what `sort` compares
    descending: bool = True  # the order that a first press gives
    right: bool = True
    about: str = ""


def _rate(flow: Flow, scene: Scene, width: int) -> Span:
    return units.rate(flow.bps, scene.in_bytes), _by_magnitude(flow.bps, 6)


def _packets_per_second(flow: Flow, scene: Scene, width: int) -> Span:
    return units.count(flow.pps), _by_magnitude(flow.pps, 3)


def _by_magnitude(value: float, digits: int) -> Ink:
    if value < 10 ** (digits - 3):
        return "dim"
    return "strong" if value >= 10 ** (digits + 1) else "base"


def _address(name: str) -> Cell:
    def cell(flow: Flow, scene: Scene, width: int) -> Span:
        return elided(printable(getattr(flow, name)), width), "base"

    return cell


def _source_port(flow: Flow, scene: Scene, width: int) -> Span:
    return (str(flow.source_port) if flow.source_port else ""), "dim"


def _destination_port(flow: Flow, scene: Scene, width: int) -> Span:
    if flow.protocol in ICMP:
        kind, code = divmod(flow.destination_port, 256)
        return f"{kind}/{code}", "dim"
    return (str(flow.destination_port) if flow.destination_port else ""), "base"


def _arrow(flow: Flow, scene: Scene, width: int) -> Span:
    return ("↔" if flow.reverse.packets else "→"), "dim"


def _state(flow: Flow, scene: Scene, width: int) -> Span:
    if flow.end_reason:
        return f"■ {flow.end_reason.replace('cache_full', 'full')}"[:width], "dim"
    return (flow.tcp_state or "").replace("_", "-")[:width], "base"


def _trend(flow: Flow, scene: Scene, width: int) -> Span:
    return sparkline(scene.trend, TREND_LENGTH).rjust(width), "bar"


def _share(flow: Flow, scene: Scene, width: int) -> Span:
    return units.percent(flow.bps / scene.total_bps if scene.total_bps > 0 else 0), "base"


def _rtt(flow: Flow, scene: Scene, width: int) -> Span:
    return ("" if flow.rtt_us is None else units.age(flow.rtt_us * 1000)), "base"


def _retransmissions(flow: Flow, scene: Scene, width: int) -> Span:
    number = flow.forward.retransmissions + flow.reverse.retransmissions
    return units.count(number), "warn" if number else "dim"


def _flags(flow: Flow, scene: Scene, width: int) -> Span:
    seen = flow.forward.tcp_flags | flow.reverse.tcp_flags
    return ("".join(name if seen >> bit & 1 else "·" for bit, name in enumerate(TCP_FLAGS)) if seen else ""), "base"


def _ttl(flow: Flow, scene: Scene, width: int) -> Span:
    return "/".join(str(side.ttl_min) if side.packets else "-" for side in (flow.forward, flow.reverse)), "base"


def _dscp(flow: Flow, scene: Scene, width: int) -> Span:
    return "/".join(str(side.dscp) if side.packets else "-" for side in (flow.forward, flow.reverse)), "base"


def _volume(of: Callable[[Flow], int]) -> Cell:
    return lambda flow, scene, width: (units.volume(of(flow)), "base")


def _side(side: Callable[[Flow], Direction]) -> Cell:
    return lambda flow, scene, width: (units.volume(side(flow).bytes), "base")


def _since(of: Callable[[Flow], int]) -> Cell:
    return lambda flow, scene, width: (units.age(scene.taken_at - of(flow)), "base")


def _place(address: str) -> tuple[int, bytes]:
    try:
        parsed = ip_address(address)
    except ValueError:
        return 0, address.encode()
    return parsed.version, parsed.packed


COLUMNS: tuple[Column, ...] = (
    Column("source", "Source", ADDRESS_LEAST, 0, _address("source"), "source",
           lambda flow: _place(flow.source), False, False, "address of the flow's initiator"),
    Column("source_port", "Port", 5, 0, _source_port, "source_port", lambda flow: flow.source_port, False,
           about="its port"),
    Column("arrow", "", 1, 0, _arrow, right=False, about="→ one direction seen, ↔ both"),
    Column("destination", "Destination", ADDRESS_LEAST, 0, _address("destination"), "destination",
           lambda flow: _place(flow.destination), False, False, "the other end's address"),
    Column("destination_port", "Port", 5, 0, _destination_port, "destination_port",
           lambda flow: flow.destination_port, False, about="its port; type/code for ICMP"),
    Column("protocol", "Proto", 6, 3, lambda flow, scene, width: (printable(flow.protocol_name), "base"), "protocol",
           lambda flow: flow.protocol, False, False, "transport protocol"),
    Column("bps", "Rate", units.RATE_WIDTH, 1, _rate, "bps", lambda flow: flow.bps,
           about="IP bits (u: bytes) per second, both directions"),
    Column("pps", "Pkt/s", 7, 2, _packets_per_second, "pps", lambda flow: flow.pps, about="packets per second"),
    Column("trend", "Trend", TREND_LENGTH, 6, _trend, about="the rate of the last snapshots"),
    Column("bytes", "Bytes", units.VOLUME_WIDTH, 4, _volume(lambda flow: flow.bytes), "bytes",
           lambda flow: flow.bytes, about="IP bytes since the flow began"),
    Column("duration", "Duration", 8, 5, lambda flow, scene, width: (units.age(flow.duration_ns), "base"), "duration",
           lambda flow: flow.duration_ns, about="from the first packet to the last"),
    Column("state", "State", 11, 7, _state, right=False, about="TCP state; ■ and why, of a flow that ended"),
    Column("packets", "Packets", 8, 8, lambda flow, scene, width: (units.count(flow.packets), "base"), "packets",
           lambda flow: flow.packets, about="packets since the flow began"),
    Column("share", "Share", units.PERCENT_WIDTH, 9, _share, about="of all bits per second received"),
    Column("rtt", "RTT", 7, 10, _rtt, "rtt", lambda flow: -1 if flow.rtt_us is None else flow.rtt_us,
           about="TCP round-trip time"),
    Column("retransmissions", "Retr", 6, 11, _retransmissions, "retransmissions",
           lambda flow: flow.forward.retransmissions + flow.reverse.retransmissions,
           about="TCP retransmissions, both directions"),
    Column("flags", "Flags", 8, 12, _flags, right=False, about="TCP flags seen: FIN SYN RST PSH ACK URG ECE CWR"),
    Column("sent", "Sent", units.VOLUME_WIDTH, 13, _side(lambda flow: flow.forward),
           about="bytes from source to destination"),
    Column("received", "Received", 8, 14, _side(lambda flow: flow.reverse),
           about="bytes from destination to source"),
    Column("payload_bytes", "Payload", 9, 15, _volume(lambda flow: flow.payload_bytes), "payload_bytes",
           lambda flow: flow.payload_bytes, about="bytes after the transport header"),
    Column("ttl", "TTL", 7, 16, _ttl, about="least TTL or hop limit, source / destination"),
    Column("dscp", "DSCP", 5, 17, _dscp, about="DSCP, source / destination"),
    Column("vlan", "VLAN", 6, 18, lambda flow, scene, width: (str(flow.vlan) if flow.vlan else "", "base"), "vlan",
           lambda flow: flow.vlan, about="outermost VLAN id"),
    Column("tunnel", "Tunnel", 8, 19, lambda flow, scene, width: (printable(flow.tunnel or ""), "base"), right=False,
           about="what carried the flow"),
    Column("first_seen", "Age", 7, 20, _since(lambda flow: flow.first_seen), "first_seen",
           lambda flow: flow.first_seen, about="since the first packet"),
    Column("last_seen", "Idle", 7, 21, _since(lambda flow: flow.last_seen), "last_seen",
           lambda flow: flow.last_seen, about="since the last packet"),
)  # fmt: skip

SORTABLE: tuple[Column, ...] = tuple(column for column in COLUMNS if column.sort is not None)
GAP = 1


def by_sort(sort: str) -> Column:
    """Return the column that shows sort key ``sort`` (KeyError: there is none)."""
    for column in SORTABLE:
        if column.sort == sort:
            return column
    raise KeyError(sort)


def next_sort(sort: str) -> Column:
    """Return the column after the one that ``sort`` belongs to, around the end."""
    names = [column.sort for column in SORTABLE]
    return SORTABLE[(names.index(sort) + 1) % len(names)]


def ordered(flows: Iterable[Flow], sort: str, descending: bool) -> tuple[Flow, ...]:
    """Return ``flows`` in the order of ``sort``; equals keep their places, so that rows do not dance."""
    value = by_sort(sort).value
    assert value is not None
    return tuple(sorted(flows, key=value, reverse=descending))


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The columns that ``width`` cells show, and whether more lie to either side."""

    columns: tuple[Column, ...]
    more_left: bool
    more_right: bool

    @property
    def hidden(self) -> int:
        """How many columns are scrolled out."""
        return len(COLUMNS) - len(self.columns)

    def places(self) -> list[tuple[Column, int]]:
        """Return each column with the cell it begins at."""
        places, at = [], 0
        for column in self.columns:
            places.append((column, at))
            at += column.width + GAP
        return places


def scrolled_order(width: int) -> list[Column]:
    """Return the columns that scroll: those of the first page as the table has them, then the rest by priority."""
    rest = sorted((column for column in COLUMNS if column.priority), key=lambda column: column.priority)
    room = width + GAP - _fixed(_address_width(width))
    page: list[Column] = []
    for column in rest:
        if column.width + GAP > room:
            break
        page.append(column)
        room -= column.width + GAP
    return [column for column in COLUMNS if column in page] + rest[len(page) :]


def arrange(width: int, first: int = 0) -> Arrangement:
    """Return what fits in ``width`` cells when ``first`` of the scrolling columns are scrolled out at the left."""
    order = scrolled_order(width)
    first = max(0, min(first, len(order) - 1))
    room = width + GAP - _fixed(_address_width(width))
    shown: list[Column] = []
    for column in order[first:]:
        if column.width + GAP > room:
            break
        shown.append(column)
        room -= column.width + GAP
    address = min(ADDRESS_MOST, _address_width(width) + max(0, room) // 2)
    named = [
        replace(column, width=address) if column.name in ("source", "destination") else column
        for column in COLUMNS
        if column.priority == 0
    ]
    return Arrangement((*named, *shown), first > 0, first + len(shown) < len(order))


def _address_width(width: int) -> int:
    if width < 76:
        return ADDRESS_LEAST
    return 18 if width < 140 else min(ADDRESS_MOST, 18 + (width - 140) // 2)


def _fixed(address: int) -> int:
    """Return the cells of the columns that do not scroll."""
    named = [column for column in COLUMNS if column.priority == 0]
    return sum(column.width + GAP for column in named) + 2 * (address - ADDRESS_LEAST)
