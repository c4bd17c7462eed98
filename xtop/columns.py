# SPDX-License-Identifier: BSD-2-Clause
"""The columns of the flow table: one row each, from which header, drawing, sorting and the `s` key follow.

A column has one width, whatever the flows; only the addresses share what a wide terminal leaves over. Those that name
the row stay put; of the others the most important fill the first page, and the rest are scrolled to by whole columns,
so that no number is ever cut. Flows and each kind of group have a set of their own, out of the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

from xtop import units
from xtop.blocks import sparkline
from xtop.history import TREND_LENGTH
from xtop.ink import Ink, Span, elided, printable
from xtop.model import Direction, Flow
from xtop.naming import NO_NAMES, Naming
from xtop.sampling import ESTIMATE_MARK

ICMP = (1, 58)
TCP = 6
ADDRESS_LEAST, ADDRESS_MOST = 15, 39
SERVICE_WIDTH = 8  # of a port column that shows names
TCP_FLAGS = "FSRPAUEC"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a cell may know besides its flow."""

    taken_at: int = 0  # ns
    in_bytes: bool = False  # rates in bytes per second
    total_bps: float = 0.0
    sampling: int = 1  # one packet in so many was looked at
    trend: tuple[float, ...] = ()
    naming: Naming = field(default=NO_NAMES)


Cell = Callable[[Flow, Scene, int], Span]  # flow, scene, width -> text of that width


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


# ---- Cells


def _by_magnitude(value: float, first: int = 0) -> Ink:
    """Return the ink of a quantity: one step for each SI prefix from ``first`` on, which the unit says in words."""
    inks: tuple[Ink, ...] = ("dim", "base", "strong", "title")
    return inks[max(0, min(len(inks) - 1, units.magnitude(value) - first))]


def _rate(of: Callable[[Flow], float]) -> Cell:
    return lambda flow, scene, width: (units.rate(of(flow), scene.in_bytes), _by_magnitude(of(flow)))


def _count(of: Callable[[Flow], float]) -> Cell:
    return lambda flow, scene, width: (units.count(of(flow)), _by_magnitude(of(flow)))


def _volume(of: Callable[[Flow], int]) -> Cell:
    return lambda flow, scene, width: (units.volume(of(flow)), _by_magnitude(of(flow)))


def _address(name: str) -> Cell:
    def cell(flow: Flow, scene: Scene, width: int) -> Span:
        address = getattr(flow, name)
        return elided(printable(scene.naming.host(address) or address), width), "base"

    return cell


def _source_port(flow: Flow, scene: Scene, width: int) -> Span:
    return (str(flow.source_port) if flow.source_port else ""), "dim"


def _destination_port(flow: Flow, scene: Scene, width: int) -> Span:
    if flow.protocol in ICMP:
        kind, code = divmod(flow.destination_port, 256)
        return f"{kind}/{code}", "dim"
    name = scene.naming.port(flow.protocol, flow.destination_port)
    if name and len(name) <= width:
        return name, "base"
    return (str(flow.destination_port) if flow.destination_port else ""), "base"


def _service(flow: Flow, scene: Scene, width: int) -> Span:
    if flow.protocol in ICMP:
        return "", "base"
    return printable(scene.naming.service(flow.protocol, flow.destination_port))[:width], "base"


def _processes(flow: Flow, scene: Scene, width: int) -> Span:
    names = dict.fromkeys(str(process) for process in scene.naming.processes(flow))
    return elided(printable(", ".join(names)), width), "base"


def _containers(flow: Flow, scene: Scene, width: int) -> Span:
    names = dict.fromkeys(process.container for process in scene.naming.processes(flow) if process.container)
    return elided(printable(", ".join(names)), width), "base"


def _arrow(flow: Flow, scene: Scene, width: int) -> Span:
    return ("↔" if flow.reverse.packets else "→"), "dim"


