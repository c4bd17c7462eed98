# SPDX-License-Identifier: BSD-2-Clause
"""A receiver without room says so in its window: as many such segments of each direction as tshark finds."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Packet

from tests.scenarios.capture_file import Frame, every, write_pcap
from tests.scenarios.conftest import ReadCapture

STAMPS = [("NOP", None), ("NOP", None), ("Timestamp", (1, 2))]
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4, V4_BACK = IP(src="10.0.0.1", dst="10.0.0.2"), IP(src="10.0.0.2", dst="10.0.0.1")
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2")


def frames() -> list[bytes]:
    """Windows of 0 and of more, with every flag, with options, over both IPs and in a tunnel."""
    packets: list[Packet] = []
    for flags in ("S", "SA", "A", "PA", "FA", "R", "RA", "A", "A"):
        for window in (0, 0, 1, 65535):
            for head, options in ((V4, []), (V4_BACK, STAMPS), (V6, []), (V6, [("MSS", 9)]), (V4 / GRE() / V6, [])):
                packets.append(ETHER / head / TCP(sport=1, dport=2, flags=flags, window=window, options=options))
    return [bytes(packet) for packet in packets]


def test_as_many_as_tshark_finds(read_capture: ReadCapture, tmp_path: Path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is missing: nothing to compare with (run: sudo apt-get install tshark)")
    path = write_pcap(tmp_path / "windows.pcap", every(1000, frames()))
    command = ["tshark", "-r", str(path), "-Y", "tcp.analysis.zero_window", "-T", "fields"]
    command += ["-e", "ip.src", "-e", "ipv6.src"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wanted = Counter(line.split("\t")[1] or line.split("\t")[0] for line in found.splitlines())
    seen: Counter[str] = Counter()
    for flow in read_capture(path)["flows"]:
        seen[flow["source"]] += flow["forward"]["zero_windows"]
        seen[flow["destination"]] += flow["reverse"]["zero_windows"]
    assert +seen == wanted
    assert sum(wanted.values()) == 4 * 2 * 5  # of four kinds of flags, over five ways


def test_a_window_that_was_not_captured_says_nothing(read_capture: ReadCapture, tmp_path: Path) -> None:
    data = bytes(ETHER / V4 / TCP(flags="A", window=0))
    cuts = [Frame(data[:length], wire=len(data)) for length in (14 + 20 + 14, 14 + 20 + 15, 14 + 20 + 16)]
    (flow,) = read_capture(write_pcap(tmp_path / "cut.pcap", cuts))["flows"]
    assert (flow["packets"], flow["forward"]["zero_windows"]) == (3, 1)
