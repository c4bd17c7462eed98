# SPDX-License-Identifier: BSD-2-Clause
"""One frame for each encapsulation that a mirror port carries, made by scapy or, where it knows none, by hand."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS
from scapy.contrib.nsh import NSH
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

INNER_A, INNER_B = "192.0.2.1", "192.0.2.2"
INNER_A6, INNER_B6 = "2001:db8::1", "2001:db8::2"
MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}


@dataclass(frozen=True)
class TunnelFrame:
    """A frame, and the tunnel that xtop must name."""

    name: str
    frame: bytes
    kind: str | None
    id: int | None = None
    vlan: int = 0


def ether() -> Packet:
    return Ether(**MACS)


def known_ether() -> Packet:
    """MAC addresses of vendors that tshark knows: it takes no other bytes for a pseudowire's Ethernet."""
    return Ether(src="00:00:5e:00:01:01", dst="00:50:56:00:00:01")


def inner4() -> Packet:
    return IP(src=INNER_A, dst=INNER_B, ttl=61) / TCP(sport=40000, dport=443, flags="PA") / Raw(b"payload")


def inner6() -> Packet:
    return IPv6(src=INNER_A6, dst=INNER_B6, hlim=61) / UDP(sport=40000, dport=443) / Raw(b"payload")


def outer4(**more: object) -> Packet:
    return IP(src="10.0.0.1", dst="10.0.0.2", **more)


def outer6(**more: object) -> Packet:
    return IPv6(src="fd00::1", dst="fd00::2", **more)


def udp(port: int, source: int = 50000) -> Packet:
    return UDP(sport=source, dport=port)


def control_word() -> Packet:
    return Raw(b"\0\0\0\7")


def plain_vxlan(vni: int) -> Packet:
    return Raw(struct.pack("!II", 0x08000000, vni << 8))


def vxlan_gpe(next_protocol: int, vni: int) -> Packet:
    return Raw(struct.pack("!BxxBI", 0x0C, next_protocol, vni << 8))


def nsh(following: int) -> Packet:
    """With four words of context; ``following`` is 1 for IPv4, 2 for IPv6, 3 for Ethernet, 5 for MPLS."""
    return NSH(mdtype=1, nextproto=following, spi=33, si=255)


def case(name: str, packet: Packet, kind: str | None, number: int | None = None, vlan: int = 0) -> TunnelFrame:
    return TunnelFrame(name, bytes(packet), kind, number, vlan)


LINK = [
    case("two VLAN tags", ether() / Dot1AD(vlan=7) / Dot1Q(vlan=8) / inner4(), None, vlan=7),
    case("five VLAN tags", ether() / Dot1AD(vlan=7) / Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q() / inner4(), None, vlan=7),
    case("MPLS", ether() / MPLS(label=1001, s=1) / inner4(), "mpls", 1001),
    case(
        "MPLS, three labels",
        ether() / MPLS(label=1, s=0) / MPLS(label=17, s=0) / MPLS(label=18, s=1) / inner6(),
        "mpls",
        18,
    ),
    case("MPLS, explicit null", ether() / MPLS(label=2, s=1) / inner6(), "mpls", 2),
    case("MPLS in a VLAN", ether() / Dot1Q(vlan=9) / MPLS(label=1001, s=1) / inner4(), "mpls", 1001, 9),
    case("pseudowire", ether() / MPLS(label=20, s=1) / control_word() / known_ether() / inner4(), "mpls", 20),
    case("pseudowire without control word", ether() / MPLS(label=20, s=1) / known_ether() / inner4(), "mpls", 20),
    case("PPPoE", ether() / PPPoE(sessionid=77) / PPP(proto=0x21) / inner4(), "pppoe", 77),
    case("PPPoE, IPv6", ether() / PPPoE(sessionid=77) / PPP(proto=0x57) / inner6(), "pppoe", 77),
    case(
        "PPPoE under two VLAN tags",
        ether() / Dot1AD(vlan=5) / Dot1Q(vlan=6) / PPPoE(sessionid=78) / PPP(proto=0x21) / inner4(),
        *("pppoe", 78, 5),
    ),
    case("NSH", Ether(type=0x894F, **MACS) / nsh(1) / inner4(), "nsh", 33),
    case("NSH, Ethernet", Ether(type=0x894F, **MACS) / nsh(3) / ether() / Dot1Q(vlan=4) / inner6(), "nsh", 33, 4),
    case(
        "NSH in NSH, MPLS",
        ether() / Dot1Q(vlan=9, type=0x894F) / nsh(4) / nsh(5) / MPLS(label=3, s=1) / inner4(),
        *("mpls", 3, 9),
    ),
]