def _state(flow: Flow, scene: Scene, width: int) -> Span:
    if flow.end_reason:
        return f"■ {flow.end_reason.replace('cache_full', 'full')}"[:width], "dim"
    return (flow.tcp_state or "").replace("_", "-")[:width], "base"


def _end(flow: Flow, scene: Scene, width: int) -> Span:
    return {None: "", "cache_full": "full", "shutdown": "exit"}.get(flow.end_reason, flow.end_reason or ""), "dim"


def _trend(flow: Flow, scene: Scene, width: int) -> Span:
    return sparkline(scene.trend, TREND_LENGTH).rjust(width), "bar"


def _share(flow: Flow, scene: Scene, width: int) -> Span:
    share = flow.bps * scene.sampling / scene.total_bps if scene.total_bps > 0 else 0
    if scene.sampling > 1:
        return ESTIMATE_MARK + units.brief_percent(share), "base"
    return units.percent(share), "base"


def _rtt(flow: Flow, scene: Scene, width: int) -> Span:
    return ("" if flow.rtt_us is None else units.age(flow.rtt_us * 1000)), "base"


def _retransmissions(flow: Flow, scene: Scene, width: int) -> Span:
    if flow.protocol not in (TCP, 0):
        return "", "dim"
    number = _retransmitted(flow)
    return units.count(number), "warn" if number else "dim"


def _retransmitted(flow: Flow) -> int:
    return flow.forward.retransmissions + flow.reverse.retransmissions


def _seen_flags(flow: Flow) -> int:
    return flow.forward.tcp_flags | flow.reverse.tcp_flags


def _flags(flow: Flow, scene: Scene, width: int) -> Span:
    seen = _seen_flags(flow)
    return ("".join(name if seen >> bit & 1 else "·" for bit, name in enumerate(TCP_FLAGS)) if seen else ""), "base"


def _both(of: Callable[[Direction], int]) -> Cell:
    def cell(flow: Flow, scene: Scene, width: int) -> Span:
        return "/".join(str(of(side)) if side.packets else "-" for side in (flow.forward, flow.reverse)), "base"

    return cell


def _since(of: Callable[[Flow], int]) -> Cell:
    return lambda flow, scene, width: (units.age(scene.taken_at - of(flow)), "base")


def _tunnel(flow: Flow, scene: Scene, width: int) -> Span:
    return elided(printable(str(flow.tunnel or "")), width), "base"


def _place(address: str) -> tuple[int, bytes]:
    try:
        parsed = ip_address(address)
    except ValueError:
        return 0, address.encode()
    return parsed.version, parsed.packed


def _entropy(flow: Flow, scene: Scene, width: int) -> Span:
    return ("" if flow.entropy is None else f"{flow.entropy:.2f}"), "base"


def _vlan(flow: Flow, scene: Scene, width: int) -> Span:
    return (str(flow.vlan) if flow.vlan else ""), "base"


# ---- The columns

