# SPDX-License-Identifier: BSD-2-Clause
"""The flows of a capture as tshark sees them: the expectation that xtop's own reading is held against.

Nothing here knows xtop's code. Headers are dissected by Wireshark; only the aggregation (contract, section 3) is ours.

tshark prints every occurrence of a field, outermost first, and ``frame.protocols`` names the layers in that order. A
packet is what its innermost IP header says that the layers of ``OPENED`` lead to; the occurrences that belong to the
layers around it are cut off before anything is read. So neither a tunnel's own header nor the packet that an ICMP error
quotes is mistaken for it.

``python tshark_flows.py FILE`` prints the expectation as JSON; ``--write DIR FILE...`` writes DIR/FILE.json.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

SECOND = 1_000_000_000
IDLE = 30 * SECOND
ACTIVE = 300 * SECOND
TCP_QUIET = 2 * SECOND
FIRST_IS_KEPT = 15 * SECOND
FIRST_IS_AWAITED = SECOND
UNKNOWN = 1 << 30  # bytes: more than any header claims

ICMP, IGMP, TCP, UDP, ROUTING, FRAGMENT, AH, ICMPV6, SCTP, UDPLITE = 1, 2, 6, 17, 43, 44, 51, 58, 132, 136
WITH_PORTS = {TCP, UDP, SCTP, UDPLITE}
FIN, SYN, RST, ACK = 1, 2, 4, 16

# fmt: off
FIELDS = (
    "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols", "vlan.id", "ieee8021ad.id", "ip.version",
    "ip.hdr_len", "ip.len", "ip.id", "ip.flags.mf", "ip.src", "ip.dst", "ip.proto",
    "ip.frag_offset", "ip.ttl", "ip.dsfield.dscp",
    "ipv6.version", "ipv6.plen", "ipv6.nxt", "ipv6.src", "ipv6.dst", "ipv6.hlim", "ipv6.tclass.dscp",
    "ipv6.hopopts.nxt", "ipv6.hopopts.len", "ipv6.routing.nxt", "ipv6.routing.len", "ipv6.dstopts.nxt",
    "ipv6.dstopts.len", "ipv6.fraghdr.nxt", "ipv6.fraghdr.offset", "ipv6.fraghdr.ident", "ipv6.fraghdr.more",
    "ah.next_header", "ah.length", "mip6.proto",
    "mip6.hlen", "hip.proto", "hip.hdr_len", "shim6.nxt", "shim6.len", "tcp.srcport", "tcp.dstport", "tcp.hdr_len",
    "tcp.flags", "tcp.len", "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport", "icmp.type", "icmp.code",
    "icmpv6.type", "icmpv6.code",
)
# fmt: on

# Without these tshark would show reassembled packets instead of the frames themselves.
PREFERENCES = ("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE")

# What xtop opens; any other layer ends the way to the innermost IP header. PPP counts within PPPoE only.
OPENED = {
    *("eth", "ethertype", "vlan", "ieee8021ad", "sll", "null", "raw", "mpls", "pppoes", "ppp"),
    *("pwethheuristic", "pwethcw", "pwethnocw"),
    *("ip", "ipv6", "udp", "gre", "erspan", "vxlan", "geneve", "gtp", "teredo", "nsh"),
}
# What tshark does not open, or opens as something else, unless it is told.
DECODE_AS = ("udp.port==8472,vxlan",)

# Fields whose first word is not the name of their layer.
LAYER_OF = {"mip6": "mipv6"}

# What lies under the first IP header, by tshark's name of it: bytes.
LINK_HEADERS = {"eth": 14, "vlan": 4, "ieee8021ad": 4, "pppoes": 6, "ppp": 2, "mpls": 4, "sll": 16, "null": 4}

# Extension headers that are walked: protocol number -> (field with what comes next, field with the length).
EXTENSIONS = {
    0: ("ipv6.hopopts.nxt", "ipv6.hopopts.len"),
    ROUTING: ("ipv6.routing.nxt", "ipv6.routing.len"),
    60: ("ipv6.dstopts.nxt", "ipv6.dstopts.len"),
    FRAGMENT: ("ipv6.fraghdr.nxt", ""),
    AH: ("ah.next_header", "ah.length"),
    135: ("mip6.proto", "mip6.hlen"),
    139: ("hip.proto", "hip.hdr_len"),
    140: ("shim6.nxt", "shim6.len"),
}

IPV6_HEADERS = {
    *("ipv6.hopopts", "ipv6.routing", "ipv6.dstopts", "ipv6.fraghdr", "ah", "mipv6", "hip", "shim6"),
}

Row = dict[str, list[str]]
End = tuple[bytes, int]
Key = tuple[End, End, int, int]  # the smaller end, the other, protocol, vlan
Datagram = tuple[bytes, bytes, int, int]  # source, destination, protocol, identification


class MalformedHeaderError(Exception):
    """An IP header or extension header that is cut or contradicts itself."""


@dataclass(frozen=True)
class IpHeader:
    """What the IP header and the extension headers say."""

    source: bytes
    destination: bytes
    protocol: int
    later_fragment: bool
    header_length: int  # extension headers too
    bytes: int
    mismatch: bool
    ttl: int
    dscp: int
    datagram: Datagram | None  # of which it is a fragment


@dataclass(frozen=True)
class Packet:
    """One frame that belongs to a flow."""

    time: int
    key: Key
    sender: int  # 0 or 1: which end of the key
    opens: bool
    flags: int | None  # None: tshark stops before them, at a bogus data offset
    bytes: int
    payload: int
    ttl: int
    dscp: int
    datagram: Datagram | None
    later_fragment: bool


@dataclass
class Side:
    """What one end sent."""

    packets: int = 0
    bytes: int = 0
    payload_bytes: int = 0
    tcp_flags: int = 0
    flags_unknown: bool = False
    ttl_min: int = 255
    ttl_max: int = 0
    dscp: int = 0


@dataclass
class Entry:
    """One life of a flow."""

    key: Key
    first_seen: int
    last_seen: int
    initiators: list[int] = field(default_factory=list)  # every end that opened; empty = the first packet's sender
    first_sender: int = 0
    sides: tuple[Side, Side] = field(default_factory=lambda: (Side(), Side()))

    def ended_before(self, time: int) -> bool:
        """Whether a packet at `time` finds this life over."""
        quiet = time - self.last_seen
        reset = any(side.tcp_flags & RST for side in self.sides)
        closed = all(side.tcp_flags & FIN for side in self.sides)
        return quiet > IDLE or time - self.first_seen > ACTIVE or ((reset or closed) and quiet > TCP_QUIET)

    def add(self, packet: Packet) -> None:
        """Account one packet."""
        side = self.sides[packet.sender]
        side.packets += 1
        side.bytes += packet.bytes
        side.payload_bytes += packet.payload
        side.tcp_flags |= packet.flags or 0
        side.flags_unknown |= packet.flags is None
        side.ttl_min = min(side.ttl_min, packet.ttl)
        side.ttl_max = max(side.ttl_max, packet.ttl)
        side.dscp = packet.dscp
        self.last_seen = max(self.last_seen, packet.time)
        if packet.opens and packet.sender not in self.initiators:
            self.initiators.append(packet.sender)


@dataclass
class Expectation:
    """Everything that tshark says of one file."""

    received: int = 0
    frame_bytes: int = 0
    accounted: int = 0
    non_ip: int = 0
    malformed: int = 0
    length_mismatch: int = 0
    entries: list[Entry] = field(default_factory=list)


def number(row: Row, name: str) -> int | None:
    """Return the outermost occurrence of a field, None where tshark did not get that far."""
    values = row[name]
    return int(values[0], 0) if values else None


def needed(row: Row, name: str) -> int:
    """Return a field without which the header is not whole."""
    value = number(row, name)
    if value is None:
        raise MalformedHeaderError(name)
    return value


def link_length(row: Row) -> tuple[str, int]:
    """Name the outermost IP layer ("" = none) and tell how many bytes come before it."""
    length = 0
    for layer in row["frame.protocols"][0].split(":"):
        if layer in ("ip", "ipv6"):
            return layer, length
        length += LINK_HEADERS.get(layer, 0)
    return "", length


def inside(row: Row, layers: list[str], position: int) -> Row:
    """Return the row without the occurrences that belong to the layers before ``position``."""
    outer = Counter(layers[:position])
    cut: Row = {"frame.protocols": [":".join(layers[position:])]}
    for name, values in row.items():
        words = name.split(".")
        layer = ".".join(words[:2]) if ".".join(words[:2]) in IPV6_HEADERS else LAYER_OF.get(words[0], words[0])
        before = outer["ip"] + outer["ipv6"] if name == "ip.version" else outer[layer]  # an IPv6 header has it, too
        cut.setdefault(name, values if layer in ("frame", "vlan", "ieee8021ad") else values[before:])
    return cut


def ip_positions(layers: list[str]) -> list[int]:
    """Where the IP headers are that xtop may take for the packet's, outermost first."""
    positions: list[int] = []
    for position, layer in enumerate(layers):
        walked = layer in IPV6_HEADERS and positions and layers[positions[-1]] == "ipv6"
        stray = layer == "ppp" and layers[position - 1] != "pppoes"
        if not walked and (layer not in OPENED or stray):
            break
        if layer in ("ip", "ipv6"):
            positions.append(position)
    return positions


