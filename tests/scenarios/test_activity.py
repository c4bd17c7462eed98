# SPDX-License-Identifier: BSD-2-Clause
"""A scan and a great talker that scapy wrote, through the whole capture: the source finds them, and says so once."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from tests.scenarios.capture_file import SECOND, Frame, every, write_pcap
from xtop import activity_looks
from xtop.alerts import AlertLimits, AlertWatch
from xtop.history import LossNow
from xtop.model import Activity, CaptureState, View
from xtop.settings import CaptureSettings
from xtop.shm_source import ShmSource

SCANNED, PORTS = 400, 150
MILLISECOND = 1_000_000


def frames() -> list[bytes]:
    """A host that knocks at 400 others, one that knocks at 150 ports of one host, and 300 great packets of a third."""
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    knocks = [
        bytes(ether / IP(src="192.0.2.66", dst=f"198.51.{100 + n // 200}.{1 + n % 200}") / TCP(dport=22, flags="S"))
        for n in range(SCANNED)
    ]
    ports = [
        bytes(ether / IP(src="192.0.2.77", dst="203.0.113.9") / TCP(sport=50000, dport=1 + port, flags="S"))
        for port in range(PORTS)
    ]
    great = [bytes(ether / IP(src="192.0.2.1", dst="203.0.113.1") / UDP(sport=1111, dport=2222) / bytes(1400))] * 300
    mixed = [frame for group in zip(knocks[:150], ports, great[:150], strict=True) for frame in group]
    return mixed + knocks[150:] + great[150:]


def test_a_scan_and_the_top_talker_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity_looks, "EVERY_S", 0.0)  # look again at once, not in five seconds
    written = every(MILLISECOND, frames())
    last = Frame(written[-1].data, written[-1].time + 60 * SECOND)  # so that the file goes on until it is let go of
    path = write_pcap(tmp_path / "scan.pcap", [*written, last])
    source = ShmSource.start(CaptureSettings(file=str(path), realtime=True))
    try:
        activity: Activity | None = None
        deadline = time.monotonic() + 40
        while activity is None or len(activity.contacts) < 2 or activity.contacts[0].flows < SCANNED:
            assert time.monotonic() < deadline, "the scan was not found"
            snapshot = source.snapshot(View(top=1, sort="bps", activity=True))
            activity = snapshot.activity or activity
            time.sleep(0.05)
    finally:
        source.close()
    assert activity.top is not None
    assert activity.top.host in ("192.0.2.1", "203.0.113.1"), "both ends of the great flow have its rate"
    scanner, knocker = activity.contacts[:2]
    assert (scanner.host, scanner.flows, scanner.ports) == ("192.0.2.66", SCANNED, 1)
    assert abs(scanner.hosts - SCANNED) <= SCANNED * 0.08
    assert (knocker.host, knocker.hosts) == ("192.0.2.77", 1)
    assert abs(knocker.ports - PORTS) <= PORTS * 0.08
    watch = AlertWatch(AlertLimits(hosts=250, ports=100))
    running = replace(snapshot, state=CaptureState.RUNNING, activity=activity)
    assert [alert.kind for alert in watch.take(running, LossNow())] == ["hosts", "ports"]