# fmt: off
COLUMNS: tuple[Column, ...] = (
    Column("source", "Source", ADDRESS_LEAST, 0, _address("source"), "source",
           lambda flow: _place(flow.source), False, False, "address of the flow's initiator", stretches=True),
    Column("source_port", "Port", 5, 0, _source_port, "source_port", lambda flow: flow.source_port, False,
           about="its port"),
    Column("arrow", "", 1, 0, _arrow, right=False, about="→ one direction seen, ↔ both"),
    Column("destination", "Destination", ADDRESS_LEAST, 0, _address("destination"), "destination",
           lambda flow: _place(flow.destination), False, False, "the other end's address", stretches=True),
    Column("destination_port", "Port", 5, 0, _destination_port, "destination_port",
           lambda flow: flow.destination_port, False, about="its port; type/code for ICMP"),
    Column("protocol", "Proto", 6, 2, lambda flow, scene, width: (printable(flow.protocol_name), "base"), "protocol",
           lambda flow: flow.protocol, False, False, "transport protocol"),
    Column("end", "End", 6, 3, _end, "state", right=False, about="why the flow ended (x shows those that did)"),
    Column("bps", "Rate", units.RATE_WIDTH, 1, _rate(lambda flow: flow.bps), "bps", lambda flow: flow.bps,
           about="IP bits (u: bytes) per second, both directions"),
    Column("pps", "Pkt/s", 7, 4, _count(lambda flow: flow.pps), "pps", lambda flow: flow.pps,
           about="packets per second"),
    Column("trend", "Trend", TREND_LENGTH, 7, _trend, "bps", about="the rate of the last snapshots"),
    Column("bytes", "Bytes", units.VOLUME_WIDTH, 5, _volume(lambda flow: flow.bytes), "bytes",
           lambda flow: flow.bytes, about="IP bytes since the flow began"),
    Column("duration", "Duration", 8, 6, lambda flow, scene, width: (units.age(flow.duration_ns), "base"), "duration",
           lambda flow: flow.duration_ns, about="from the first packet to the last"),
    Column("state", "State", 11, 8, _state, "state", lambda flow: (flow.end_reason or "", flow.tcp_state or ""),
           right=False, about="TCP state; ■ and why, of a flow that ended"),
    Column("sent", "Sent", units.VOLUME_WIDTH, 11, _volume(lambda flow: flow.forward.bytes), "sent",
           lambda flow: flow.forward.bytes, about="bytes from source to destination"),
    Column("received", "Received", 8, 12, _volume(lambda flow: flow.reverse.bytes), "received",
           lambda flow: flow.reverse.bytes, about="bytes from destination to source"),
    Column("rtt", "RTT", 7, 9, _rtt, "rtt", lambda flow: -1 if flow.rtt_us is None else flow.rtt_us,
           about="TCP round-trip time"),
    Column("retransmissions", "Retr", 6, 10, _retransmissions, "retransmissions", _retransmitted,
           about="TCP retransmissions, both directions"),
    Column("flags", "Flags", 8, 13, _flags, "flags", _seen_flags, right=False,
           about="TCP flags seen: FIN SYN RST PSH ACK URG ECE CWR"),
    Column("ttl", "TTL", 7, 14, _both(lambda side: side.ttl_min), "ttl", lambda flow: flow.forward.ttl_min,
           about="least TTL or hop limit, source / destination"),
    Column("dscp", "DSCP", 5, 15, _both(lambda side: side.dscp), "dscp", lambda flow: flow.forward.dscp,
           about="DSCP, source / destination"),
    Column("vlan", "VLAN", 6, 16, _vlan, "vlan", lambda flow: flow.vlan, about="outermost VLAN id"),
    Column("tunnel", "Tunnel", 11, 17, _tunnel, right=False,
           about="what carried the flow, with VNI, TEID, key or label"),
    Column("packets", "Packets", 8, 18, _count(lambda flow: flow.packets), "packets",
           lambda flow: flow.packets, about="packets since the flow began"),
    Column("share", "Share", units.PERCENT_WIDTH, 19, _share, "bps", about="of all bits per second received"),
    Column("sent_bps", "Sent rate", units.RATE_WIDTH, 20, _rate(lambda flow: flow.forward.bps), "sent_bps",
           lambda flow: flow.forward.bps, about="bits per second from source to destination"),
    Column("received_bps", "Recvd rate", units.RATE_WIDTH, 21, _rate(lambda flow: flow.reverse.bps), "received_bps",
           lambda flow: flow.reverse.bps, about="bits per second from destination to source"),
    Column("payload_bytes", "Payload", 9, 22, _volume(lambda flow: flow.payload_bytes), "payload_bytes",
           lambda flow: flow.payload_bytes, about="bytes after the transport header"),
    Column("first_seen", "Age", 7, 23, _since(lambda flow: flow.first_seen), "first_seen",
           lambda flow: flow.first_seen, about="since the first packet"),
    Column("last_seen", "Idle", 7, 24, _since(lambda flow: flow.last_seen), "last_seen",
           lambda flow: flow.last_seen, about="since the last packet"),
    Column("service", "Service", 12, 25, _service, "destination_port", right=False, optional=True,
           about="the destination port's name in this system's list"),
    Column("entropy", "Entropy", 7, 28, _entropy, "entropy",
           lambda flow: -1.0 if flow.entropy is None else flow.entropy, optional=True,
           about="of the payload, bits a byte (--byte-histogram)"),
    Column("process", "Process", 22, 26, _processes, right=False, optional=True,
           about="this host's process at an end, where it is seen"),
    Column("container", "Container", 20, 27, _containers, right=False, optional=True,
           about="the container of that process"),
)

