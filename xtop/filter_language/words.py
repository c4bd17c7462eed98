# SPDX-License-Identifier: BSD-2-Clause
"""The one table of words: the grammar's keywords, the help page, the README and the suggestions come from it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

TCP_FLAGS = MappingProxyType(
    {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128, "ae": 256}
)
TCP_FLAG_LETTERS = "FSRPAUECN"  # bit 0 to bit 8, as the exporters write them

PROTOCOLS = MappingProxyType(
    {
        "tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58, "icmpv6": 58, "sctp": 132, "igmp": 2, "gre": 47, "esp": 50,
        "ah": 51, "ipip": 4, "sit": 41, "ospf": 89, "pim": 103, "vrrp": 112, "eigrp": 88, "igrp": 9, "l2tp": 115,
        "dccp": 33, "rsvp": 46, "udplite": 136, "hopopt": 0, "egp": 8, "etherip": 97, "ipcomp": 108, "carp": 112,
    }
)  # fmt: skip
IP_VERSIONS = MappingProxyType({"ip": 4, "ipv4": 4, "inet": 4, "ip6": 6, "ipv6": 6, "inet6": 6})


@dataclass(frozen=True, slots=True)
class Measure:
    """A value of a flow that is compared with a number."""

    field: str  # FILTER_ of capture/filter_program.h; of what a flow may lack see meaning.PARTLY_KNOWN
    unit: str = "count"  # a key of xtop.filter_language.values.UNITS
    ends: str = "none"  # "none", "either": also of one direction alone, "each": of directions only


@dataclass(frozen=True, slots=True)
class Word:
    """One entry: the names that mean it, the grammar's kind, and its line on the help page."""

    names: tuple[str, ...]
    kind: str
    example: str
    about: str
    measure: Measure | None = None


WORDS: tuple[Word, ...] = (
    Word(("host", "net"), "PLACE", "host 10.0.0.0/8", "an end's address or prefix, IPv4 or IPv6 (net 10.1, too)"),
    Word(("port", "portrange"), "PORT", "port 1024-65535", "an end's port: number, range, list 80,443, service name"),
    Word(("src",), "SRC", "src port 53", "of the source, who began the flow: host, net, port, packets, flags …"),
    Word(("dst",), "DST", "dst host 10.0.0.1", "of the destination; also src or dst, src and dst"),
    Word(("proto",), "PROTO", "proto tcp", "protocol, name or number; also tcp, udp … alone, or before port"),
    Word((*IP_VERSIONS,), "PROTOCOL", "ip6", "IPv6, or with ip IPv4 alone"),
    Word(("vlan",), "VLAN", "vlan 12", "outermost VLAN id; vlan alone: any"),
    Word(("tunnel",), "TUNNEL", "tunnel vxlan", "what carried the flow: vxlan geneve gre gtpu ipip …; alone: any"),
    Word(("tunnel-id",), "MEASURE", "tunnel-id 42", "its VNI, TEID, key, label or session",
         Measure("TUNNEL_ID")),
    Word(("flags",), "FLAGS", "flags syn,ack", "TCP flags seen, all of: fin syn rst psh ack urg ece cwr; or SA"),
    Word(("state",), "STATE", "state syn", "TCP: syn syn-ack established fin closed reset; any flow: live ended"),
    Word(("end",), "END", "end idle", "why a flow ended: idle active tcp cache-full shutdown"),
    Word(("packets",), "MEASURE", "packets < 3", "packets of both directions (src packets: of one)",
         Measure("PACKETS", ends="either")),
    Word(("bytes",), "MEASURE", "bytes > 1M", "IP bytes", Measure("BYTES", "bytes", "either")),
    Word(("payload",), "MEASURE", "payload = 0", "bytes after the transport header",
         Measure("PAYLOAD_BYTES", "bytes", "either")),
    Word(("bps",), "MEASURE", "bps > 1M", "bits per second now (MB/s: bytes)", Measure("BITS_PER_SECOND", "bps")),
    Word(("pps",), "MEASURE", "pps > 10k", "packets per second now", Measure("PACKETS_PER_SECOND", "real")),
    Word(("bpp",), "MEASURE", "bpp < 100", "bytes per packet", Measure("BYTES_PER_PACKET", "real")),
    Word(("age",), "MEASURE", "age > 5m", "since the first packet; us ms s m h d, without a unit seconds",
         Measure("AGE", "time")),
    Word(("idle",), "MEASURE", "idle > 10s", "since the last packet", Measure("IDLE", "time")),
    Word(("duration",), "MEASURE", "duration < 1ms", "from the first packet to the last", Measure("DURATION", "time")),
    Word(("rtt",), "MEASURE", "rtt > 100ms", "TCP round-trip time of the handshake",
         Measure("RTT", "microseconds")),
    Word(("retransmissions", "retr"), "MEASURE", "retransmissions > 0", "TCP segments sent again",
         Measure("RETRANSMISSIONS", ends="either")),
    Word(("reordered",), "MEASURE", "reordered > 0", "TCP segments out of order",
         Measure("OUT_OF_ORDER", ends="either")),
    Word(("ttl",), "MEASURE", "ttl < 5", "TTL or hop limit seen", Measure("TTL", ends="each")),
    Word(("dscp",), "MEASURE", "dscp 46", "DSCP of an end's last packet", Measure("DSCP", ends="each")),
    Word(("icmp-type", "icmptype"), "MEASURE", "icmp-type 8", "type of ICMP or ICMPv6",
         Measure("ICMP_TYPE")),
    Word(("icmp-code", "icmpcode"), "MEASURE", "icmp-code 1", "its code", Measure("ICMP_CODE")),
    Word(("entropy",), "MEASURE", "entropy > 7.5", "of the payload, bits a byte; false where it is not known",
         Measure("ENTROPY", "real")),
    Word(("and", "&&"), "AND", "tcp and port 80", "both. and, or bind alike, from left to right, as in tcpdump"),
    Word(("or", "||"), "OR", "port 80 or 443", "either; the words before the first are meant before the second, too"),
    Word(("not", "!"), "NOT", "not (udp or vlan)", "the opposite; parentheses as usual"),
    Word(("mask",), "MASK", "", ""),
)  # fmt: skip

COMPARISONS = MappingProxyType(
    {
        "=": "=", "==": "=", "eq": "=", "!=": "!=", "<>": "!=", "ne": "!=", ">": ">", "gt": ">", "<": "<", "lt": "<",
        ">=": ">=", "ge": ">=", "<=": "<=", "le": "<=",
    }
)  # fmt: skip
COMPARED_ABOUT = "compared by = != < <= > >=; numbers take k M G T"
ALONE_ABOUT = "alone is enough: an address, prefix, port, protocol or service"

BY_NAME = MappingProxyType({name: word for word in WORDS for name in word.names})


def keyword_kind(text: str) -> str | None:
    """Return the grammar's kind of a word, or None where it is not one of the language's own."""
    name = text.lower()
    if name in BY_NAME:
        return BY_NAME[name].kind
    if name in PROTOCOLS:
        return "PROTOCOL"
    return "COMPARISON" if name in COMPARISONS else None


def measure_named(name: str) -> Measure:
    """Return what a word of the kind MEASURE compares."""
    measure = BY_NAME[name.lower()].measure
    assert measure is not None, name
    return measure


def help_entries() -> list[tuple[str, str]]:
    """Return the lines of the help page: an example and what it means."""
    entries = [(word.example, word.about) for word in WORDS if word.example]
    return [("443", ALONE_ABOUT), *entries, (">=", COMPARED_ABOUT)]
