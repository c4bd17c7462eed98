# SPDX-License-Identifier: BSD-2-Clause
"""One flow in full: who, since when, how fast, both directions side by side, and how to ask for it elsewhere.

The page is a list of sections; each returns its lines for a width. On a wide terminal the sections of the right column
stand beside those of the left, on a narrow one below them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from textwrap import wrap

from xtop import units
from xtop.blocks import bar, ceiling, curve
from xtop.export.tcp_flags import tcp_flags_text
from xtop.filter_language.flow_expression import flow_expression
from xtop.header_names import IP_FLAGS, IPV4_OPTIONS, IPV6_EXTENSIONS, TCP_OPTIONS, TCP_PADDING, bit_names, dscp_name
from xtop.ink import Ink, Line, fitted, printable
from xtop.keymap import shown
from xtop.model import PACKET_SIZE_UPPER, Direction, Flow, SourceInfo
from xtop.picture import Picture, Pinned, local_time
from xtop.sampling import ESTIMATE_MARK
from xtop.tcpdump_expression import tcpdump_expression
from xtop.units import NANOSECONDS
from xtop.widgets.byte_values import byte_lines

TWO_COLUMNS = 116  # cells from which sections stand side by side
GAP = 2
LABEL = 14  # cells
CURVE_HEIGHT = 5
TCP = 6

Section = Callable[[Picture, Pinned, int], list[Line]]


def detail_lines(picture: Picture, width: int) -> list[Line]:
    """Return the page, ``width`` cells wide."""
    pinned = picture.pinned
    if pinned is None:
        return []
    if width < TWO_COLUMNS:
        lines = [line for section in (*LEFT, *RIGHT, *ACROSS) for line in section(picture, pinned, width)]
        return [fitted(line, width) for line in lines]
    half = (width - GAP) // 2
    left = [line for section in LEFT for line in section(picture, pinned, half)]
    right = [line for section in RIGHT for line in section(picture, pinned, half)]
    rows = max(len(left), len(right))
    left, right = left + [[]] * (rows - len(left)), right + [[]] * (rows - len(right))
    beside: list[Line] = [[*fitted(one, half + GAP), *fitted(two, half)] for one, two in zip(left, right, strict=True)]
    return beside + [line for section in ACROSS for line in section(picture, pinned, width)]


def ends_text(flow: Flow) -> tuple[str, str]:
    """Return both ends as ``192.0.2.1:40000`` and ``[2001:db8::1]:443``; without a port where there is none."""
    return _end(flow.source, flow.source_port), _end(flow.destination, _shown_port(flow))


def _shown_port(flow: Flow) -> int:
    return 0 if flow.protocol in (1, 58) else flow.destination_port


def _end(address: str, port: int) -> str:
    text = printable(address)
    if not port:
        return text
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


# ---- Sections


def _heading(text: str, width: int, note: str = "") -> Line:
    note = f" {note} " if note else ""
    rule = "─" * max(0, width - len(text) - len(note) - 6)
    return [("── ", "frame"), (text, "title"), (f" {rule}", "frame"), (note, "dim"), ("──", "frame")]


def _facts(picture: Picture, pinned: Pinned, width: int) -> list[Line]:
    flow = pinned.flow
    snapshot = picture.snapshot
    now = snapshot.now if snapshot else flow.last_seen
    lines = [_heading("Flow", width)]
    if not pinned.among_rows:
        lines.append([(f" not among the rows shown; as it was at {local_time(pinned.seen_at)}", "warn")])
    state, ink = _state(flow)
    lines += [
        _fact("protocol", _protocol(flow)),
        _fact("state", state, ink),
        _fact("rate", f"{units.rate(flow.bps, picture.in_bytes).strip()}   {units.packet_rate(flow.pps).strip()}"),
        _fact("first seen", _moment(flow.first_seen)),
        _fact("last seen", f"{_moment(flow.last_seen)}  {_ago(now - flow.last_seen)}"),
        _fact("duration", units.age(flow.duration_ns).strip()),
    ]
    if flow.protocol == TCP:
        rtt = "handshake not seen" if flow.rtt_us is None else units.age(flow.rtt_us * 1000).strip()
        lines.append(_fact("RTT", rtt, "dim" if flow.rtt_us is None else "base"))
    lines += _names(picture, flow)
    return [*lines, _fact("flow id", f"{flow.flow_id} (mmh3 0x{flow.flow_id & 0xFFFFFFFF:08x})")]


def _names(picture: Picture, flow: Flow) -> list[Line]:
    """Return what is known beyond the packets: hosts, the service, this host's processes; nothing where it is not."""
    naming = picture.naming
    hosts = [(label, naming.host(address)) for label, address in (("from", flow.source), ("to", flow.destination))]
    lines = [_fact(label, printable(name)) for label, name in hosts if name]
    service = naming.service(flow.protocol, flow.destination_port)
    if service:
        lines.append(_fact("service", printable(service)))
    for process in naming.processes(flow):
        inside = f", in {process.container}" if process.container else ""
        lines.append(_fact("process", printable(f"{process}{inside}")))
    return lines