_BY_NAME = {column.name: column for column in COLUMNS}
_FLOWS = Column("flows", "Flows", 6, 3, _count(lambda flow: flow.flows), "flows", lambda flow: flow.flows,
                about="how many flows the row adds up")
# fmt: on


def _take(name: str, priority: int, **changes: Any) -> Column:
    return replace(_BY_NAME[name], priority=priority, **changes)


# What a group shows after that which names it, most important first.
_GROUP_FIGURES: tuple[Column, ...] = (
    _take("bps", 1),
    _take("pps", 2),
    _FLOWS,
    _take("bytes", 4),
    _take("sent_bps", 5),
    _take("received_bps", 6),
    _take("trend", 7),
    _take("sent", 8),
    _take("received", 9),
    _take("share", 10),
    _take("packets", 11),
    _take("retransmissions", 12),
    _take("rtt", 13, about="least TCP round-trip time"),
    _take("duration", 14),
    _take("payload_bytes", 15),
    _take("first_seen", 16),
    _take("last_seen", 17),
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
TITLES: dict[str, str] = {
    "flow": "Flows", "host": "Hosts", "pair": "Host pairs", "port": "Ports", "protocol": "Protocols", "vlan": "VLANs",
}  # fmt: skip
GAP = 1


def sortable(group: str = "flow") -> tuple[Column, ...]:
    """Return one column for each key that the table of ``group`` can be sorted by."""
    return tuple(column for column in TABLES[group] if column.value is not None)


def by_sort(sort: str, group: str = "flow") -> Column:
    """Return the column that shows sort key ``sort`` (KeyError: there is none)."""
    for column in sortable(group):
        if column.sort == sort:
            return column
    raise KeyError(sort)


def next_sort(sort: str, group: str = "flow") -> Column:
    """Return the column after the one that ``sort`` belongs to, around the end; optional ones are passed over."""
    columns = [column for column in sortable(group) if not column.optional or column.sort == sort]
    names = [column.sort for column in columns]
    return columns[(names.index(sort) + 1) % len(names)]


def ordered(flows: Iterable[Flow], sort: str, descending: bool, group: str = "flow") -> tuple[Flow, ...]:
    """Return ``flows`` in the order of ``sort``; equals keep their places, so that rows do not dance."""
    value = by_sort(sort, group).value
    assert value is not None
    return tuple(sorted(flows, key=value, reverse=descending))


# ---- Which of them, and where


@dataclass(frozen=True, slots=True)
class Offer:
    """The columns that a table has to offer: ``fixed`` at the left, ``others`` to be scrolled through.

    ``others`` stand in the order that somebody chose, or by priority where nobody did. The one named ``wanted`` is on
    the first page whatever that holds otherwise: it tells what the rows are sorted by.
    """

    fixed: tuple[Column, ...]
    others: tuple[Column, ...]
    chosen: bool = False
    wanted: str = ""


def offer(
    group: str = "flow", chosen: Sequence[str] | None = None, *,
    ended: bool = False, names: bool = False, wanted: str = "",
) -> Offer:  # fmt: skip
    """Return the columns of a table: ``ended`` flows have a reason, ``names`` of ports need room."""
    columns = [column for column in TABLES[group] if column.name != "end" or ended]
    if names:
        columns = [replace(c, width=SERVICE_WIDTH) if c.name == "destination_port" else c for c in columns]
    fixed = tuple(column for column in columns if column.priority == 0)
    scrolling = {column.name: column for column in columns if column.priority}
    if chosen is None:
        usual = [column for column in scrolling.values() if not column.optional]
        return Offer(fixed, tuple(sorted(usual, key=lambda column: column.priority)), wanted=wanted)
    picked = [name for name in dict.fromkeys(chosen) if name in scrolling]
    if "end" in scrolling and "end" not in picked:
        picked.insert(0, "end")
    return Offer(fixed, tuple(scrolling[name] for name in picked), chosen=True, wanted=wanted)


def choosable(group: str) -> tuple[Column, ...]:
    """Return the columns of a table that one may want to see or not; none where there is no such table."""
    return tuple(column for column in TABLES.get(group, ()) if column.priority and column.name != "end")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The columns that a number of cells show, and whether more lie to either side."""

    columns: tuple[Column, ...]
    more_left: bool
    more_right: bool
    hidden: int = 0  # columns that are scrolled out

    def places(self) -> list[tuple[Column, int]]:
        """Return each column with the cell it begins at."""
        places, at = [], 0
        for column in self.columns:
            places.append((column, at))
            at += column.width + GAP
        return places


USUAL = offer()


def scrolled_order(width: int, offered: Offer = USUAL) -> list[Column]:
    """Return the columns that scroll: those of the first page as the table has them, then the rest by priority."""
    page = _first_page(offered, _room(width, offered))
    rest = [column for column in offered.others if column not in page]
    if offered.chosen:
        return page + rest
    names = [column.name for column in COLUMNS]
    names[names.index("bytes") : names.index("bytes")] = [_FLOWS.name]
    return sorted(page, key=lambda column: names.index(column.name)) + rest


def _first_page(offered: Offer, room: int) -> list[Column]:
    """Return the first columns; the last figures make room for the wanted one, words only after all figures."""
    page = _fitting(offered.others, room)
    wanted = [column for column in offered.others if column.name == offered.wanted and column not in page]
    for column in wanted:
        while page and sum(one.width + GAP for one in [*page, column]) > room:
            page.remove(max(page, key=lambda one: (one.right, page.index(one))))
    return page + wanted


def arrange(width: int, first: int = 0, offered: Offer = USUAL) -> Arrangement:
    """Return what fits in ``width`` cells when ``first`` of the scrolling columns are scrolled out at the left."""
    order = scrolled_order(width, offered)
    first = max(0, min(first, len(order) - 1))
    room = _room(width, offered)
    left_over = room - sum(column.width + GAP for column in _fitting(order, room))  # by the first page: the addresses
    stretching = sum(column.stretches for column in offered.fixed)  # have it, and keep their width on every other
    address = min(ADDRESS_MOST, _address_width(width) + max(0, left_over) // max(1, stretching))
    shown = _fitting(order[first:], room - stretching * (address - _address_width(width)))
    named = [replace(c, width=address) if c.stretches else c for c in offered.fixed]
    more_right = first + len(shown) < len(order)
    return Arrangement((*named, *shown), first > 0, more_right, len(order) - len(shown))


def _fitting(columns: Sequence[Column], room: int) -> list[Column]:
    """Return the first of ``columns``, as many as ``room`` cells hold."""
    page: list[Column] = []
    for column in columns:
        if column.width + GAP > room:
            break
        page.append(column)
        room -= column.width + GAP
    return page


def _room(width: int, offered: Offer) -> int:
    """Return the cells that the columns which scroll may have."""
    widths = [_address_width(width) if column.stretches else column.width for column in offered.fixed]
    return width + GAP - sum(widths) - GAP * len(widths)


def _address_width(width: int) -> int:
    if width < 76:
        return ADDRESS_LEAST
    return 18 if width < 140 else min(ADDRESS_MOST, 18 + (width - 140) // 29)