IP_IN_IP = [
    case("IPIP", ether() / outer4() / inner4(), "ipip"),
    case("6in4", ether() / outer4(proto=41) / inner6(), "6in4"),
    case("4in6", ether() / outer6(nh=4) / inner4(), "4in6"),
    case("6in6 behind options", ether() / outer6() / IPv6ExtHdrDestOpt() / inner6(), "6in6"),
    case("MPLS in IP", ether() / outer4(proto=137) / Raw(bytes(MPLS(label=33, s=1) / inner4())), "mpls", 33),
]

GRES = [
    case("GRE", ether() / outer4() / GRE() / inner4(), "gre"),
    case("GRE over IPv6", ether() / outer6(nh=47) / GRE(proto=0x86DD) / inner6(), "gre"),
    case(
        "GRE, key, checksum, sequence",
        ether() / outer4() / GRE(key_present=1, key=123456, chksum_present=1, seqnum_present=1) / inner4(),
        "gre",
        123456,
    ),
    case("GRE, Ethernet", ether() / outer4() / GRE(proto=0x6558) / ether() / inner4(), "gre"),
    case("GRE, MPLS", ether() / outer4() / GRE(proto=0x8847) / MPLS(label=55, s=1) / inner4(), "mpls", 55),
    case(
        "gretap with a small key",
        ether() / outer4() / GRE(proto=0x6558, key_present=1, key=42) / ether() / inner4(),
        *("gre", 42),
    ),
    case(
        "NVGRE",
        ether() / outer4() / GRE(proto=0x6558, key_present=1, key=5000 << 8 | 1) / ether() / inner4(),
        *("nvgre", 5000),
    ),
    case(
        "ERSPAN II",
        ether()
        / outer4()
        / GRE(proto=0x88BE, seqnum_present=1)
        / ERSPAN_II(session_id=100, vlan=3)
        / ether()
        / inner4(),
        *("erspan", 100),
    ),
    case(
        "ERSPAN III",
        ether() / outer4() / GRE(proto=0x22EB, seqnum_present=1) / ERSPAN_III(session_id=101) / ether() / inner6(),
        *("erspan", 101),
    ),
    case(
        "ERSPAN III, platform header",
        ether()
        / outer4()
        / GRE(proto=0x22EB, seqnum_present=1)
        / ERSPAN_III(session_id=102, o=1)
        / ERSPAN_PlatformSpecific()
        / ether()
        / inner4(),
        *("erspan", 102),
    ),
]

GENEVE_OPTION = GeneveOptions(classid=0x0102, type=0x80, length=1, data=b"\1\2\3\4")

IN_UDP = [
    case("VXLAN", ether() / outer4() / udp(4789) / VXLAN(vni=5001) / ether() / inner4(), "vxlan", 5001),
    case(
        "VXLAN, VLANs on both sides",
        ether() / Dot1Q(vlan=3) / outer4() / udp(4789) / VXLAN(vni=5001) / ether() / Dot1Q(vlan=4) / inner4(),
        *("vxlan", 5001, 3),
    ),
    case("VXLAN over IPv6", ether() / outer6() / udp(4789) / VXLAN(vni=5001) / ether() / inner6(), "vxlan", 5001),
    case("VXLAN, Linux' old port", ether() / outer4() / udp(8472) / plain_vxlan(6) / ether() / inner4(), "vxlan", 6),
    case("VXLAN-GPE, IPv4", ether() / outer4() / udp(4790) / vxlan_gpe(1, 9) / inner4(), "vxlan_gpe", 9),
    case("VXLAN-GPE, IPv6", ether() / outer4() / udp(4790) / vxlan_gpe(2, 9) / inner6(), "vxlan_gpe", 9),
    case("VXLAN-GPE, Ethernet", ether() / outer4() / udp(4790) / vxlan_gpe(3, 9) / ether() / inner6(), "vxlan_gpe", 9),
    case("VXLAN-GPE, NSH", ether() / outer4() / udp(4790) / vxlan_gpe(4, 9) / nsh(2) / inner6(), "nsh", 33),
    case("MPLS in UDP", ether() / outer6() / udp(6635) / MPLS(label=43) / MPLS(label=44, s=1) / inner4(), "mpls", 44),
    case("Geneve", ether() / outer4() / udp(6081) / GENEVE(vni=7000) / ether() / inner4(), "geneve", 7000),
    case(
        "Geneve with options",
        ether() / outer4() / udp(6081) / GENEVE(vni=7001, options=[GENEVE_OPTION, GENEVE_OPTION]) / ether() / inner6(),
        *("geneve", 7001),
    ),
    case("Geneve, IPv4", ether() / outer4() / udp(6081) / GENEVE(vni=7002, proto=0x800) / inner4(), "geneve", 7002),
    case("GTP-U", ether() / outer4() / udp(2152, 2152) / GTP_U_Header(teid=0xCAFE0001) / inner4(), "gtpu", 0xCAFE0001),
    case("GTP-U, sequence", ether() / outer4() / udp(2152) / GTP_U_Header(teid=5, S=1, seq=9) / inner6(), "gtpu", 5),
    case(
        "GTP-U, extension header",
        ether()
        / outer4()
        / udp(2152)
        / GTP_U_Header(teid=6, E=1, next_ex=0x85)
        / GTPPDUSessionContainer(type=1, QFI=5)
        / inner4(),
        *("gtpu", 6),
    ),
]