def _fact(label: str, value: str, ink: Ink = "base") -> Line:
    return [(f" {label:<{LABEL}}", "dim"), (value, ink)]


def _protocol(flow: Flow) -> str:
    parts = [printable(flow.protocol_name), f"over IPv{flow.ip_version}"]
    if flow.protocol in (1, 58):
        kind, code = divmod(flow.destination_port, 256)
        parts.append(f"type {kind} code {code}")
    if flow.vlan:
        parts.append(f"· VLAN {flow.vlan}")
    if flow.tunnel:
        parts.append(f"· inside {printable(str(flow.tunnel))}")
    return " ".join(parts)


def _state(flow: Flow) -> tuple[str, Ink]:
    state = (flow.tcp_state or "").replace("_", "-")
    if flow.end_reason:
        return f"{state + ', ' if state else ''}ended: {flow.end_reason.replace('_', ' ')}", "dim"
    return state or "live", "base"


def _ago(nanoseconds: int) -> str:
    return f"{units.age(nanoseconds).strip()} ago" if nanoseconds > 0 else "now"


def _moment(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds // NANOSECONDS, timezone.utc).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds % NANOSECONDS // 1_000_000:03d}"


def _directions(picture: Picture, pinned: Pinned, width: int) -> list[Line]:
    flow = pinned.flow
    cell = (width - LABEL - 2) // 2
    lines: list[Line] = [
        _heading("Directions", width),
        [(f" {'':<{LABEL}}", "dim"), (f"{'→ sent':<{cell}}", "accent"), ("← received", "accent")],
    ]
    source = picture.snapshot.source if picture.snapshot else None
    for label, of, only_tcp in (*_estimates(source), *_ROWS, *_connection_rows(source)):
        if only_tcp and flow.protocol != TCP:
            continue
        there, back = (of(flow, side) if side.packets else "-" for side in (flow.forward, flow.reverse))
        if there.strip("-") or back.strip("-"):
            lines += _row(label, there, back, cell)
    return lines


def _estimates(source: SourceInfo | None) -> tuple[tuple[str, Cell, bool], ...]:
    """Return rows of what sampled figures stand for; none where every packet was looked at."""
    if source is None or source.sampling == 1:
        return ()
    return (
        ("est. packets", lambda flow, side: _estimated(units.count(side.packets * source.sampling)), False),
        ("est. bytes", lambda flow, side: _estimated(units.volume(side.bytes * source.sampling)), False),
    )


def _estimated(text: str) -> str:
    return ESTIMATE_MARK + text.strip()


def _row(label: str, there: str, back: str, cell: int) -> list[Line]:
    """Return a row of two values; a list of names that is longer than its cell goes on below."""
    left, right = (wrap(text, cell - 1) or [""] for text in (there, back))
    lines: list[Line] = []
    for at in range(max(len(left), len(right))):
        one, other = (part[at] if at < len(part) else "" for part in (left, right))
        lines.append([(f" {label if at == 0 else '':<{LABEL}}", "dim"), (f"{one:<{cell}}", "base"), (other, "base")])
    return lines


def _ttl(flow: Flow, side: Direction) -> str:
    return str(side.ttl_min) if side.ttl_min == side.ttl_max else f"{side.ttl_min} to {side.ttl_max}"


def _since_start(flow: Flow, seen: int | None) -> str:
    return "" if seen is None else f"+{units.age(seen - flow.first_seen).strip()}"


Cell = Callable[[Flow, Direction], str]
_ROWS: tuple[tuple[str, Cell, bool], ...] = (
    ("packets", lambda flow, side: f"{side.packets:,}".replace(",", " "), False),
    ("bytes", lambda flow, side: units.volume(side.bytes).strip(), False),
    ("payload", lambda flow, side: units.volume(side.payload_bytes).strip(), False),
    ("mean packet", lambda flow, side: f"{side.bytes / side.packets:.0f} B", False),
    ("first packet", lambda flow, side: _since_start(flow, side.first_seen), False),
    ("last packet", lambda flow, side: _since_start(flow, side.last_seen), False),
    ("TTL", _ttl, False),
    ("DSCP", lambda flow, side: dscp_name(side.dscp), False),
    ("IP flags", lambda flow, side: bit_names(side.ip_flags, IP_FLAGS), False),
    ("IPv4 options", lambda flow, side: bit_names(side.ipv4_options, IPV4_OPTIONS), False),
    ("IPv6 headers", lambda flow, side: bit_names(side.ipv6_extensions, IPV6_EXTENSIONS), False),
    ("TCP flags", lambda flow, side: tcp_flags_text(side.tcp_flags), True),
    ("TCP options", lambda flow, side: bit_names(side.tcp_options & ~TCP_PADDING, TCP_OPTIONS), True),
)


def _connection_rows(source: SourceInfo | None) -> tuple[tuple[str, Cell, bool], ...]:
    """Return rows of how a connection fares; where nobody compares sequence numbers their 0 says nothing."""
    nothing = "0" if source is None or source.follows_tcp else "-"
    return (
        ("retransmitted", lambda flow, side: str(side.retransmissions or nothing), True),
        ("out of order", lambda flow, side: str(side.out_of_order or nothing), True),
        ("zero windows", lambda flow, side: str(side.zero_windows or ""), True),
    )


def _rate_curve(picture: Picture, pinned: Pinned, width: int) -> list[Line]:
    scale = 8 if picture.in_bytes else 1
    rates = [None if rate is None else rate / scale for rate in pinned.rates]
    known = [rate for rate in rates if rate is not None]
    top = ceiling(max(known, default=0))
    unit = "byte/s" if picture.in_bytes else "bit/s"
    peak = units.rate(max(known, default=0) * scale, picture.in_bytes).strip()
    lines = [_heading("Rate, last 60 s", width, f"{unit}, peak {peak}" if known else "not seen in this minute")]
    labels = {0: units.short(top), CURVE_HEIGHT - 1: "0"}
    for row, text in enumerate(curve(rates, CURVE_HEIGHT, top)):
        lines.append([(f" {labels.get(row, ''):>5} ", "dim"), (text[-max(0, width - 8) :], "bar")])
    return lines


def _packet_sizes(picture: Picture, pinned: Pinned, width: int) -> list[Line]:
    sides = [side.packet_size for side in (pinned.flow.forward, pinned.flow.reverse)]
    bins = len(PACKET_SIZE_UPPER)
    counts = [side if len(side) == bins else (0,) * bins for side in sides]
    greatest = max(max(side) for side in counts)
    cell = (width - 9) // 2
    room = max(1, cell - 8)
    lines = [_heading("Packet size", width, "frame bytes; packets →, ←")]
    for index, upper in enumerate(PACKET_SIZE_UPPER):
        label = f">{units.short(PACKET_SIZE_UPPER[index - 1])}" if upper is None else f"≤{units.short(upper)}"
        line: Line = [(f" {label:>6} ", "dim")]
        for side in counts:
            line += [(bar(side[index] / greatest if greatest else 0, room), "bar"),
                     (f" {units.count(side[index])} ", "base" if side[index] else "dim")]  # fmt: skip
        lines.append(line)
    return lines


def _byte_values(picture: Picture, pinned: Pinned, width: int) -> list[Line]:
    """Return the payload's bytes where they are counted."""
    if picture.snapshot is None or not picture.snapshot.source.byte_histogram:
        return []
    flow, (there, back) = pinned.flow, pinned.byte_counts
    note = "" if flow.entropy is None else f"both {flow.entropy:.2f} bits a byte"
    return [
        _heading("Payload bytes by value", width, note),
        *byte_lines("→", there, flow.forward.entropy, width),
        *byte_lines("←", back, flow.reverse.entropy, width),
        *_byte_gaps(picture, width),
    ]


def _byte_gaps(picture: Picture, width: int) -> list[Line]:
    """Return why there may be no curve."""
    why = []
    if picture.behind_s is not None:
        why.append(f"of the past entropies are kept, no curves ({shown(picture.keymap, 'pause')} returns to now)")
    full = picture.snapshot.totals.byte_histograms_full if picture.snapshot else 0
    if full:
        why.append(f"{units.count(full).strip()} flows with payload found no histogram free: theirs is not known")
    return [[(f" {row}", "dim")] for text in why for row in wrap(text, max(10, width - 2))]


def _expressions(picture: Picture, pinned: Pinned, width: int) -> list[Line]:
    lines = [_heading("This flow alone", width, "y copies the filter, Y tcpdump's")]
    lines += _wrapped("xtop filter", flow_expression(pinned.flow), width)
    dump = tcpdump_expression(pinned.flow)
    why = f"(none: a pcap filter cannot look inside {printable(str(pinned.flow.tunnel or ''))})"
    return lines + _wrapped("tcpdump", dump or why, width)


def _wrapped(label: str, text: str, width: int) -> list[Line]:
    rows = wrap(printable(text), max(10, width - LABEL - 2))
    return [[(f" {label if at == 0 else '':<{LABEL}}", "dim"), (row, "base")] for at, row in enumerate(rows)]


LEFT: tuple[Section, ...] = (_facts, _directions)
RIGHT: tuple[Section, ...] = (_rate_curve, _packet_sizes, _byte_values)
ACROSS: tuple[Section, ...] = (_expressions,)
