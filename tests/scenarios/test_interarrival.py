# SPDX-License-Identifier: BSD-2-Clause
"""The histogram of the times between packets of a flow, against times that were chosen, and against tshark's."""

from __future__ import annotations

import shutil
import subprocess
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from tests.scenarios.capture_file import SECOND, START, Frame, write_pcap
from tests.scenarios.conftest import ReadCapture
from tests.scenarios.tshark_flows import epoch_ns

UPPER_NS = [255, 4095, 65535, 1048575, 16777215, 268435455, 4294967295]  # as docs/measures.md has them
PCAPS = Path(__file__).parent / "pcaps"
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def binned(gaps: Iterable[int]) -> list[int]:
    counts = [0] * 8
    for gap in gaps:
        counts[bisect_left(UPPER_NS, gap)] += 1
    return counts


def test_each_bound_and_each_kind_of_packet(read_capture: ReadCapture, tmp_path: Path) -> None:
    """Of UDP and of TCP that is not plain. A direction's first packet, and one whose clock went back, have
    no gap."""
    gaps = [0, 1, 15, *(bound + more for bound in UPPER_NS for more in (0, 1)), 20 * SECOND]
    times = list(accumulate(gaps, initial=START))
    there = bytes(ETHER / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2))
    back = bytes(ETHER / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=2, dport=1))
    syn = bytes(ETHER / IP(src="10.0.0.3", dst="10.0.0.2") / TCP(sport=3, dport=4, flags="S"))
    frames = [Frame(there, time) for time in times] + [Frame(syn, time) for time in times]
    frames += [Frame(back, START + 5), Frame(back, START + 5 + 70_000)]
    frames.sort(key=lambda frame: frame.time)
    frames += [Frame(back, frames[-1].time + SECOND), Frame(back, frames[-1].time)]
    last = frames[-2].time - (START + 5 + 70_000)
    snapshot = read_capture(write_pcap(tmp_path / "gaps.pcap", frames), "--idle-timeout", "60")
    histogram = snapshot["histograms"]["flow_interarrival"]
    assert histogram["unit"] == "s"
    assert [bound and round(bound * SECOND) for bound in histogram["upper"]] == [*UPPER_NS, None]
    assert histogram["counts"] == binned([*gaps, *gaps, 70_000, last])


@pytest.mark.parametrize("name", ["bittorrent.pcap", "443-curl.pcap"])
def test_as_tshark_has_the_times(read_capture: ReadCapture, name: str) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is missing: nothing to compare with (run: sudo apt-get install tshark)")
    fields = ("frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport")
    command = ["tshark", "-r", str(PCAPS / name), "-T", "fields", *(word for field in fields for word in ("-e", field))]
    rows = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    times: dict[str, list[int]] = {}
    for row in rows:
        time, _, ends = row.partition("\t")
        times.setdefault(ends, []).append(epoch_ns(time))
    expected = binned(later - earlier for each in times.values() for earlier, later in pairwise(each))
    assert sum(expected) > 50
    assert read_capture(PCAPS / name)["histograms"]["flow_interarrival"]["counts"] == expected