def outermost_vlan(row: Row) -> int:
    """VLAN id of the first tag; tshark names 802.1ad's apart."""
    for layer in row["frame.protocols"][0].split(":"):
        if layer in ("vlan", "ieee8021ad"):
            return number(row, f"{layer}.id") or 0
    return 0


def extension_length(protocol: int, units: int) -> int:
    """Bytes of an extension header (RFC 8200 4.3; AH counts in words of four, RFC 4302 2.2)."""
    if protocol == FRAGMENT:
        return 8
    return (units + 2) * 4 if protocol == AH else (units + 1) * 8


def walk_extensions(row: Row, carried: int) -> tuple[int, int, bool]:
    """Follow the next-header chain; returns the transport protocol, header bytes, and whether a later fragment."""
    seen: dict[str, int] = {}
    protocol, length = needed(row, "ipv6.nxt"), 40
    while protocol in EXTENSIONS:
        next_field, length_field = EXTENSIONS[protocol]
        at = seen.get(next_field, 0)
        seen[next_field] = at + 1
        if at >= len(row[next_field]) or (length_field and at >= len(row[length_field])):
            raise MalformedHeaderError(next_field)
        length += extension_length(protocol, int(row[length_field][at], 0) if length_field else 0)
        if length > carried:
            raise MalformedHeaderError(next_field)
        later = protocol == FRAGMENT and int(row["ipv6.fraghdr.offset"][at], 0) != 0
        protocol = int(row[next_field][at], 0)
        if later:
            return protocol, length, True
    return protocol, length, False


