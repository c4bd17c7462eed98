# SPDX-License-Identifier: BSD-2-Clause
"""Random stacks of encapsulations, built byte by byte, and the one flow that each must become.

A stack is made from the inside out: a packet with a source port of its own, carriers around it, a link around all. What
it must be counted as is what went in, so nothing here reads a header.
"""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

TCP, UDP, SCTP = 6, 17, 132
ETHERTYPE = {4: 0x0800, 6: 0x86DD}
HOP_BY_HOP, ROUTING, FRAGMENT, AH, DESTINATION, MOBILITY, HIP = 0, 43, 44, 51, 60, 135, 139
IP_IN_IP = {(4, 4): "ipip", (4, 6): "6in4", (6, 4): "4in6", (6, 6): "6in6"}  # by outer and inner version
TSHARK_WALKS = (HOP_BY_HOP, ROUTING, AH, DESTINATION)  # extension headers; behind others it reads nothing
EVERY_EXTENSION = (*TSHARK_WALKS, MOBILITY, HIP)
FIRST_PORT = 10_000
FRAGMENTED_EACH = 4  # every so many stacks one is a datagram in fragments

Tunnel = tuple[str, int | None]


class Dice(random.Random):
    """Chance, and the IPv6 extension headers that it chooses from."""

    def __init__(self, seed: float, extensions: Sequence[int]) -> None:
        super().__init__(seed)
        self.extensions = extensions


@dataclass(frozen=True)
class Truth:
    """What a stack must be counted as: the flow of its source port."""

    protocol: int
    packets: int
    bytes: int
    payload_bytes: int
    vlan: int
    tunnel: Tunnel | None


@dataclass(frozen=True)
class Layer:
    """A packet on its way outwards."""

    version: int
    data: bytes
    vlan: int = 0  # of the outermost tag so far
    tunnel: Tunnel | None = None  # the innermost


@dataclass(frozen=True)
class Stack:
    """Frames of one flow, and how they are built."""

    port: int
    name: str
    frames: list[bytes]
    truth: Truth


# ---- Packets


def ipv6_extensions(rnd: Dice, protocol: int) -> tuple[int, bytes]:
    """A chain of up to three headers, the first one's number before it."""
    kinds = rnd.sample(rnd.extensions, rnd.randint(0, 3))
    kinds.sort(key=lambda kind: kind != HOP_BY_HOP)
    chain = b""
    for kind in reversed(kinds):
        words = 4 if kind == AH else 2 if kind == ROUTING else 4 if kind == HIP else rnd.choice([0, 1])
        size = (words + 2) * 4 if kind == AH else (words + 1) * 8
        padding = {HOP_BY_HOP: b"\1", DESTINATION: b"\1"}.get(kind, b"\0")
        filled = padding + bytes([size - 4]) if padding == b"\1" else b"\2\0" if kind == ROUTING else b"\0\0"
        chain = bytes([protocol, words]) + filled + bytes(size - 4) + chain
        protocol = kind
    return protocol, chain


def ip(rnd: Dice, version: int, protocol: int, payload: bytes) -> bytes:
    """An IP packet with options or extension headers, or none."""
    if version == 4:
        options = rnd.choice([b"", b"", b"\x94\x04\0\0", b"\x07\x0b\x04" + bytes(9)])
        ends = (socket.inet_aton(f"10.{side}.0.{rnd.randint(1, 8)}") for side in (0, 1))
        length, words = 20 + len(options) + len(payload), 5 + len(options) // 4
        identification = rnd.randrange(1, 65536)
        return struct.pack("!BBHHHBBH4s4s", 64 + words, 0, length, identification, 0, 64, protocol, 0, *ends) + (
            options + payload
        )
    first, chain = ipv6_extensions(rnd, protocol)
    return ipv6(rnd, first, chain + payload)


def ipv6(rnd: Dice, following: int, payload: bytes) -> bytes:
    ends = (socket.inet_pton(socket.AF_INET6, f"fd0{side}::{rnd.randint(1, 8)}") for side in (0, 1))
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), following, 64, *ends) + payload


