# SPDX-License-Identifier: BSD-2-Clause
"""A capture with a flow of every kind that IPFIX elements tell apart. Scapy writes the packets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

from tests.scenarios.capture_file import Frame, write_pcap

START_NS = 1_700_000_000_000_000_000
STEP_NS = 7_654_321  # no two packets in the same ms, none at its beginning


def _packets() -> Iterator[Packet]:
    a, b, c = IP(src="192.0.2.1", dst="198.51.100.2"), IP(src="198.51.100.2", dst="192.0.2.1"), IP(src="203.0.113.9")
    v6, v6_back = IPv6(src="2001:db8::1", dst="2001:db8::2"), IPv6(src="2001:db8::2", dst="2001:db8::1")
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("WScale", 7)]
    # A whole TCP connection; the sender of the SYN has the greater address and port.
    yield b / TCP(sport=40000, dport=80, flags="S", seq=1, options=options)
    yield a / TCP(sport=80, dport=40000, flags="SA", seq=1, ack=2)
    yield b / TCP(sport=40000, dport=80, flags="PA", seq=2, ack=2) / Raw(b"x" * 300)
    yield a / TCP(sport=80, dport=40000, flags="PA", seq=2, ack=302) / Raw(b"y" * 1200)
    yield b / TCP(sport=40000, dport=80, flags="R", seq=302)
    # One that nobody answered; one with the ninth flag.
    yield a / TCP(sport=1234, dport=23, flags="S")
    yield a / TCP(sport=1235, dport=443, flags="SEC")
    yield a / TCP(sport=1236, dport=443, flags="SECN")
    # VLAN, TOS, don't fragment, an IP option.
    yield Dot1Q(vlan=12) / IP(src="192.0.2.1", dst="198.51.100.2", tos=184, flags="DF", ttl=7) / UDP(sport=5, dport=53)
    yield Dot1Q(vlan=12) / IP(src="198.51.100.2", dst="192.0.2.1", tos=40, ttl=60) / UDP(sport=53, dport=5) / Raw(b"1")
    yield c / UDP(sport=9, dport=9)
    yield IP(src="203.0.113.9", dst="203.0.113.10", options=[IPOption_Router_Alert()], proto=2) / Raw(b"\x16\0\0\0" * 2)
    # A datagram in two pieces.
    yield IP(src="192.0.2.7", dst="198.51.100.7", id=77, flags="MF") / UDP(sport=7, dport=7, len=1008) / Raw(b"z" * 504)
    yield IP(src="192.0.2.7", dst="198.51.100.7", id=77, frag=64, proto=17) / Raw(b"z" * 496)
    # ICMP: an echo and its reply, a reply alone, an error.
    yield a / ICMP(type=8, id=1, seq=1) / Raw(b"p" * 56)
    yield b / ICMP(type=0, id=1, seq=1) / Raw(b"p" * 56)
    yield IP(src="203.0.113.1", dst="203.0.113.2") / ICMP(type=0, id=2, seq=1)
    yield IP(src="203.0.113.3", dst="192.0.2.1") / ICMP(type=3, code=3) / a / UDP(sport=1, dport=2)
    # IPv6: TCP both ways, ICMPv6, extension headers, SCTP, no ports at all.
    yield v6 / TCP(sport=50000, dport=443, flags="S")
    yield v6_back / TCP(sport=443, dport=50000, flags="RA")
    yield v6 / ICMPv6EchoRequest(id=3) / Raw(b"q" * 8)
    yield v6_back / ICMPv6EchoReply(id=3) / Raw(b"q" * 8)
    yield IPv6(src="fe80::1", dst="ff02::1:ff00:2") / ICMPv6ND_NS(tgt="fe80::2")
    yield (
        v6
        / IPv6ExtHdrHopByHop()
        / IPv6ExtHdrFragment(offset=0, m=1, id=9)
        / UDP(sport=6, dport=6, len=80)
        / Raw(b"1" * 72)
    )
    yield v6 / SCTP(sport=2905, dport=2906, tag=1) / Raw(b"\0" * 16)
    yield v6_back / SCTP(sport=2906, dport=2905, tag=1) / Raw(b"\0" * 32)
    yield IPv6(src="2001:db8::5", dst="2001:db8::6", nh=50) / Raw(b"\0" * 40)


def write_every_kind(path: Path) -> Path:
    """Write the capture."""
    frames = [bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet) for packet in _packets()]
    return write_pcap(path, [Frame(data, START_NS + at * STEP_NS) for at, data in enumerate(frames)])
