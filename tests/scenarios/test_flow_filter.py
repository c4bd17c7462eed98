# SPDX-License-Identifier: BSD-2-Clause
"""``--flow-filter`` over the captures, against two judges that know nothing of it: tcpdump, which is given the same
words and whose packets are then counted without a filter; and plain Python over the unfiltered snapshot.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.conftest import ReadCapture, RunXtop
from tests.scenarios.flow_reading import nanoseconds, snapshot_flows
from xtop.commands.opening import start_capture
from xtop.export import writer_of
from xtop.filter_language.compiler import compile_filter
from xtop.filter_language.rows import matching
from xtop.model import CaptureState, Snapshot, View
from xtop.settings import CaptureSettings
from xtop.source import SnapshotSource

PCAPS = Path(__file__).parent / "pcaps"

# Words that are the same for every packet of a flow, both ways: who packets pass, flows pass.
TCPDUMP = {
    "tls_certificate_too_long.pcap": (
        "tcp", "udp or icmp", "port 443", "tcp port 443 or 80", "not port 53 and not tcp", "net 192.168.0.0/16 and udp",
        "udp or tcp and port 53", "not (tcp or udp)", "portrange 1-1024", "ip6", "port domain or https", "net 192.168",
        "host 192.168.1.121 and not port 443 or 53", "tcp || udp && ! port 53",
    ),
    "netbios.pcap": ("port 137 or 138", "udp port netbios-ns"),
    "bittorrent.pcap": ("tcp portrange 6881-6889", "not tcp port 6881 or 6882", "port 6881"),
    "starcraft_battle.pcap": ("tcp and port 80 or udp and port 53", "udp and not port 1119", "port http or 1119"),
    "wa_video.pcap": ("udp port 3478", "not net 192.168.0.0 mask 255.255.0.0", "tcp or icmp", "ip proto \\udp"),
    "quic.pcap": ("udp port 443 or port 80", "ip6 or tcp"),
    "443-curl.pcap": ("tcp port 443", "port 80"),
}  # fmt: skip


class Captures:
    """Captures that are read once and looked at often."""

    def __init__(self, read_capture: ReadCapture) -> None:
        self._read = read_capture
        self._every: dict[str, dict[str, Any]] = {}
        self._sources: dict[str, SnapshotSource] = {}

    def every(self, name: str) -> dict[str, Any]:
        """The snapshot without a filter, from the command line."""
        if name not in self._every:
            self._every[name] = self._read(PCAPS / name)
        return self._every[name]

    def filtered(self, name: str, words: str) -> Snapshot:
        """A look at the same flows through a filter."""
        if name not in self._sources:
            source = start_capture(CaptureSettings(file=str(PCAPS / name), lossless_ended=True))
            self._sources[name] = source
            while source.state() not in (CaptureState.DONE, CaptureState.FAILED):
                time.sleep(0.01)
        return self._sources[name].snapshot(View(ended=True, sort="first_seen", filter=words))

    def close(self) -> None:
        for source in self._sources.values():
            source.close()


@pytest.fixture(scope="module")
def captures(read_capture: ReadCapture) -> Iterator[Captures]:
    opened = Captures(read_capture)
    yield opened
    opened.close()


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    stream = io.BytesIO()
    writer_of("json")(snapshot, stream)
    read: dict[str, Any] = json.loads(stream.getvalue())
    return read


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, each in TCPDUMP.items() for words in each])
def test_tcpdumps_words_choose_tcpdumps_flows(
    name: str, words: str, captures: Captures, read_capture: ReadCapture, tmp_path: Path
) -> None:
    if shutil.which("tcpdump") is None:
        pytest.skip("tcpdump is missing: its words were not compared (run: sudo apt-get install tcpdump)")
    kept = tmp_path / "kept.pcap"
    subprocess.run(["tcpdump", "-r", PCAPS / name, "-w", kept, words], check=True, capture_output=True, timeout=30)
    filtered = as_json(captures.filtered(name, words))
    assert snapshot_flows(filtered) == snapshot_flows(read_capture(kept))
    assert filtered["flows_hidden"] == filtered["totals"]["flows_created"] - len(filtered["flows"])


def age(flow: dict[str, Any], since: str, last: int) -> float:
    return (last - nanoseconds(flow[since])) / 1e9


def inside(address: str, network: str) -> bool:
    return ip_address(address) in ip_network(network)


def flags(flow: dict[str, Any]) -> str:
    return str(flow["forward"]["tcp_flags"] + flow["reverse"]["tcp_flags"])


def ports(flow: dict[str, Any]) -> bool:
    return flow["protocol"] in (6, 17, 132, 136)


Judge = Callable[[dict[str, Any], int], bool]  # flow, time of the file's last packet -> passes

JSON: dict[str, Judge] = {
    "src net 192.168.0.0/16 and dst port 443": lambda flow, last: (
        (inside(flow["source"], "192.168.0.0/16") and ports(flow) and flow["destination_port"] == 443)
        if flow["ip_version"] == 4
        else False
    ),
    "dst port 1024-65535 and not icmp": lambda flow, last: ports(flow) and flow["destination_port"] >= 1024,
    "packets < 3": lambda flow, last: flow["packets"] < 3,
    "bytes > 1.5k and payload > 0": lambda flow, last: flow["bytes"] > 1500 and flow["payload_bytes"] > 0,
    "dst packets = 0": lambda flow, last: flow["reverse"]["packets"] == 0,
    "bps > 1k": lambda flow, last: flow["bps"] > 1000,
    "pps <= 0.1": lambda flow, last: flow["pps"] <= 0.1,
    "bpp > 300": lambda flow, last: flow["bytes"] / flow["packets"] > 300,
    "flags syn": lambda flow, last: "S" in flags(flow),
    "flags syn and not flags fin": lambda flow, last: "S" in flags(flow) and "F" not in flags(flow),
    "src flags rst or dst flags rst": lambda flow, last: "R" in flags(flow),
    "duration > 1s": lambda flow, last: nanoseconds(flow["last_seen"]) - nanoseconds(flow["first_seen"]) > 10**9,
    "age > 10s": lambda flow, last: age(flow, "first_seen", last) > 10,
    "idle < 5s": lambda flow, last: age(flow, "last_seen", last) < 5,
    "rtt > 20ms": lambda flow, last: (flow["rtt_us"] or 0) > 20_000,
    "state established or closed": lambda flow, last: flow["tcp_state"] in ("established", "closed"),
    "state != closed": lambda flow, last: flow["tcp_state"] not in (None, "closed"),
    "end tcp": lambda flow, last: flow["end_reason"] == "tcp",
    "state live": lambda flow, last: flow["end_reason"] is None,
    "ttl > 100": lambda flow, last: max(flow["forward"]["ttl_max"], flow["reverse"]["ttl_max"]) > 100,
    "retransmissions > 0": lambda flow, last: (
        flow["forward"]["retransmissions"] + flow["reverse"]["retransmissions"] > 0
    ),
    "icmp-type 3 and icmp-code 3": lambda flow, last: flow["protocol"] == 1 and flow["destination_port"] == 3 * 256 + 3,
    "vlan": lambda flow, last: flow["vlan"] > 0,
    "entropy > 0": lambda flow, last: False,
}
CAPTURES = (
    *("zoom.pcap", "iphone.pcap", "bittorrent.pcap", "wa_video.pcap", "starcraft_battle.pcap"),
    *("anyconnect-vpn.pcap", "netbios.pcap", "tls_certificate_too_long.pcap"),
)


def identity(flow: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(flow[name] for name in ("source", "source_port", "destination", "destination_port", "protocol",
                                         "vlan", "first_seen"))  # fmt: skip


@pytest.mark.parametrize("words", JSON)
def test_what_passes_is_what_the_snapshot_says_of_it(words: str, captures: Captures) -> None:
    judged: set[bool] = set()
    for name in CAPTURES:
        every = captures.every(name)
        last = max(nanoseconds(flow["last_seen"]) for flow in every["flows"])
        passing = {identity(flow) for flow in every["flows"] if JSON[words](flow, last)}
        filtered = as_json(captures.filtered(name, words))
        assert {identity(flow) for flow in filtered["flows"]} == passing, name
        for part in ("totals", "accounting", "protocols", "histograms"):
            assert filtered[part] == every[part], "totals stay whole"
        judged |= {identity(flow) in passing for flow in every["flows"]}
    if words not in ("vlan", "entropy > 0"):
        assert judged == {True, False}, "the captures must have flows of both kinds for this to mean anything"


def test_the_screens_own_judgement_is_the_readers(captures: Captures) -> None:
    """A held screen filters values in Python: the same flows must pass as in C, for every expression of this file."""
    every = captures.filtered("wa_video.pcap", "")
    for words in (*JSON, *(words for each in TCPDUMP.values() for words in each)):
        filtered = captures.filtered("wa_video.pcap", words)
        here = matching(compile_filter(words), every.flows, every.now)
        assert [flow.key for flow in here] == [flow.key for flow in filtered.flows], words


@pytest.mark.parametrize(
    ("words", "said"), [("prto tcp", "did you mean proto?"), ("tcp and", "at the end"), ("port 80,99999", "column 9")]
)
def test_a_mistake_is_one_line_and_nothing_is_read(run_xtop: RunXtop, words: str, said: str) -> None:
    done = run_xtop("snapshot", "-r", PCAPS / "zoom.pcap", "--flow-filter", words)
    assert done.returncode == 2
    assert done.stdout == b""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(b"xtop: error: cannot read the flow filter '" + words.encode())
    assert said in done.stderr.decode()


def test_top_comes_after_the_filter(run_xtop: RunXtop) -> None:
    done = run_xtop("snapshot", "-r", PCAPS / "zoom.pcap", "--flow-filter", "tcp", "--top", "3", "--sort", "packets")
    snapshot = json.loads(done.stdout)
    assert [flow["protocol_name"] for flow in snapshot["flows"]] == ["TCP"] * 3
    assert snapshot["flow_filter"] == "tcp"
