# SPDX-License-Identifier: BSD-2-Clause
"""Frames that no capture here holds, through ``xtop snapshot -r``: each a handful of bytes, its result by arithmetic.

An expectation is written as a reader of the contract would: source and destination are the forward direction's, and a
triple is packets, bytes, payload bytes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from scapy.layers.inet import (
    ICMP,
    IP,
    TCP,
    UDP,
    IPOption_NOP,
    IPOption_Router_Alert,
    IPOption_RR,
    IPOption_Timestamp,
)
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import AH, ESP
from scapy.layers.l2 import ARP, GRE, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.packet import Packet, Raw

from tests.scenarios.capture_file import (
    BSD_NULL,
    IEEE802_11,
    LINUX_SLL,
    LINUX_SLL2,
    RAW_IP,
    SECOND,
    START,
    Frame,
    every,
    write_pcap,
)
from tests.scenarios.conftest import ReadCapture, RunXtop
from tests.scenarios.flow_reading import nanoseconds

A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "fd00::1", "fd00::2"
MILLISECOND = 1_000_000
BROADCAST = "ff:ff:ff:ff:ff:ff"
NOTHING = (0, 0, 0)

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Wanted:
    """One entry of the snapshot's flows; `forward_fields` and `reverse_fields` name further fields of a direction."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    protocol: int
    forward: Triple
    reverse: Triple = NOTHING
    vlan: int = 0
    end_reason: str | None | type[object] = object  # object = not looked at
    forward_fields: dict[str, Any] = field(default_factory=dict)
    reverse_fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Frames and what must become of them."""

    name: str
    frames: list[Frame]
    flows: list[Wanted]
    non_ip: int = 0
    malformed: int = 0
    length_mismatch: int = 0
    link: int = 1


def ethernet(payload: Packet, *tags: tuple[int, int]) -> bytes:
    """Put tags (ethertype, VLAN id), outermost first, and an Ethernet header before an IP packet."""
    kind = 0x86DD if isinstance(payload, IPv6) else 0x0800
    kinds = [ethertype for ethertype, _ in tags] + [kind]
    frame = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01", type=kinds[0])
    for (_, vlan), following in zip(tags, kinds[1:], strict=True):
        frame = frame / Dot1Q(vlan=vlan, prio=5, type=following)
    return bytes(frame / payload)


def udp(size: int = 10, source: str = A, destination: str = B, sport: int = 1000, dport: int = 53, **ip: Any) -> Packet:
    return IP(src=source, dst=destination, **ip) / UDP(sport=sport, dport=dport) / Raw(b"x" * size)


def tcp(flags: str, size: int = 0, back: bool = False, sport: int = 1000, **more: Any) -> bytes:
    """A TCP segment from A:sport to B:80, or back; without options, 40 bytes and its payload."""
    source, destination = (B, A) if back else (A, B)
    ports: dict[str, Any] = {"sport": 80, "dport": sport} if back else {"sport": sport, "dport": 80}
    return ethernet(IP(src=source, dst=destination) / TCP(flags=flags, **ports, **more) / Raw(b"x" * size))


def changed(frame: bytes, at: int, content: bytes) -> bytes:
    """Overwrite bytes of a frame."""
    return frame[:at] + content + frame[at + len(content) :]


def one(data: bytes, wire: int | None = None) -> list[Frame]:
    return [Frame(data, START, wire)]


def plain_udp(payload: int, **more: Any) -> Wanted:
    """The flow of one `udp(payload)`."""
    return Wanted(A, 1000, B, 53, 17, (1, 28 + payload, payload), **more)


# ---- headers -------------------------------------------------------------------------------------

# (option, the bit of its kind, bytes): RFC 9293 3.1, 7323, 2018, 2385, 5482, 8684, 7413.
TCP_OPTIONS = [
    (("MSS", 1460), 2, 4),
    (("WScale", 7), 3, 3),
    (("SAckOK", b""), 4, 2),
    (("SAck", (1, 2)), 5, 10),
    (("Timestamp", (1, 0)), 8, 10),
    (("NOP", None), 1, 1),
    ((19, b"m" * 16), 19, 18),
    (("UTO", 5), 28, 4),
    ((29, b"ab"), 29, 4),
    ((30, b"ab"), 30, 4),
    (("TFO", (1, 2)), 34, 10),
]


def tcp_option_case(option: tuple[Any, Any], kind: int, size: int) -> Case:
    """A segment with one option, its header filled up to a word with NOPs."""
    filler = -size % 4
    options = [("NOP", None)] * filler + [option]
    bits = 1 << kind | (2 if filler else 0)
    header = 20 + filler + size
    data = ethernet(IP(src=A, dst=B) / TCP(sport=1000, dport=80, flags="PA", options=options) / Raw(b"12345"))
    fields = {"tcp_options": bits, "tcp_flags": "AP"}
    return Case(
        f"TCP option of kind {kind}",
        one(data),
        [Wanted(A, 1000, B, 80, 6, (1, 20 + header + 5, 5), forward_fields=fields)],
    )


HANDSHAKE_OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)]

TCP_CASES = [tcp_option_case(*row) for row in TCP_OPTIONS] + [
    Case(
        "options of both sides are kept apart",
        every(MILLISECOND, [tcp("S", options=HANDSHAKE_OPTIONS), tcp("SA", back=True, options=[("MSS", 1400)])]),
        [
            Wanted(
                *(A, 1000, B, 80, 6, (1, 60, 0), (1, 44, 0)),
                forward_fields={"tcp_options": 1 << 2 | 1 << 4 | 1 << 8 | 1 << 1 | 1 << 3, "tcp_flags": "S"},
                reverse_fields={"tcp_options": 1 << 2, "tcp_flags": "AS"},
            )
        ],
    ),
    Case(
        "a data offset below five words: no payload, and the packet counts",
        one(changed(tcp("PA", 10), 14 + 20 + 12, b"\x30")),
        [Wanted(A, 1000, B, 80, 6, (1, 50, 0))],
    ),
    Case(
        "a data offset past the end: no payload",
        one(changed(tcp("PA", 10), 14 + 20 + 12, b"\xf0")),
        [Wanted(A, 1000, B, 80, 6, (1, 50, 0))],
    ),
]


def ip_option_case(name: str, options: list[Any], size: int, bits: int) -> Case:
    return Case(
        f"IPv4 option: {name}",
        one(ethernet(udp(options=options))),
        [Wanted(A, 1000, B, 53, 17, (1, 38 + size, 10), forward_fields={"ipv4_options": bits})],
    )


IPV4_CASES = [
    ip_option_case("router alert, number 20", [IPOption_Router_Alert()], 4, 1 << 20),
    ip_option_case("four NOPs", [IPOption_NOP()] * 4, 4, 1 << 1),
    ip_option_case("record route, 7", [IPOption_NOP(), IPOption_RR(routers=["0.0.0.0"])], 8, 1 << 7 | 1 << 1),
    ip_option_case("timestamp, 4", [IPOption_Timestamp(flg=0, timestamp=1)], 8, 1 << 4),
    Case(
        "TTL range and the last DSCP",
        every(MILLISECOND, [ethernet(udp(ttl=ttl, tos=tos)) for ttl, tos in ((64, 0), (255, 0xB8), (1, 0x28))]),
        [
            Wanted(
                *(A, 1000, B, 53, 17, (3, 114, 30)),
                forward_fields={"ttl_min": 1, "ttl_max": 255, "dscp": 10, "packet_size": [3, 0, 0, 0, 0, 0, 0, 0]},
                reverse_fields={"ttl_min": 0, "ttl_max": 0},
            )
        ],
    ),
    Case("total length 0 (TSO): the frame's own", one(changed(ethernet(udp(2000)), 16, b"\0\0")), [plain_udp(2000)]),
    Case(
        "total length 0 under two VLAN tags",
        one(changed(ethernet(udp(2000), (0x88A8, 9), (0x8100, 8)), 24, b"\0\0")),
        [plain_udp(2000, vlan=9)],
    ),
    Case("jumbo frame", one(ethernet(udp(8972))), [plain_udp(8972, forward_fields={"packet_size": [0] * 6 + [1, 0]})]),
    Case("snapped at 60 bytes", one(ethernet(udp(1400))[:60], 1442), [plain_udp(1400)]),
    Case("snapped after the ports", one(ethernet(udp(1400))[:38], 1442), [plain_udp(1400)]),
    Case(
        "snapped before the ports: a flow all the same",
        one(ethernet(udp(1400))[:36], 1442),
        [Wanted(A, 0, B, 0, 17, (1, 1428, 1400))],
    ),
    Case(
        "the header claims more than the wire carried",
        one(changed(ethernet(udp(100)), 16, b"\x05\xdc")),
        [plain_udp(100)],
        length_mismatch=1,
    ),
    Case("padding to 60 bytes is not counted", one(ethernet(udp(1)).ljust(60, b"\0")), [plain_udp(1)]),
    Case("an Ethernet trailer of 200 bytes is not counted", one(ethernet(udp(1)) + bytes(200)), [plain_udp(1)]),
]

MALFORMED = {
    "version 5": changed(ethernet(udp()), 14, b"\x55"),
    "header length of 16": changed(ethernet(udp()), 14, b"\x44"),
    "header length past the frame": changed(ethernet(udp(0)), 14, b"\x4f"),
    "total length of 19": changed(ethernet(udp()), 16, b"\0\x13"),
    "header cut": ethernet(udp())[:33],
    "no header at all": ethernet(udp())[:14],
    "IPv6 header cut": ethernet(IPv6(src=A6, dst=B6) / UDP())[:53],
    "IPv6 type, IPv4 within": changed(ethernet(udp(40)), 12, b"\x86\xdd"),
    "hop-by-hop header cut": ethernet(IPv6(src=A6, dst=B6) / IPv6ExtHdrHopByHop() / UDP())[:58],
    "fragment header cut": ethernet(IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment() / UDP())[:58],
    "routing header of 2048 bytes in a small frame": changed(
        ethernet(IPv6(src=A6, dst=B6) / IPv6ExtHdrRouting(addresses=[A6]) / UDP()), 55, b"\xff"
    ),
}

NON_IP = {
    "ARP": bytes(Ether(dst=BROADCAST) / ARP()),
    "LLDP": bytes(Ether(dst=BROADCAST, type=0x88CC) / Raw(bytes(46))),
    "802.3 with LLC": bytes.fromhex("0180c2000000020000000001002642420300") + bytes(40),
    "ARP in a VLAN": bytes(Ether(dst=BROADCAST) / Dot1Q(vlan=5) / ARP()),
    "half an Ethernet header": bytes(7),
    "an empty frame": b"",
}

UNCOUNTED_CASES = [Case(f"malformed: {name}", one(data), [], malformed=1) for name, data in MALFORMED.items()] + [
    Case(f"not IP: {name}", one(data), [], non_ip=1) for name, data in NON_IP.items()
]

# ---- IPv6 ----------------------------------------------------------------------------------------

HOP, ROUTE, FRAG, DEST, AUTH, ENCRYPTED = 1, 2, 4, 8, 16, 32  # XTOP_EXT_ bits, bpf/flow_key.h
UDP6 = UDP(sport=1000, dport=53) / Raw(b"x" * 10)  # 18 bytes
DESTINATION = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])  # 8 bytes


def chain(*layers: Packet) -> Packet:
    """Put headers one behind the other; scapy then sets each next-header field."""
    packet = layers[0]
    for layer in layers[1:]:
        packet = packet / layer
    return packet


def ipv6_case(name: str, headers: list[Packet], size: int, bits: int) -> Case:
    """UDP behind extension headers of `size` bytes."""
    return Case(
        f"IPv6: {name}",
        one(ethernet(chain(IPv6(src=A6, dst=B6), *headers, UDP6))),
        [Wanted(A6, 1000, B6, 53, 17, (1, 40 + size + 18, 10), forward_fields={"ipv6_extensions": bits})],
    )


IPV6_CASES = [
    ipv6_case("no extension", [], 0, 0),
    ipv6_case("hop-by-hop", [IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))])], 8, HOP),
    ipv6_case(
        "hop-by-hop of 264 bytes",
        [IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(255)), PadN(optdata=bytes(3))])],
        264,
        HOP,
    ),
    ipv6_case("routing, three addresses", [IPv6ExtHdrRouting(addresses=[A6, B6, A6])], 56, ROUTE),
    ipv6_case("destination options", [DESTINATION], 8, DEST),
    ipv6_case("first fragment", [IPv6ExtHdrFragment(m=1, id=7)], 8, FRAG),
    ipv6_case("atomic fragment (RFC 6946)", [IPv6ExtHdrFragment(m=0, id=7)], 8, FRAG),
    ipv6_case("authentication", [AH(nh=17, spi=1, seq=1, icv=bytes(12), payloadlen=4)], 24, AUTH),
    ipv6_case(
        "hop-by-hop, destination, routing, fragment, authentication, destination",
        [
            IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))]),
            DESTINATION,
            IPv6ExtHdrRouting(addresses=[B6]),
            IPv6ExtHdrFragment(m=1, id=7),
            AH(nh=60, spi=1, seq=1, icv=bytes(12), payloadlen=4),
            DESTINATION,
        ],
        8 + 8 + 24 + 8 + 24 + 8,
        HOP | DEST | ROUTE | FRAG | AUTH,
    ),
    Case(
        "IPv6: ESP behind destination options",
        one(ethernet(IPv6(src=A6, dst=B6) / DESTINATION / ESP(spi=1, seq=1, data=b"x" * 16))),
        [Wanted(A6, 0, B6, 0, 50, (1, 72, 24), forward_fields={"ipv6_extensions": DEST | ENCRYPTED})],
    ),
    Case(
        "IPv6: payload length 0",
        one(changed(ethernet(IPv6(src=A6, dst=B6) / UDP6), 18, b"\0\0")),
        [Wanted(A6, 1000, B6, 53, 17, (1, 58, 10))],
    ),
    Case(
        "IPv6: a fragmented datagram",
        every(
            MILLISECOND,
            [
                ethernet(chain(IPv6(src=A6, dst=B6), IPv6ExtHdrFragment(m=1, id=7, nh=17), UDP6)),
                ethernet(chain(IPv6(src=A6, dst=B6), IPv6ExtHdrFragment(offset=3, id=7, nh=17), Raw(b"x" * 32))),
            ],
        ),
        [Wanted(A6, 1000, B6, 53, 17, (2, 146, 42))],
    ),
]

# ---- link layers ---------------------------------------------------------------------------------


def tagged_case(*tags: tuple[int, int]) -> Case:
    name = ", ".join(f"{kind:#x} {vlan}" for kind, vlan in tags)
    return Case(f"tags: {name}", one(ethernet(udp(), *tags)), [plain_udp(10, vlan=tags[0][1])])


RAW_UDP = bytes(udp())
RAW_UDP6 = bytes(IPv6(src=A6, dst=B6) / UDP6)
SLL = bytes.fromhex("0000000100060200000000010000")
UDP6_FLOW = Wanted(A6, 1000, B6, 53, 17, (1, 58, 10))

LINK_CASES = [
    tagged_case((0x8100, 1)),
    tagged_case((0x88A8, 4094), (0x8100, 1)),
    tagged_case((0x9100, 7), (0x8100, 1)),
    tagged_case((0x9100, 7), (0x9100, 8), (0x88A8, 9), (0x8100, 10), (0x8100, 11), (0x8100, 12), (0x8100, 13)),
    Case(
        "one five-tuple in two VLANs and in none is three flows",
        every(MILLISECOND, [ethernet(udp()), ethernet(udp(), (0x8100, 5)), ethernet(udp(), (0x8100, 6), (0x8100, 5))]),
        [plain_udp(10), plain_udp(10, vlan=5), plain_udp(10, vlan=6)],
    ),
    Case("raw IPv4", one(RAW_UDP), [plain_udp(10)], link=RAW_IP),
    Case("raw IPv6", one(RAW_UDP6), [UDP6_FLOW], link=RAW_IP),
    Case("Linux cooked", one(SLL + b"\x08\x00" + RAW_UDP), [plain_udp(10)], link=LINUX_SLL),
    Case("Linux cooked, ARP", one(SLL + b"\x08\x06" + bytes(28)), [], non_ip=1, link=LINUX_SLL),
    Case(
        "Linux cooked 2",
        one(bytes.fromhex("86dd00000000000100010006") + bytes(8) + RAW_UDP6),
        [UDP6_FLOW],
        link=LINUX_SLL2,
    ),
    Case("BSD loopback", one(b"\x02\0\0\0" + RAW_UDP), [plain_udp(10)], link=BSD_NULL),
    Case("BSD loopback, big endian", one(b"\0\0\0\x02" + RAW_UDP), [plain_udp(10)], link=BSD_NULL),
    Case("BSD loopback, IPv6 of macOS", one(b"\x1e\0\0\0" + RAW_UDP6), [UDP6_FLOW], link=BSD_NULL),
]

# ---- other transports ----------------------------------------------------------------------------


def echo(back: bool = False, size: int = 56) -> bytes:
    source, destination = (B, A) if back else (A, B)
    return ethernet(IP(src=source, dst=destination) / ICMP(type=0 if back else 8, id=1) / Raw(b"x" * size))


PING6 = [
    ethernet(IPv6(src=B6, dst=A6) / ICMPv6EchoRequest(id=1, data=b"x" * 8)),
    ethernet(IPv6(src=A6, dst=B6) / ICMPv6EchoReply(id=1, data=b"x" * 8)),
]
UNREACHABLE = IP(src=B, dst=A) / ICMP(type=3, code=3) / IP(src=A, dst=B) / UDP(sport=1000, dport=53)
UDPLITE = bytes.fromhex("03e8003500080000") + b"x" * 12
SCTP_DATA = SCTP(sport=2905, dport=2906) / SCTPChunkData(data=b"x" * 4)  # 12 + 16 + 4

TRANSPORT_CASES = [
    Case(
        "echo and its replies are one flow",
        every(MILLISECOND, [echo(), echo(back=True), echo(), echo(back=True)]),
        [Wanted(A, 0, B, 2048, 1, (2, 168, 112), (2, 168, 112))],
    ),
    Case(
        "a reply that came first is still the reverse",
        every(MILLISECOND, [echo(back=True), echo()]),
        [Wanted(A, 0, B, 2048, 1, (1, 84, 56), (1, 84, 56))],
    ),
    Case("ICMPv6 echo", every(MILLISECOND, PING6), [Wanted(B6, 0, A6, 32768, 58, (1, 56, 8), (1, 56, 8))]),
    Case("port unreachable", one(ethernet(UNREACHABLE)), [Wanted(B, 0, A, 771, 1, (1, 56, 28))]),
    Case(
        "errors of both sides are two flows: neither answers the other",
        every(
            MILLISECOND,
            [
                ethernet(IP(src=A, dst=B) / ICMP(type=11, code=0) / Raw(bytes(28))),
                ethernet(IP(src=B, dst=A) / ICMP(type=11, code=0) / Raw(bytes(28))),
            ],
        ),
        [Wanted(A, 0, B, 2816, 1, (1, 56, 28)), Wanted(B, 0, A, 2816, 1, (1, 56, 28))],
    ),
    Case(
        "ICMPv6 unreachable",
        one(ethernet(IPv6(src=A6, dst=B6) / ICMPv6DestUnreach(code=4) / IPv6(src=B6, dst=A6) / UDP6)),
        [Wanted(A6, 0, B6, 260, 58, (1, 40 + 8 + 58, 58))],
    ),
    Case(
        "UDP-Lite, both ways",
        every(
            MILLISECOND,
            [
                ethernet(IP(src=A, dst=B, proto=136) / Raw(UDPLITE)),
                ethernet(IP(src=B, dst=A, proto=136) / Raw(UDPLITE[2:4] + UDPLITE[:2] + UDPLITE[4:])),
            ],
        ),
        [Wanted(A, 1000, B, 53, 136, (1, 40, 12), (1, 40, 12))],
    ),
    Case("SCTP", one(ethernet(IP(src=A, dst=B) / SCTP_DATA)), [Wanted(A, 2905, B, 2906, 132, (1, 52, 20))]),
    Case(
        "IGMP",
        one(ethernet(IP(src=A, dst="224.0.0.22", proto=2, ttl=1) / Raw(bytes(16)))),
        [Wanted(A, 0, "224.0.0.22", 0, 2, (1, 36, 16))],
    ),
    Case(
        "GRE cut within its inner header is a flow of the outer one",
        one(ethernet(IP(src=A, dst=B) / GRE() / udp(10, "192.0.2.1", "192.0.2.2"))[:56], 14 + 20 + 4 + 38),
        [Wanted(A, 0, B, 0, 47, (1, 20 + 4 + 38, 42))],
    ),
    Case(
        "a fragmented datagram",
        every(
            MILLISECOND,
            [
                ethernet(IP(src=A, dst=B, id=7, flags="MF") / UDP(sport=1000, dport=53, len=64) / Raw(b"x" * 16)),
                ethernet(IP(src=A, dst=B, id=7, flags="MF", frag=3, proto=17) / Raw(b"x" * 24)),
                ethernet(IP(src=A, dst=B, id=7, frag=6, proto=17) / Raw(b"x" * 16)),
            ],
        ),
        [
            Wanted(A, 1000, B, 53, 17, (3, 124, 56), forward_fields={"ip_flags": 2 | 8}),
        ],
    ),
]

# ---- direction and end ---------------------------------------------------------------------------


def at(*moments: tuple[float, bytes]) -> list[Frame]:
    """Frames at seconds after the start."""
    return [Frame(data, START + int(seconds * 1000) * MILLISECOND) for seconds, data in moments]


CLOSED = [(0.0, tcp("FA")), (0.1, tcp("FA", back=True)), (0.2, tcp("A"))]

LIFE_CASES = [
    Case(
        "forward is the first packet's sender",
        every(MILLISECOND, [tcp("A", 5, back=True), tcp("A", 7)]),
        [Wanted(B, 80, A, 1000, 6, (1, 45, 5), (1, 47, 7))],
    ),
    Case(
        "a SYN seen second makes its sender forward",
        every(MILLISECOND, [tcp("SA", back=True), tcp("S"), tcp("A", 7)]),
        [Wanted(A, 1000, B, 80, 6, (2, 87, 7), (1, 40, 0), forward_fields={"tcp_flags": "AS"})],
    ),
    Case(
        "one address, two ports",
        every(MILLISECOND, [ethernet(udp(10, A, A, 1000, 53)), ethernet(udp(20, A, A, 53, 1000))]),
        [Wanted(A, 1000, A, 53, 17, (1, 38, 10), (1, 48, 20))],
    ),
    Case(
        "the land attack: both ends are one",
        every(MILLISECOND, [ethernet(udp(10, A, A, 53, 53))] * 3),
        [Wanted(A, 53, A, 53, 17, (3, 114, 30))],
    ),
    Case(
        "30 s of silence are not too many",
        at((0, ethernet(udp())), (30, ethernet(udp()))),
        [Wanted(A, 1000, B, 53, 17, (2, 76, 20))],
    ),
    Case(
        "after more than 30 s the same five-tuple is another flow",
        at((0, ethernet(udp())), (30.001, ethernet(udp(10, B, A, 53, 1000)))),
        [plain_udp(10, end_reason="idle"), Wanted(B, 53, A, 1000, 17, (1, 38, 10))],
    ),
    Case(
        "a flow that never rests is cut after 300 s",
        at(*((second, ethernet(udp())) for second in range(0, 610, 10))),
        [Wanted(A, 1000, B, 53, 17, (n, 38 * n, 10 * n), end_reason=why) for n, why in ((31, "active"), (30, object))],
    ),
    Case(
        "FIN both ways and more than 2 s: the port used again is another flow",
        at(*CLOSED, (2.3, tcp("S"))),
        [Wanted(A, 1000, B, 80, 6, (2, 80, 0), (1, 40, 0), end_reason="tcp"), Wanted(A, 1000, B, 80, 6, (1, 40, 0))],
    ),
    Case(
        "FIN both ways: what comes within 2 s belongs to it",
        at(*CLOSED, (2.2, tcp("A", back=True))),
        [Wanted(A, 1000, B, 80, 6, (2, 80, 0), (2, 80, 0))],
    ),
    Case(
        "FIN of one side ends nothing",
        at((0, tcp("FA")), (20, tcp("A", 9, back=True))),
        [Wanted(A, 1000, B, 80, 6, (1, 40, 0), (1, 49, 9))],
    ),
    Case(
        "RST and more than 2 s",
        at((0, tcp("A")), (0.5, tcp("R", back=True)), (2.6, tcp("A"))),
        [Wanted(A, 1000, B, 80, 6, (1, 40, 0), (1, 40, 0), end_reason="tcp"), Wanted(A, 1000, B, 80, 6, (1, 40, 0))],
    ),
    Case(
        "closed, then a minute of nothing: it ended by TCP, 58 s before anybody looked",
        at(*CLOSED, (60, tcp("S"))),
        [Wanted(A, 1000, B, 80, 6, (2, 80, 0), (1, 40, 0), end_reason="tcp"), Wanted(A, 1000, B, 80, 6, (1, 40, 0))],
    ),
    Case(
        "time that runs backwards loses nothing",
        at((100, ethernet(udp())), (0, ethernet(udp())), (100.5, ethernet(udp()))),
        [Wanted(A, 1000, B, 53, 17, (3, 114, 30))],
    ),
]

CASES = [*TCP_CASES, *IPV4_CASES, *UNCOUNTED_CASES, *IPV6_CASES, *LINK_CASES, *TRANSPORT_CASES, *LIFE_CASES]


def triple(direction: dict[str, Any]) -> Triple:
    return direction["packets"], direction["bytes"], direction["payload_bytes"]


def as_seen(flow: dict[str, Any], wanted: Wanted) -> Wanted:
    """Put an entry of the snapshot into the expectation's form, with the fields that it looks at."""
    return Wanted(
        flow["source"],
        flow["source_port"],
        flow["destination"],
        flow["destination_port"],
        flow["protocol"],
        triple(flow["forward"]),
        triple(flow["reverse"]),
        flow["vlan"],
        object if wanted.end_reason is object else flow["end_reason"],
        {name: flow["forward"][name] for name in wanted.forward_fields},
        {name: flow["reverse"][name] for name in wanted.reverse_fields},
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_frames(case: Case, read_capture: ReadCapture, tmp_path: Path) -> None:
    snapshot = read_capture(write_pcap(tmp_path / "case.pcap", case.frames, case.link), "--sort", "first_seen")
    seen = sorted(snapshot["flows"], key=lambda flow: str(flow["first_seen"]))
    assert len(seen) == len(case.flows), seen
    assert [as_seen(flow, wanted) for flow, wanted in zip(seen, case.flows, strict=True)] == case.flows
    assert snapshot["accounting"]["non_ip"] == case.non_ip
    assert snapshot["accounting"]["malformed"] == case.malformed
    assert snapshot["totals"]["length_mismatch"] == case.length_mismatch
    wire = [len(frame.data) if frame.wire is None else frame.wire for frame in case.frames]
    assert snapshot["totals"]["bytes"] == sum(wire)
    assert snapshot["accounting"]["received"] == len(wire)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("exact", [True, False], ids=["ns", "us"])
def test_times_of_every_kind_of_file(order: str, exact: bool, read_capture: ReadCapture, tmp_path: Path) -> None:
    frames = [Frame(ethernet(udp()), START + 123_456_789), Frame(ethernet(udp()), START + SECOND + 987_654_321)]
    path = write_pcap(tmp_path / "times.pcap", frames, order=order, nanoseconds=exact)
    flow = read_capture(path)["flows"][0]
    unit = 1 if exact else 1000
    assert nanoseconds(flow["first_seen"]) == (START + 123_456_789) // unit * unit
    assert nanoseconds(flow["last_seen"]) == (START + SECOND + 987_654_321) // unit * unit


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("second", [2**31 - 1, 2**31, 2**32 - 1])
def test_a_file_from_times_beyond_2038(second: int, order: str, read_capture: ReadCapture, tmp_path: Path) -> None:
    """Its seconds have 32 bits and no sign (draft-ietf-opsawg-pcap, 5); libpcap gives them one."""
    frames = [Frame(ethernet(udp()), START), Frame(ethernet(udp(dport=54)), second * SECOND + 5)]
    path = write_pcap(tmp_path / "late.pcap", frames, order=order)
    times = [nanoseconds(flow["first_seen"]) for flow in read_capture(path)["flows"]]
    assert sorted(times) == [frame.time for frame in frames]


def test_a_file_from_the_epochs_first_second(read_capture: ReadCapture, tmp_path: Path) -> None:
    """Tools that make frames often leave the time at 0: it is a time, not the absence of one.

    The segment keeps 0 for "never", so the epoch's first nanosecond is told as its second.
    """
    path = write_pcap(tmp_path / "epoch.pcap", [Frame(ethernet(udp()), 0), Frame(ethernet(udp(5, B, A, 53, 1000)), 0)])
    snapshot = read_capture(path)
    assert snapshot["accounting"]["accounted"] == 2
    assert [nanoseconds(flow["first_seen"]) for flow in snapshot["flows"]] == [1]
    assert snapshot["flows"][0]["source"] == A


def test_an_unknown_link_type_is_said_in_one_line(run_xtop: RunXtop, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "wlan.pcap", one(bytes(60)), IEEE802_11)
    done = run_xtop("snapshot", "-r", path, "--format", "json", "-o", "-")
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(b"xtop: error: ")


def test_a_file_without_packets(read_capture: ReadCapture, tmp_path: Path) -> None:
    snapshot = read_capture(write_pcap(tmp_path / "none.pcap", []))
    assert snapshot["flows"] == []
    assert set(snapshot["accounting"].values()) == {0}


def test_many_flows_sum_up(read_capture: ReadCapture, tmp_path: Path) -> None:
    """Five hundred conversations in random order: every byte at its sender's."""
    random = Random(2024)
    frames, sent = [], Counter[tuple[int, bool]]()
    for number in range(20_000):
        flow, back, size = random.randrange(500), random.random() < 0.4, random.randrange(0, 1200)
        header = udp_header(flow, back, size)
        frames.append(Frame(header, START + number * MILLISECOND, len(header) + size))
        sent[flow, back] += 28 + size
    snapshot = read_capture(write_pcap(tmp_path / "many.pcap", frames))
    seen = Counter[tuple[int, bool]]()
    for flow in snapshot["flows"]:
        back = flow["source_port"] == 53
        number = (flow["destination_port"] if back else flow["source_port"]) - 10_000
        seen[number, back] += flow["forward"]["bytes"]
        seen[number, not back] += flow["reverse"]["bytes"]
    assert seen == sent
    assert snapshot["totals"]["flows_created"] == 500
    assert snapshot["accounting"]["accounted"] == 20_000


def udp_header(flow: int, back: bool, size: int) -> bytes:
    """Headers of a UDP frame, snapped before its payload (scapy would take a minute for so many)."""
    ends = [bytes([10, 0, flow >> 8, flow & 255]), bytes([11, 0, 0, 1])]
    ports = [(10_000 + flow).to_bytes(2, "big"), (53).to_bytes(2, "big")]
    step = -1 if back else 1
    ip = b"\x45\0" + (28 + size).to_bytes(2, "big") + bytes.fromhex("0001000040110000") + b"".join(ends[::step])
    return bytes(12) + b"\x08\0" + ip + b"".join(ports[::step]) + (8 + size).to_bytes(2, "big") + b"\0\0"