def transport(rnd: Dice, port: int) -> tuple[int, bytes, int]:
    """Protocol, segment, and how much of that is payload."""
    payload = bytes(rnd.randint(0, 30))
    protocol = rnd.choice([TCP, UDP, SCTP])
    if protocol == UDP:
        return protocol, struct.pack("!HHHH", port, 9, 8 + len(payload), 0) + payload, len(payload)
    if protocol == SCTP:
        chunk = b"\x0b\0\0\4"
        return protocol, struct.pack("!HHII", port, 9, 1, 0) + chunk, len(chunk)
    options = rnd.choice([b"", b"\2\4\5\xb4", b"\1\1\x08\x0a" + bytes(8)])
    offset_flags = (5 + len(options) // 4) << 12 | rnd.choice([0x02, 0x10, 0x11])
    header = struct.pack("!HHIIHHHH", port, 9, 1, 1, offset_flags, 1024, 0, 0)
    return protocol, header + options + payload, len(payload)


# ---- What carries packets

Carried = tuple[int, bytes, Tunnel]  # IP protocol, its payload, what it is
Wrap = Callable[[Dice, Layer], tuple[Carried, int]]  # and the VLAN id of a frame within


def ethernet(rnd: Dice, kind: int, payload: bytes, tags: int) -> tuple[bytes, int]:
    """A frame with so many VLAN tags, and the id of the first (0 = none). tshark knows these addresses' vendors."""
    ids = [rnd.randint(1, 4000) for _ in range(tags)]
    kinds = [rnd.choice([0x8100, 0x88A8]), *[0x8100] * tags]
    tagged = b"".join(struct.pack("!HH", kind, vlan) for kind, vlan in zip(kinds, ids, strict=False))
    macs = bytes.fromhex("005056000001") + bytes.fromhex("00005e000101")
    return macs + tagged + struct.pack("!H", kind) + payload, ids[0] if ids else 0


def framed(rnd: Dice, layer: Layer, most_tags: int = 2) -> tuple[bytes, int]:
    return ethernet(rnd, ETHERTYPE[layer.version], layer.data, rnd.randint(0, most_tags))


def in_udp(port: int, payload: bytes, tunnel: Tunnel, source: int = 50000) -> Carried:
    return UDP, struct.pack("!HHHH", source, port, 8 + len(payload), 0) + payload, tunnel


def mpls(label: int, above: int = 0) -> bytes:
    """A stack of labels; ``label`` is at its bottom."""
    upper = [struct.pack("!I", (100 + n) << 12 | 64) for n in range(above)]
    return b"".join([*upper, struct.pack("!I", label << 12 | 0x100 | 64)])


def nsh(rnd: Dice, layer: Layer, path: int) -> tuple[bytes, int]:
    """RFC 8300: with four fixed words of context or with none, and a packet or a frame behind it."""
    words, kind = rnd.choice([(6, 1), (2, 2)])
    inner, vlan, following = layer.data, 0, {4: 1, 6: 2}[layer.version]
    if rnd.random() < 0.3:
        (inner, vlan), following = framed(rnd, layer), 3
    header = struct.pack("!HBBI", 63 << 6 | words, kind, following, path << 8 | 255)
    return header + bytes(words * 4 - 8) + inner, vlan


def gre(flags: int, kind: int, words: bytes, payload: bytes, tunnel: Tunnel) -> Carried:
    return 47, struct.pack("!HH", flags, kind) + words + payload, tunnel


def gtpu(flags: int, extensions: bytes, packet: bytes) -> Carried:
    header = struct.pack("!BBHI", 0x30 | flags, 255, len(extensions) + len(packet), 5)
    return in_udp(2152, header + extensions + packet, ("gtpu", 5), 2152)


def _frame_in(make: Callable[[bytes], Carried], tags: int = 2) -> Wrap:
    """A carrier of Ethernet frames."""

    def wrap(rnd: Dice, layer: Layer) -> tuple[Carried, int]:
        frame, vlan = framed(rnd, layer, tags)
        return make(frame), vlan

    return wrap


def _packet_in(make: Callable[[Layer], Carried]) -> Wrap:
    return lambda rnd, layer: (make(layer), 0)


def _nsh_in(make: Callable[[bytes], Carried]) -> Wrap:
    def wrap(rnd: Dice, layer: Layer) -> tuple[Carried, int]:
        payload, vlan = nsh(rnd, layer, 33)
        return make(payload), vlan

    return wrap


GENEVE_OPTION = b"\x01\x02\x80\x01abcd"
PDU_SESSION = b"\x01\x10\x09"  # without the next extension's number

CARRIERS: dict[str, Wrap] = {
    "ip": _packet_in(lambda layer: ({4: 4, 6: 41}[layer.version], layer.data, ("", None))),
    "gre": _packet_in(lambda layer: gre(0, ETHERTYPE[layer.version], b"", layer.data, ("gre", None))),
    "gre key": _packet_in(
        lambda layer: gre(0xB000, ETHERTYPE[layer.version], struct.pack("!HHII", 0, 0, 77, 5), layer.data, ("gre", 77))
    ),
    "gre frame": _frame_in(lambda frame: gre(0, 0x6558, b"", frame, ("gre", None))),
    "nvgre": _frame_in(lambda frame: gre(0x2000, 0x6558, struct.pack("!I", 5000 << 8 | 1), frame, ("nvgre", 5000))),
    "erspan 1": _frame_in(lambda frame: gre(0, 0x88BE, b"", frame, ("erspan", 0))),
    "erspan 2": _frame_in(
        lambda frame: gre(0x1000, 0x88BE, struct.pack("!IHHI", 1, 0x1000, 100, 3), frame, ("erspan", 100))
    ),
    "erspan 3": _frame_in(
        lambda frame: gre(0x1000, 0x22EB, struct.pack("!IHHIHH", 1, 0x2000, 101, 1, 0, 0), frame, ("erspan", 101))
    ),
    "erspan 3 platform": _frame_in(
        lambda frame: gre(
            0x1000, 0x22EB, struct.pack("!IHHIHHII", 1, 0x2000, 102, 1, 0, 1, 5 << 26 | 5, 9), frame, ("erspan", 102)
        )
    ),
    "mpls in ip": _packet_in(lambda layer: (137, mpls(33) + layer.data, ("mpls", 33))),
    "mpls in udp": _packet_in(lambda layer: in_udp(6635, mpls(44, 1) + layer.data, ("mpls", 44))),
    "vxlan": _frame_in(lambda frame: in_udp(4789, struct.pack("!II", 8 << 24, 5001 << 8) + frame, ("vxlan", 5001))),
    "vxlan-gpe": _packet_in(
        lambda layer: in_udp(
            4790, struct.pack("!II", 12 << 24 | {4: 1, 6: 2}[layer.version], 9 << 8) + layer.data, ("vxlan_gpe", 9)
        )
    ),
    "vxlan-gpe frame": _frame_in(
        lambda frame: in_udp(4790, struct.pack("!II", 12 << 24 | 3, 9 << 8) + frame, ("vxlan_gpe", 9))
    ),
    "nsh in vxlan-gpe": _nsh_in(
        lambda payload: in_udp(4790, struct.pack("!II", 12 << 24 | 4, 9 << 8) + payload, ("nsh", 33))
    ),
    "nsh in gre": _nsh_in(lambda payload: gre(0, 0x894F, b"", payload, ("nsh", 33))),
    "geneve": _packet_in(
        lambda layer: in_udp(
            6081, struct.pack("!BBHI", 0, 0, ETHERTYPE[layer.version], 7000 << 8) + layer.data, ("geneve", 7000)
        )
    ),
    "geneve options": _frame_in(
        lambda frame: in_udp(
            6081, struct.pack("!BBHI", 4, 0, 0x6558, 7001 << 8) + GENEVE_OPTION * 2 + frame, ("geneve", 7001)
        )
    ),
    "gtp-u": _packet_in(lambda layer: gtpu(0, b"", layer.data)),
    "gtp-u extension": _packet_in(
        lambda layer: gtpu(4, struct.pack("!HBB", 0, 0, 0x85) + PDU_SESSION + b"\0", layer.data)
    ),
    "gtp-u three extensions": _packet_in(
        lambda layer: gtpu(6, b"\0\1\0\xc0" + b"\1\0\1\x85" + PDU_SESSION + b"\x40" + b"\1\x08\x68\0", layer.data)
    ),
}


def carried(rnd: Dice, kind: str, layer: Layer) -> Layer:
    """Put a packet into an IP packet by the carrier of that name."""
    (protocol, payload, tunnel), vlan = CARRIERS[kind](rnd, layer)
    outer = rnd.choice([4, 4, 6])
    if kind == "ip":
        tunnel = IP_IN_IP[outer, layer.version], None
    return Layer(outer, ip(rnd, outer, protocol, payload), vlan or layer.vlan, layer.tunnel or tunnel)


LINKS = ("plain", "vlan", "mpls", "mpls in vlan", "pppoe", "pppoe in vlan", "nsh")


def linked(rnd: Dice, kind: str, layer: Layer) -> Layer:
    """Put a packet into a frame."""
    tags = rnd.randint(1, 4) if kind == "vlan" else 2 if kind.endswith("vlan") else 0
    following, payload, tunnel, inner_vlan = ETHERTYPE[layer.version], layer.data, None, 0
    if kind.startswith("mpls"):
        following, payload, tunnel = 0x8847, mpls(99, rnd.randint(0, 3)) + layer.data, ("mpls", 99)
    elif kind.startswith("pppoe"):
        point = struct.pack("!BBHHH", 0x11, 0, 77, len(layer.data) + 2, {4: 0x21, 6: 0x57}[layer.version])
        following, payload, tunnel = 0x8864, point + layer.data, ("pppoe", 77)
    elif kind == "nsh":
        payload, inner_vlan = nsh(rnd, layer, 44)
        following, tunnel = 0x894F, ("nsh", 44)
    frame, vlan = ethernet(rnd, following, payload, tags)
    return replace(layer, data=frame, vlan=vlan or inner_vlan or layer.vlan, tunnel=layer.tunnel or tunnel)


# ---- Stacks


def whole_packet(rnd: Dice, port: int, version: int) -> tuple[list[bytes], int, int]:
    """One packet, its protocol and payload."""
    protocol, segment, payload = transport(rnd, port)
    return [ip(rnd, version, protocol, segment)], protocol, payload


def fragments(rnd: Dice, port: int, version: int) -> tuple[list[bytes], int, int]:
    """A UDP datagram in two to six pieces, in any order."""
    data = bytes(rnd.randint(100, 400))
    datagram = struct.pack("!HHHH", port, 9, 8 + len(data), 0) + data
    cuts = [0, *sorted(rnd.sample(range(8, len(datagram) - 1, 8), rnd.randint(1, 5))), len(datagram)]
    ends = (4, b"\x0a\0\0\1", b"\x0a\1\0\1")
    pieces = []
    for begin, end in zip(cuts, cuts[1:], strict=False):
        more = end < len(datagram)
        if version == 4:
            where = (0x2000 if more else 0) | begin // 8
            length = 20 + end - begin
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, port, where, 64, UDP, 0, *ends[1:])
            pieces.append(header + datagram[begin:end])
        else:
            part = struct.pack("!BBHI", UDP, 0, begin | more, port) + datagram[begin:end]
            pieces.append(ipv6(Dice(port, ()), FRAGMENT, part))
    rnd.shuffle(pieces)
    return pieces, UDP, len(data)