_TEREDO = IPv6(src="2001:0:c000:0201::1", dst=INNER_B6) / UDP(sport=40000, dport=443) / Raw(b"payload")
_ORIGIN = Raw(b"\0\0" + struct.pack("!H4s", 40000 ^ 0xFFFF, bytes(255 - part for part in (192, 0, 2, 1))))

TEREDOS = [
    case("Teredo", ether() / outer4() / UDP(sport=50000, dport=3544) / _TEREDO, "teredo"),
    case("Teredo, origin", ether() / outer4() / UDP(sport=3544, dport=50000) / _ORIGIN / _TEREDO, "teredo"),
    case(
        "Teredo, authentication and origin",
        ether() / outer4() / UDP(sport=3544, dport=50000) / Raw(b"\0\1\0\0" + b"nonce678" + b"\0") / _ORIGIN / _TEREDO,
        "teredo",
    ),
]

NESTED = [
    case(
        "VXLAN in GRE in MPLS in PPPoE",
        ether()
        / PPPoE(sessionid=1)
        / PPP(proto=0x281)
        / MPLS(label=16, s=1)
        / outer4()
        / GRE()
        / outer4()
        / udp(4789)
        / VXLAN(vni=2)
        / ether()
        / inner4(),
        *("vxlan", 2),
    ),
    case(
        "GTP-U in VXLAN",
        ether()
        / outer4()
        / udp(4789)
        / VXLAN(vni=2)
        / ether()
        / outer6()
        / udp(2152)
        / GTP_U_Header(teid=9)
        / inner4(),
        *("gtpu", 9),
    ),
]

# What looks like a tunnel and is the flow of its own header.
CLOSED = [
    case(
        "VXLAN carrying ARP", ether() / outer4() / udp(4789) / VXLAN(vni=1) / Ether(type=0x806) / Raw(bytes(28)), None
    ),
    case("GTP-U echo", ether() / outer4() / udp(2152) / GTP_U_Header(teid=0, gtp_type=1, S=1), None),
    case("PPTP", ether() / outer4(proto=47) / Raw(b"\x30\x01\x88\x0b\0\x10\0\1\0\0\0\0") / Raw(bytes(16)), None),
    case("DNS to Teredo's port", ether() / outer4() / UDP(sport=53, dport=3544) / Raw(b"`" + bytes(60)), None),
    case("something else on port 8472", ether() / outer4() / udp(8472) / Raw(b"\x08" + bytes(7) + bytes(40)), None),
    case("something else on port 6635", ether() / outer4() / udp(6635) / Raw(bytes(40)), None),
    case("LLDP", Ether(type=0x88CC, **MACS) / Raw(bytes(40)), None),
]

OPENED = [*LINK, *IP_IN_IP, *GRES, *IN_UDP, *TEREDOS, *NESTED]
EVERY = [*OPENED, *CLOSED]


def nested(depth: int) -> bytes:
    """IPv4 in IPv4 ...: ``depth`` encapsulations; the header at depth i is from 10.0.0.i."""
    packet = ether()
    for level in range(depth):
        packet = packet / IP(src=f"10.0.0.{level}", dst="10.0.1.0", proto=4)
    return bytes(packet / IP(src=f"10.0.0.{depth}", dst="10.0.1.0") / UDP(sport=1, dport=2) / Raw(b"deep"))
