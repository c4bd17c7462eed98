# SPDX-License-Identifier: BSD-2-Clause
"""Flows added up by the reader, against tshark's own statistics of the file and against sums over the flows' JSON."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.conftest import ReadCapture
from xtop.model import CaptureState, Flow, Snapshot, View
from xtop.settings import CaptureSettings
from xtop.shm_source import ShmSource

PCAPS = Path(__file__).parent / "pcaps"
# Of one IP header a packet and without fragments, so that tshark and the contract count the same things.
PLAIN = ("wa_video.pcap", "quic.pcap", "ssh.pcap", "443-curl.pcap", "starcraft_battle.pcap", "iphone.pcap")
OTHERS = ("zoom.pcap", "netbios.pcap", "bittorrent.pcap", "vxlan.pcap", "ip_fragmented_garbage.pcap")

GroupFile = Callable[..., Snapshot]


@pytest.fixture(scope="module")
def group_file() -> GroupFile:
    """Return a function that reads a whole file and adds its flows up."""

    def read(name: str, group: str, directions: bool = False) -> Snapshot:
        source = ShmSource.start(CaptureSettings(file=str(PCAPS / name), lossless_ended=True))
        try:
            deadline = time.monotonic() + 40
            while source.state() is not CaptureState.DONE:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            source.stop()
            return source.snapshot(View(ended=True, group=group, directions=directions))
        finally:
            source.close()

    return read


def tshark(name: str, statistic: str) -> list[list[str]]:
    """Return the rows of one of tshark's tables, without its heads and rules."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is missing: groups were not checked by another program (run: sudo apt-get install tshark)")
    # -n: no names; bytes as plain numbers would be nice, but its packets are.
    command = ["tshark", "-n", "-r", str(PCAPS / name), "-q", "-z", statistic]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return [line.split() for line in text.splitlines() if re.match(r"\d+\.\d+\.\d+\.\d+\s", line)]


def is_v4(row: Flow) -> bool:
    return ":" not in row.source


def conversations(name: str) -> dict[tuple[str, str], int]:
    """Return packets by (sender, receiver), as tshark has them; a host that talks to itself has no two directions."""
    sent = {}
    for left, _, right, *rest in tshark(name, "conv,ip"):
        back, there, _ = re.findall(r"(\d+) \d+ (?:bytes|kB|MB)", " ".join(rest))
        if left != right:
            sent[left, right], sent[right, left] = int(there), int(back)
    assert sent
    return sent


@pytest.mark.parametrize("name", PLAIN)
def test_hosts_are_tsharks_endpoints(group_file: GroupFile, name: str) -> None:
    seen = {row.source: (row.packets, row.forward.packets, row.reverse.packets)
            for row in group_file(name, "host").groups if is_v4(row)}  # fmt: skip
    wanted = {}
    for address, packets, _, sent, _, received, _ in tshark(name, "endpoints,ip"):
        wanted[address] = (int(packets), int(sent), int(received))
    assert wanted
    assert seen == wanted


@pytest.mark.parametrize("name", PLAIN)
def test_pairs_are_tsharks_conversations(group_file: GroupFile, name: str) -> None:
    seen = {}
    for row in group_file(name, "pair").groups:
        if is_v4(row) and row.source != row.destination:
            seen[row.source, row.destination] = row.forward.packets
            seen[row.destination, row.source] = row.reverse.packets
    assert seen == conversations(name)


@pytest.mark.parametrize("name", PLAIN)
def test_directions_of_pairs_are_rows(group_file: GroupFile, name: str) -> None:
    rows = group_file(name, "pair", directions=True).groups
    seen = [
        ((row.source, row.destination), row.packets) for row in rows if is_v4(row) and row.source != row.destination
    ]
    assert sorted(seen) == sorted((ends, packets) for ends, packets in conversations(name).items() if packets)


# ---- Sums over the flows' JSON


def service_of(flow: dict[str, Any]) -> tuple[tuple[int, int], bool]:
    """Return (protocol, port) that served, and whether it is the source's: of a TCP connection whose SYN was not seen,
    and of what has no SYN, the only system port there is; else the responder's."""
    source, destination = flow["source_port"], flow["destination_port"]
    syn = "S" in flow["forward"]["tcp_flags"] + flow["reverse"]["tcp_flags"]
    turned = flow["protocol"] not in (1, 58) and not syn and source < 1024 <= destination
    return (flow["protocol"], source if turned else destination), turned


def parts(flow: dict[str, Any], group: str) -> list[tuple[Any, dict[str, Any], dict[str, Any]]]:
    """Return the groups that a flow belongs to, each with what counts as forward and as reverse there."""
    there, back = flow["forward"], flow["reverse"]
    if group == "host":
        return [(flow["source"], there, back), (flow["destination"], back, there)]
    if group == "port":
        service, turned = service_of(flow)
        return [(service, back, there) if turned else (service, there, back)]
    return [(flow[group], there, back)]


def name_of(row: Flow, group: str) -> Any:
    return {
        "host": row.source,
        "port": (row.protocol, row.destination_port),
        "protocol": row.protocol,
        "vlan": row.vlan,
    }[group]


@pytest.mark.parametrize("group", ["host", "port", "protocol", "vlan"])
@pytest.mark.parametrize("name", PLAIN + OTHERS)
def test_sums_of_flows(group_file: GroupFile, read_capture: ReadCapture, name: str, group: str) -> None:
    wanted: defaultdict[Any, list[int]] = defaultdict(lambda: [0] * 7)
    for flow in read_capture(PCAPS / name)["flows"]:
        for key, forward, reverse in parts(flow, group):
            more = [side[what] for side in (forward, reverse) for what in ("packets", "bytes", "payload_bytes")]
            wanted[key] = [a + b for a, b in zip(wanted[key], [1, *more], strict=True)]
    snapshot = group_file(name, group)
    seen = {}
    for row in snapshot.groups:
        sides = [getattr(side, what) for side in (row.forward, row.reverse)
                 for what in ("packets", "bytes", "payload_bytes")]  # fmt: skip
        seen[name_of(row, group)] = [row.flows, *sides]
        assert row.packets == row.forward.packets + row.reverse.packets
    assert seen == dict(wanted)
    assert snapshot.groups_total == len(seen)
    totals = [row.bytes for row in snapshot.groups]
    assert totals == sorted(totals, reverse=True)