def datagram4(row: Row) -> Datagram | None:
    """Name the datagram of which this is a fragment (RFC 791)."""
    if not number(row, "ip.frag_offset") and row["ip.flags.mf"][:1] not in (["1"], ["True"]):
        return None
    ends = (ipaddress.IPv4Address(row[f"ip.{end}"][0]).packed for end in ("src", "dst"))
    return (*ends, needed(row, "ip.proto"), needed(row, "ip.id"))


def datagram6(row: Row) -> Datagram | None:
    """Name the datagram of which this is a fragment (RFC 8200 section 4.5); RFC 6946's atomic ones are whole."""
    if not number(row, "ipv6.fraghdr.offset") and row["ipv6.fraghdr.more"][:1] not in (["1"], ["True"]):
        return None
    ends = (ipaddress.IPv6Address(row[f"ipv6.{end}"][0]).packed for end in ("src", "dst"))
    return (*ends, needed(row, "ipv6.fraghdr.nxt"), needed(row, "ipv6.fraghdr.ident"))


def read_ipv6(row: Row, carried: int, wire: int) -> IpHeader:
    """Read the outermost IPv6 header."""
    if carried < 40 or needed(row, "ipv6.version") != 6:
        raise MalformedHeaderError("ipv6")
    protocol, header_length, later = walk_extensions(row, carried)
    claimed = needed(row, "ipv6.plen")
    total = 40 + claimed if claimed or wire == UNKNOWN else wire
    return IpHeader(
        ipaddress.IPv6Address(row["ipv6.src"][0]).packed,
        ipaddress.IPv6Address(row["ipv6.dst"][0]).packed,
        protocol,
        later,
        header_length,
        min(total, wire),
        total > wire,
        needed(row, "ipv6.hlim"),
        needed(row, "ipv6.tclass.dscp"),
        datagram6(row),
    )


def read_ipv4(row: Row, carried: int, wire: int) -> IpHeader:
    """Read the outermost IPv4 header; a claimed length of 0 is reported by tshark as what the frame has."""
    header_length, total = needed(row, "ip.hdr_len"), needed(row, "ip.len")
    if needed(row, "ip.version") != 4 or header_length < 20 or carried < header_length or 0 < total < header_length:
        raise MalformedHeaderError("ip")
    return IpHeader(
        ipaddress.IPv4Address(row["ip.src"][0]).packed,
        ipaddress.IPv4Address(row["ip.dst"][0]).packed,
        needed(row, "ip.proto"),
        needed(row, "ip.frag_offset") != 0,
        header_length,
        min(total or wire, wire),
        total > wire,
        needed(row, "ip.ttl"),
        needed(row, "ip.dsfield.dscp"),
        datagram4(row),
    )


