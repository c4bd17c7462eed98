# SPDX-License-Identifier: BSD-2-Clause
"""Fragments belong to the flow of their first, in whatever order they come; nothing they overlap changes its ports.

Sizes are by arithmetic: a datagram of n bytes in k fragments is n + 20 * k bytes of IPv4, n + 48 * k of IPv6.
"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from tests.scenarios.capture_file import SECOND, START, Frame, every, write_pcap
from tests.scenarios.conftest import ReadCapture

A, B = "10.0.0.1", "10.0.0.2"
MILLISECOND = 1_000_000
STEP = 1200  # bytes of a fragment


def ether(packet: Packet) -> bytes:
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet)


def parts4(content: bytes, protocol: int = 17, number: int = 7) -> list[bytes]:
    """Cut what lies behind an IPv4 header."""
    cuts = range(0, len(content), STEP)
    return [
        ether(
            IP(src=A, dst=B, id=number, proto=protocol, frag=at // 8, flags="MF" if at + STEP < len(content) else 0)
            / Raw(content[at : at + STEP])
        )
        for at in cuts
    ]


def parts6(content: bytes, number: int = 7) -> list[bytes]:
    """Cut what lies behind an IPv6 header."""
    return [
        ether(
            IPv6(src="fd00::1", dst="fd00::2")
            / IPv6ExtHdrFragment(nh=17, id=number, offset=at // 8, m=int(at + STEP < len(content)))
            / Raw(content[at : at + STEP])
        )
        for at in range(0, len(content), STEP)
    ]


def udp(size: int, sport: int = 1000, dport: int = 53) -> bytes:
    return bytes(UDP(sport=sport, dport=dport, len=size + 8, chksum=0) / Raw(b"x" * size))


def flows_of(snapshot: dict[str, Any]) -> dict[tuple[int, int], tuple[int, int]]:
    """Return packets and bytes by ports."""
    terms = dict(snapshot["accounting"])
    assert terms.pop("received") == sum(terms.values())
    return {
        (flow["source_port"], flow["destination_port"]): (flow["packets"], flow["bytes"]) for flow in snapshot["flows"]
    }


@pytest.fixture
def read(read_capture: ReadCapture, tmp_path: Path) -> Any:
    """Return a function from frames to flows."""

    def look(frames: list[Frame]) -> dict[tuple[int, int], tuple[int, int]]:
        return flows_of(read_capture(write_pcap(tmp_path / "fragments.pcap", frames)))

    return look


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_any_order_of_ipv4(order: tuple[int, ...], read: Any) -> None:
    parts = parts4(udp(3000))
    assert len(parts) == 3
    assert read(every(MILLISECOND, [parts[at] for at in order])) == {(1000, 53): (3, 3008 + 60)}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_any_order_of_ipv6(order: tuple[int, ...], read: Any) -> None:
    parts = parts6(udp(3000))
    assert read(every(MILLISECOND, [parts[at] for at in order])) == {(1000, 53): (3, 3008 + 3 * 48)}


def test_without_the_first_ports_are_0(read: Any) -> None:
    assert read(every(MILLISECOND, parts4(udp(3000))[1:])) == {(0, 0): (2, 1808 + 40)}


def test_a_first_fragment_is_kept_for_15_seconds(read: Any) -> None:
    first, _, last = parts4(udp(3000))
    assert read([Frame(first, START), Frame(last, START + 14 * SECOND)]) == {(1000, 53): (2, 1200 + 608 + 40)}
    assert read([Frame(first, START), Frame(last, START + 16 * SECOND)]) == {(1000, 53): (1, 1220), (0, 0): (1, 628)}


def test_a_tiny_fragment_over_the_flags_has_no_ports(read: Any) -> None:
    """RFC 1858 section 2: 8 bytes of TCP first, then a second fragment at offset 8 with the flags, then one over it."""
    segment = bytes(TCP(sport=1000, dport=80, flags="S"))
    tiny = ether(IP(src=A, dst=B, id=3, proto=6, flags="MF") / Raw(segment[:8]))
    rest = ether(IP(src=A, dst=B, id=3, proto=6, frag=1) / Raw(segment[8:]))
    over = ether(IP(src=A, dst=B, id=3, proto=6, frag=1) / Raw(b"\0\x16\0\x17" * 3))
    assert read(every(MILLISECOND, [tiny, over, rest])) == {(1000, 80): (3, 28 + 32 + 32)}


def test_two_firsts_that_differ_leave_the_others_without_ports(read: Any) -> None:
    """RFC 3128: a second fragment of offset 0 overlaps the ports of the first."""
    benign, _, last = parts4(udp(3000))
    hostile = parts4(udp(3000, 1000, 23))[0]
    assert read(every(MILLISECOND, [benign, hostile, last])) == {
        (1000, 53): (1, 1220),
        (1000, 23): (1, 1220),
        (0, 0): (1, 628),
    }


def test_an_identification_comes_again_after_its_datagram_is_complete(read: Any) -> None:
    frames = parts4(udp(3000)) + parts4(udp(3000, 1000, 54))
    assert read(every(MILLISECOND, frames)) == {(1000, 53): (3, 3068), (1000, 54): (3, 3068)}


def test_a_tunnels_fragments_belong_to_what_it_carries(read: Any) -> None:
    """The inner packet's bytes are counted once: those of the first fragment and the payload of the others."""
    inner = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=5, dport=6) / Raw(b"x" * 2900)
    carried = bytes(VXLAN(vni=9) / Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:04") / inner)
    outer = bytes(UDP(sport=50000, dport=4789, len=len(carried) + 8, chksum=0)) + carried
    for frames in (parts4(outer), parts4(outer)[::-1]):
        assert read(every(MILLISECOND, frames)) == {(5, 6): (3, len(inner))}


def test_a_flood_loses_no_packet(read_capture: ReadCapture, tmp_path: Path) -> None:
    """Twenty thousand datagrams' fragments in any order, many without a first: more than table and ring hold."""
    random = Random(5722)
    pool = [part for number in range(500) for part in parts4(udp(3000, 1000 + number % 7), number=number)]
    frames = every(1000, random.choices(pool, k=20_000))
    snapshot = read_capture(write_pcap(tmp_path / "flood.pcap", frames))
    flows_of(snapshot)
    assert snapshot["accounting"]["accounted"] == 20_000
    assert snapshot["totals"]["bytes"] == sum(len(frame.data) for frame in frames)
    assert sum(snapshot["histograms"]["packet_size"]["counts"]) == 20_000