def stack(rnd: Dice, port: int) -> Stack:
    """A flow of its own, in random clothes; fragments of one datagram all wear the same."""
    fragmented = (port - FIRST_PORT) % FRAGMENTED_EACH == 0
    version = rnd.choice([4, 6])
    packets, protocol, payload = (fragments if fragmented else whole_packet)(rnd, port, version)
    kinds = [rnd.choice(list(CARRIERS)) for _ in range(rnd.randint(0, 2 if fragmented else 3))]
    link, tailor = rnd.choice(LINKS), rnd.random()
    frames = []
    for packet in packets:
        same = Dice(tailor, rnd.extensions)
        layer = Layer(version, packet)
        for kind in kinds:
            layer = carried(same, kind, layer)
        layer = linked(same, link, layer)
        frames.append(layer.data)
    size = sum(map(len, packets))
    truth = Truth(protocol, len(packets), size, payload, layer.vlan, layer.tunnel)
    name = " in ".join([f"IPv{version} protocol {protocol}, {len(packets)} packets", *kinds, link])
    return Stack(port, name, frames, truth)


def stacks(seed: int, count: int, extensions: Sequence[int] = EVERY_EXTENSION) -> Iterator[Stack]:
    """The same for the same seed."""
    rnd = Dice(seed, extensions)
    return (stack(rnd, FIRST_PORT + number) for number in range(count))


def differences(snapshot: dict[str, Any], wanted: list[Stack]) -> list[str]:
    """A line for each stack that is not the one flow that it must be, and for each flow that is none."""
    flows: dict[int, list[Truth]] = {}
    for flow in snapshot["flows"]:
        tunnel = (flow["tunnel"]["kind"], flow["tunnel"]["id"]) if flow["tunnel"] else None
        counts = (flow[name] for name in ("protocol", "packets", "bytes", "payload_bytes", "vlan"))
        flows.setdefault(flow["source_port"], []).append(Truth(*counts, tunnel))
    lines = [
        f"{one.name}: is {flows.get(one.port)}, must be {one.truth}"
        for one in wanted
        if flows.get(one.port) != [one.truth]
    ]
    return lines + [f"a flow of port {port}" for port in flows.keys() - {one.port for one in wanted}]