def ports_of(row: Row, ip: IpHeader) -> tuple[int, int]:
    """Ports of the packet's source and destination, as keyed."""
    if ip.later_fragment:
        return 0, 0
    if ip.protocol in (ICMP, ICMPV6):
        layer, request, reply = ("icmp", 8, 0) if ip.protocol == ICMP else ("icmpv6", 128, 129)
        kind, code = number(row, f"{layer}.type"), number(row, f"{layer}.code")
        if kind is None or code is None:
            return 0, 0
        return (request * 256 + code, 0) if kind == reply else (0, kind * 256 + code)
    if ip.protocol in WITH_PORTS:
        layer = {TCP: "tcp", SCTP: "sctp"}.get(ip.protocol, "udp")
        source, destination = number(row, f"{layer}.srcport"), number(row, f"{layer}.dstport")
        if source is not None and destination is not None:
            return source, destination
    return 0, 0


def payload_of(row: Row, ip: IpHeader) -> int:
    """Bytes after the transport header, where there is one that we know."""
    after_ip = max(ip.bytes - ip.header_length, 0)
    if ip.later_fragment:
        return after_ip
    if ip.protocol == TCP:
        header = number(row, "tcp.hdr_len")
        return 0 if header is None or header < 20 else max(after_ip - header, 0)
    fixed = {UDP: 8, UDPLITE: 8, SCTP: 12, ICMP: 8, ICMPV6: 8}.get(ip.protocol, 0)
    return max(after_ip - fixed, 0)


def tcp_flags_of(row: Row) -> int | None:
    """Nine bits of flags; None where tshark gives up on a data offset below five words, before it reads them."""
    flags, header = number(row, "tcp.flags"), number(row, "tcp.hdr_len")
    if flags is None and header is not None:
        return None
    return (flags or 0) & 0x1FF


def read_packet(row: Row, vlan: int, below: int | None) -> tuple[Packet, bool]:
    """Make a packet of a tshark row; the second value tells of a length mismatch.

    ``below`` bytes lie before its IP header. In a tunnel tshark does not say; there headers are taken at their word.
    """
    carried = needed(row, "frame.cap_len") - below if below is not None else UNKNOWN
    wire = needed(row, "frame.len") - below if below is not None else UNKNOWN
    layer = row["frame.protocols"][0].split(":")[0]
    ip = read_ipv4(row, carried, wire) if layer == "ip" else read_ipv6(row, carried, wire)
    source_port, destination_port = ports_of(row, ip)
    ends = sorted([(ip.source, source_port), (ip.destination, destination_port)])
    flags = tcp_flags_of(row) if ip.protocol == TCP and not ip.later_fragment else 0
    kind = number(row, "icmp.type" if ip.protocol == ICMP else "icmpv6.type")
    request = {ICMP: 8, ICMPV6: 128}.get(ip.protocol) == kind and kind is not None and not ip.later_fragment
    packet = Packet(
        epoch_ns(row["frame.time_epoch"][0]),
        (ends[0], ends[1], ip.protocol, vlan),
        ends.index((ip.source, source_port)),
        request or (flags or 0) & (SYN | ACK) == SYN,
        flags,
        ip.bytes,
        payload_of(row, ip),
        ip.ttl,
        ip.dscp,
        ip.datagram,
        ip.later_fragment,
    )
    return packet, ip.mismatch


def epoch_ns(text: str) -> int:
    """Nanoseconds of tshark's decimal seconds, without a float between."""
    seconds, _, fraction = text.partition(".")
    return int(seconds) * SECOND + int(fraction.ljust(9, "0")[:9])


def read_rows(path: Path) -> Iterator[Row]:
    """Run tshark over the file; a file that is cut is read as far as it goes."""
    command = [shutil.which("tshark") or "tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t"]
    command += ["-E", "occurrence=a", "-E", "aggregator=;"]
    for preference in PREFERENCES:
        command += ["-o", preference]
    for rule in DECODE_AS:
        command += ["-d", rule]
    for name in FIELDS:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not done.stdout:
        raise RuntimeError(f"tshark could not read {path}: {done.stderr.strip()}")
    for line in done.stdout.splitlines():
        values = line.split("\t")
        yield {name: value.split(";") if value else [] for name, value in zip(FIELDS, values, strict=True)}


