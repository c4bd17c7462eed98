# SPDX-License-Identifier: BSD-2-Clause
"""The tcpdump filter that a flow's detail offers, run by tcpdump over the file that the flow came from."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from xtop.model import CaptureState, View
from xtop.settings import CaptureSettings
from xtop.shm_source import ShmSource
from xtop.tcpdump_expression import tcpdump_expression

PCAPS = Path(__file__).parent / "pcaps"


@pytest.mark.parametrize("name", ["443-curl.pcap", "zoom.pcap", "netbios.pcap", "iphone.pcap", "ah.pcapng"])
def test_tcpdump_finds_the_packets_of_each_flow_and_no_others(name: str) -> None:
    source = ShmSource.start(CaptureSettings(file=str(PCAPS / name), lossless_ended=True))
    try:
        deadline = time.monotonic() + 40
        while source.state() is CaptureState.RUNNING and time.monotonic() < deadline:
            time.sleep(0.02)
        assert source.state() is CaptureState.DONE
        flows = source.snapshot(View(ended=True)).flows
        assert flows
        by_key: dict[bytes, int] = {}
        for flow in flows:  # a flow that ended and came again is two
            by_key[flow.key] = by_key.get(flow.key, 0) + flow.packets
        for flow in list({flow.key: flow for flow in flows}.values())[:25]:
            expression = tcpdump_expression(flow)
            if flow.tunnel:  # pcap filters do not look into tunnels
                assert expression is None
                continue
            assert expression is not None
            assert found(PCAPS / name, expression) == by_key[flow.key], expression
    finally:
        source.close()


def found(path: Path, expression: str) -> int:
    command = ["tcpdump", "-nn", "-q", "-t", "-r", str(path), "--count", expression]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0])
