# SPDX-License-Identifier: BSD-2-Clause
"""Round-trip times, and segments that come behind what their sender has sent already, beside tshark's analysis."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.scenarios.capture_file import START, Frame, write_pcap
from tests.scenarios.conftest import ReadCapture

PCAPS = Path(__file__).parent / "pcaps"
ONE_LIFE = ("--idle-timeout", "100000", "--active-timeout", "100000")
BEHIND = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order")
FIELDS = ("ip.src", "ipv6.src", "tcp.srcport", "tcp.dstport", "tcp.flags.syn", "tcp.analysis.initial_rtt")
FIELDS += tuple(f"tcp.analysis.{kind}" for kind in BEHIND)
MS = 1_000_000

# Left out are damaged frames (fuzz-*), of which either makes what it can, and CAPWAP, which xtop does not open.
FILES = (
    "anyconnect-vpn",
    "iphone",
    "starcraft_battle",
    "syslog",
    "tls_certificate_too_long",
    "vxlan",
    "wa_video",
    "zoom",
)
# A FIN that comes again after 2 s of quiet begins another flow here, and is the first segment of that.
OF_ANOTHER_LIFE = {("anyconnect-vpn", 443, 56871): 1}

Ports = tuple[int, int]


def segments(path: Path) -> Iterator[dict[str, str]]:
    """Fields of the innermost headers of each TCP segment; not of those that ICMP quotes."""
    command = ["tshark", "-n", "-r", str(path), "-o", "ip.defragment:FALSE", "-Y", "tcp && !icmp && !icmpv6"]
    command += ["-T", "fields", "-E", "occurrence=l"]
    for name in FIELDS:
        command += ["-e", name]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return (dict(zip(FIELDS, line.split("\t"), strict=True)) for line in lines)


def as_tshark_has_them(name: str) -> tuple[Counter[Ports], dict[frozenset[int], int]]:
    """Segments behind others by their ports, and round-trip times (µs) where no SYN came twice (Karn)."""
    behind: Counter[Ports] = Counter()
    times: dict[frozenset[int], int] = {}
    syns: Counter[Ports] = Counter()
    for segment in segments(PCAPS / f"{name}.pcap"):
        ports = int(segment["tcp.srcport"]), int(segment["tcp.dstport"])
        behind[ports] += any(segment[f"tcp.analysis.{kind}"] for kind in BEHIND)
        syns[ports] += segment["tcp.flags.syn"] in ("1", "True")
        if segment["tcp.analysis.initial_rtt"]:
            times[frozenset(ports)] = int(Decimal(segment["tcp.analysis.initial_rtt"]) * 1_000_000)
    for ports in [ports for ports, count in syns.items() if count > 1]:
        times.pop(frozenset(ports), None)
    return behind, times


def connections(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    return [flow for flow in snapshot["flows"] if flow["protocol"] == 6]


@pytest.mark.parametrize("name", FILES)
def test_as_tshark_finds_them(name: str, read_capture: ReadCapture) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is missing: nothing to compare with (run: sudo apt-get install tshark)")
    wanted, times = as_tshark_has_them(name)
    for (file, *ports), count in OF_ANOTHER_LIFE.items():
        wanted[ports[0], ports[1]] -= count * (file == name)
    flows = connections(read_capture(PCAPS / f"{name}.pcap", *ONE_LIFE))
    behind: Counter[Ports] = Counter()
    for flow in flows:
        there = flow["source_port"], flow["destination_port"]
        for side, ports in ((flow["forward"], there), (flow["reverse"], there[::-1])):
            behind[ports] += side["retransmissions"] + side["out_of_order"] if side["packets"] else 0
    assert +behind == +wanted
    seen = {
        frozenset((flow["source_port"], flow["destination_port"])): flow["rtt_us"] for flow in flows if flow["rtt_us"]
    }
    assert seen == times


def exchange(*steps: tuple[int, str, str, int, int]) -> list[Frame]:
    """Frames of one connection: ms, who sends (``>`` or ``<``), flags, sequence number, bytes of data."""
    frames = []
    for at, way, flags, sequence, size in steps:
        client, server = ("10.0.0.1", 1000), ("10.0.0.2", 80)
        (source, sport), (destination, dport) = (client, server) if way == ">" else (server, client)
        tcp = TCP(sport=sport, dport=dport, flags=flags, seq=sequence, ack=1)
        packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=source, dst=destination) / tcp
        frames.append(Frame(bytes(packet / Raw(bytes(size))), START + at * MS))
    return frames


OPENED = ((0, ">", "S", 99, 0), (20, "<", "SA", 499, 0), (30, ">", "A", 100, 0))
EXCHANGES = {  # steps; retransmissions and out of order of the client, round-trip time in ms
    "nothing again": ((*OPENED, (40, ">", "PA", 100, 10), (50, ">", "PA", 110, 10)), (0, 0, 30)),
    "SYN again": (((0, ">", "S", 99, 0), *((at + 1000, *rest) for at, *rest in OPENED)), (1, 0, None)),
    "SYN and ACK again": ((*OPENED[:2], (25, "<", "SA", 499, 0), OPENED[2]), (0, 0, None)),
    "refused, and the SYN again": (
        ((0, ">", "S", 99, 0), (10, "<", "RA", 0, 0), *((at + 500, *rest) for at, *rest in OPENED)),
        (0, 0, 30),
    ),
    "the ports again": (
        (
            (0, ">", "PA", 10, 5),
            (1, "<", "FA", 10, 0),
            (2, ">", "FA", 15, 0),
            *((at + 900, *rest) for at, *rest in OPENED),
        ),
        (0, 0, 30),
    ),
    "its third packet not seen": ((*OPENED[:2], (2000, ">", "A", 150, 0)), (0, 0, None)),
    "FIN again": ((*OPENED, (40, ">", "FA", 100, 0), (90, ">", "FA", 100, 0), (190, ">", "FA", 100, 0)), (2, 0, 30)),
    "data again": ((*OPENED, (40, ">", "PA", 100, 10), (90, ">", "PA", 100, 10)), (1, 0, 30)),
    "one byte of data again": ((*OPENED, (40, ">", "PA", 100, 9), (90, ">", "PA", 107, 1)), (1, 0, 30)),
    "data late": ((*OPENED, (40, ">", "PA", 110, 10), (41, ">", "PA", 100, 10)), (0, 1, 30)),
    "keep-alives": ((*OPENED, (40, ">", "PA", 100, 9), (90, ">", "A", 108, 1), (190, ">", "A", 108, 0)), (0, 0, 30)),
    "numbers begin anew": ((*OPENED, (40, ">", "PA", 100, 10), (90, ">", "PA", 2**32 - 5, 10)), (1, 0, 30)),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_what_came_again(name: str, read_capture: ReadCapture, tmp_path: Path) -> None:
    steps, (again, late, milliseconds) = EXCHANGES[name]
    (flow,) = read_capture(write_pcap(tmp_path / "exchange.pcap", exchange(*steps)))["flows"]
    assert (flow["forward"]["retransmissions"], flow["forward"]["out_of_order"]) == (again, late)
    assert flow["rtt_us"] == (milliseconds * 1000 if milliseconds else None)