def joined(packets: list[Packet]) -> Iterator[Packet]:
    """Give later fragments the key of their datagram's first: the newest before them, else the next after them."""
    firsts: dict[Datagram, list[Packet]] = {}
    for packet in packets:
        if packet.datagram is not None and not packet.later_fragment:
            firsts.setdefault(packet.datagram, []).append(packet)
    for packet in packets:
        if packet.datagram is None or not packet.later_fragment:
            yield packet
            continue
        ages = [(packet.time - first.time, first) for first in firsts.get(packet.datagram, [])]
        before = [first for age, first in ages if 0 <= age <= FIRST_IS_KEPT]
        after = [first for age, first in ages if -FIRST_IS_AWAITED <= age < 0]
        chosen = before[-1:] or after[:1]
        yield replace(packet, key=chosen[0].key, sender=chosen[0].sender) if chosen else packet


def account(expected: Expectation, live: dict[Key, Entry], packet: Packet) -> None:
    """Put one packet into the flow it belongs to."""
    entry = live.get(packet.key)
    if entry is None or entry.ended_before(packet.time):
        entry = Entry(packet.key, packet.time, packet.time, first_sender=packet.sender)
        live[packet.key] = entry
        expected.entries.append(entry)
    entry.add(packet)
    expected.accounted += 1


def innermost_packet(row: Row) -> tuple[Packet, bool]:
    """Return what the innermost IP header says that is whole, with whole headers around it."""
    layers = row["frame.protocols"][0].split(":")
    first, *others = ip_positions(layers)
    packet = read_packet(inside(row, layers, first), outermost_vlan(row), link_length(row)[1])
    with contextlib.suppress(MalformedHeaderError):
        for position in others:
            packet = read_packet(inside(row, layers, position), outermost_vlan(row), None)
    return packet


def expect(path: Path) -> Expectation:
    """Aggregate a whole file."""
    return expect_rows(read_rows(path))


def expect_rows(rows: Iterable[Row]) -> Expectation:
    """Aggregate frames in the order of their file."""
    expected, live = Expectation(), dict[Key, Entry]()
    packets: list[Packet] = []
    for row in rows:
        expected.received += 1
        expected.frame_bytes += needed(row, "frame.len")
        if not ip_positions(row["frame.protocols"][0].split(":")):
            expected.non_ip += 1
            continue
        try:
            packet, mismatch = innermost_packet(row)
        except MalformedHeaderError:
            expected.malformed += 1
            continue
        expected.length_mismatch += mismatch
        packets.append(packet)
    for packet in joined(packets):
        account(expected, live, packet)
    return expected


def side_as_json(side: Side) -> dict[str, Any] | None:
    """What one end sent; None for nothing, `tcp_flags` None where tshark did not read them all."""
    if not side.packets:
        return None
    fields = vars(side).copy()
    if fields.pop("flags_unknown"):
        fields["tcp_flags"] = None
    return fields


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """One life of a flow; `forward` is None where both ends opened it and the contract does not choose."""
    forward = {0: entry.first_sender, 1: entry.initiators[0] if entry.initiators else 0}.get(len(entry.initiators))
    return {
        "first_seen": entry.first_seen,
        "last_seen": entry.last_seen,
        "forward": forward,
        "sent": [side_as_json(side) for side in entry.sides],
    }


def flows_as_json(expected: Expectation) -> list[dict[str, Any]]:
    """All lives of each flow together, in the order of the flows' first packets."""
    lives: dict[Key, list[dict[str, Any]]] = {}
    for entry in expected.entries:
        lives.setdefault(entry.key, []).append(entry_as_json(entry))
    return [
        {
            "ends": [[str(ipaddress.ip_address(address)), port] for address, port in key[:2]],
            "protocol": key[2],
            "vlan": key[3],
            "entries": entries,
        }
        for key, entries in lives.items()
    ]


def as_text(expected: Expectation) -> str:
    """Return the expectation as JSON, one flow a line so that a difference can be read."""
    lines = [f' "{name}": {value}' for name, value in vars(expected).items() if name != "entries"]
    flows = ",\n".join(f"  {json.dumps(flow)}" for flow in flows_as_json(expected))
    return "{\n" + ",\n".join([*lines, ' "flows": [\n' + flows + "\n ]"]) + "\n}\n"


def main() -> None:
    """Print or write expectations."""
    parser = argparse.ArgumentParser(description="The flows of a capture as tshark sees them.")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write DIR/FILE.json for each file")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    options = parser.parse_args()
    for path in options.files:
        text = as_text(expect(path))
        if options.write is None:
            print(text, end="")
        else:
            (options.write / f"{path.name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
