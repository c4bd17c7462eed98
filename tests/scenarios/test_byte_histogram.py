# SPDX-License-Identifier: BSD-2-Clause
"""Payload bytes by value, against what scapy says the payloads are: Python counts them, and its logarithm."""

from __future__ import annotations

import csv
import io
import math
import random
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scapy.contrib.gtp import GTP_U_Header
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

from tests.scenarios.capture_file import Frame, every, write_pcap
from tests.scenarios.conftest import ReadCapture, RunXtop
from xtop.export.csv_format import write_csv
from xtop.export.json_format import write_json, write_ndjson
from xtop.flow_rows import FlowRows
from xtop.model import CaptureState, View
from xtop.screen_rows import ScreenRows
from xtop.settings import CaptureSettings
from xtop.shm_source import ShmSource

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is missing (pip install pyarrow)")
RANDOM = random.Random(5)
MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
NOISE = RANDOM.randbytes(1400)
TEXT = b"GET /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n" * 20


def entropy(payload: bytes) -> float:
    """Shannon's, bits a byte."""
    counts = Counter(payload)
    return -sum(count / len(payload) * math.log2(count / len(payload)) for count in counts.values())


def tcp(payload: bytes, port: int = 4000, back: bool = False) -> Any:
    if back:
        return IP(src="198.51.100.2", dst="192.0.2.1") / TCP(sport=443, dport=port, flags="PA") / payload
    return IP(src="192.0.2.1", dst="198.51.100.2") / TCP(sport=port, dport=443, flags="PA") / payload


def flow_of(snapshot: dict[str, Any], port: int) -> dict[str, Any]:
    return next(flow for flow in snapshot["flows"] if port in (flow["source_port"], flow["destination_port"]))


def check(side: dict[str, Any], payload: bytes) -> None:
    counts = Counter(payload)
    assert side["byte_histogram"] == [counts[value] for value in range(256)]
    assert side["entropy"] == (pytest.approx(entropy(payload), abs=1e-4) if payload else None)


def test_both_directions_and_their_sum(read_capture: ReadCapture, tmp_path: Path) -> None:
    packets = [tcp(TEXT), tcp(NOISE, back=True), tcp(b""), tcp(NOISE[:700], back=True), tcp(b"\0" * 999)]
    path = write_pcap(tmp_path / "a.pcap", every(1000, (bytes(Ether(**MACS) / packet) for packet in packets)))
    snapshot = read_capture(path, "--byte-histogram")
    flow = flow_of(snapshot, 4000)
    there, back = TEXT + b"\0" * 999, NOISE + NOISE[:700]
    check(flow["forward"], there)
    check(flow["reverse"], back)
    assert flow["entropy"] == pytest.approx(entropy(there + back), abs=1e-4)


@pytest.mark.parametrize("order", "<>")
def test_all_of_what_is_larger_than_a_frame_of_ethernet(order: str, read_capture: ReadCapture, tmp_path: Path) -> None:
    """Jumbo frames, and what offloads put together, in both of the ways in which files are read."""
    sizes = [8000, 65_000, 2049, *([65_000] * 70), 1, 8000]
    payloads = [RANDOM.randbytes(size) for size in sizes]
    path = write_pcap(
        tmp_path / "a.pcap", every(1000, (bytes(Ether(**MACS) / tcp(one)) for one in payloads)), order=order
    )
    flow = flow_of(read_capture(path, "--byte-histogram"), 4000)
    check(flow["forward"], b"".join(payloads))


LAYERS: dict[str, Any] = {
    "vlan": Ether(**MACS) / Dot1Q(vlan=5) / IP(src="192.0.2.1", dst="192.0.2.9") / UDP(sport=4000, dport=9) / TEXT,
    "options": Ether(**MACS)
    / IP(src="192.0.2.1", dst="192.0.2.9", options=b"\x01" * 8)
    / TCP(sport=4000, dport=9, options=[("MSS", 1460), ("NOP", None)])
    / TEXT,
    "ipv6": Ether(**MACS) / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=4000, dport=9) / TEXT,
    "vxlan": Ether(**MACS)
    / IP(src="203.0.113.1", dst="203.0.113.2")
    / UDP(sport=50000, dport=4789)
    / VXLAN(vni=7)
    / Ether()
    / IP(src="192.0.2.1", dst="192.0.2.9")
    / UDP(sport=4000, dport=9)
    / TEXT,
    "gtp-u": Ether(**MACS)
    / IP(src="203.0.113.1", dst="203.0.113.2")
    / UDP(sport=2152, dport=2152)
    / GTP_U_Header(teid=7)
    / IP(src="192.0.2.1", dst="192.0.2.9")
    / UDP(sport=4000, dport=9)
    / TEXT,
    "padding": Ether(bytes(Ether(**MACS) / IP(src="192.0.2.1", dst="192.0.2.9") / UDP(sport=4000, dport=9) / b"ab"))
    / (b"\xee" * 30),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_payload_is_found_behind_all_headers(name: str, read_capture: ReadCapture, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", [Frame(bytes(LAYERS[name]))])
    payload = b"ab" if name == "padding" else TEXT
    check(flow_of(read_capture(path, "--byte-histogram"), 4000)["forward"], payload)


def test_a_snapped_capture_counts_what_it_has(read_capture: ReadCapture, tmp_path: Path) -> None:
    whole = bytes(Ether(**MACS) / tcp(TEXT))
    path = write_pcap(tmp_path / "a.pcap", [Frame(whole[:154], wire=len(whole))])
    flow = flow_of(read_capture(path, "--byte-histogram"), 4000)
    assert flow["forward"]["payload_bytes"] == len(TEXT)
    check(flow["forward"], TEXT[:100])


def test_flows_that_follow_each_other_with_one_key_have_their_own(read_capture: ReadCapture, tmp_path: Path) -> None:
    minute = 60 * 10**9
    frames = [Frame(bytes(Ether(**MACS) / tcp(part)), 10**18 + at * minute) for at, part in enumerate((TEXT, NOISE))]
    snapshot = read_capture(write_pcap(tmp_path / "a.pcap", frames), "--byte-histogram")
    first, second = sorted(snapshot["flows"], key=lambda flow: str(flow["first_seen"]))
    check(first["forward"], TEXT)
    check(second["forward"], NOISE)


def test_the_filter_knows_the_entropy(run_xtop: RunXtop, read_capture: ReadCapture, tmp_path: Path) -> None:
    packets = [tcp(TEXT, 4001), tcp(NOISE, 4002), tcp(b"", 4003), IP(dst="192.0.2.7") / ICMP() / NOISE[:500]]
    path = write_pcap(tmp_path / "a.pcap", every(1000, (bytes(Ether(**MACS) / packet) for packet in packets)))

    def ports(expression: str) -> set[int]:
        snapshot = read_capture(path, "--byte-histogram", "--flow-filter", expression)
        return {flow["source_port"] for flow in snapshot["flows"]}

    assert entropy(TEXT) < 5 < 7.5 < entropy(NOISE)
    assert ports("entropy > 7.5") == {4002, 0}
    assert ports("entropy <= 5") == {4001}
    assert ports("not entropy > 0") == {4003}, "without payload there is none"
    silent = read_capture(path, "--flow-filter", "entropy >= 0")
    assert silent["flows"] == [], "nobody counted"


def test_tables_have_entropies_and_the_order_by_them(run_xtop: RunXtop, tmp_path: Path) -> None:
    payloads = {4001: TEXT, 4002: NOISE, 4003: b"", 4004: b"\0" * 900}
    packets = [tcp(payload, port) for port, payload in payloads.items()] + [tcp(TEXT, 4002, back=True)]
    path = write_pcap(tmp_path / "a.pcap", every(1000, (bytes(Ether(**MACS) / packet) for packet in packets)))
    order = [4002, 4001, 4004, 4003]  # noise, words, one value, none at all

    def written(format: str) -> bytes:
        options = ("--byte-histogram", "--format", format, "--sort", "entropy", "--top", "4", "-o", "-")
        return run_xtop("snapshot", "-r", str(path), *options).stdout

    rows = list(csv.DictReader(io.StringIO(written("csv").decode(), newline="")))
    assert [int(row["source_port"]) for row in rows] == order
    for row in rows:
        payload = payloads[int(row["source_port"])]
        counts = Counter(payload)
        if payload:
            assert float(row["forward_entropy"]) == pytest.approx(entropy(payload), abs=1e-4)
            assert row["forward_byte_histogram"].split() == [str(counts[value]) for value in range(256)]
        else:
            assert (row["forward_entropy"], row["entropy"]) == ("", "")
    assert float(rows[0]["entropy"]) == pytest.approx(entropy(NOISE + TEXT), abs=1e-4)
    assert float(rows[0]["reverse_entropy"]) == pytest.approx(entropy(TEXT), abs=1e-4)
    table = parquet.read_table(io.BytesIO(written("parquet"))).to_pylist()
    assert [row["entropy"] for row in table] == [float(row["entropy"]) if row["entropy"] else None for row in rows]
    assert [row["reverse_byte_histogram"] or "" for row in table] == [row["reverse_byte_histogram"] for row in rows]
    lines = written("text").decode().splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("source") and "destination" in line)
    words = [line.split() for line in lines[head:]]
    assert words[0][-2:] == ["entropy", "state"]
    assert [line[-2] for line in words[1:4]] == [f"{float(row['entropy']):.2f}" for row in rows[:3]]


def test_all_rows_and_single_ones_are_written_alike(tmp_path: Path) -> None:
    """C writes native rows, Python those that a screen holds; rows of a past moment have entropies and no counts."""
    payloads = {4000 + at: RANDOM.randbytes(RANDOM.choice((0, 1, 2, 7, 700))) for at in range(300)}
    packets = [tcp(payload, port, back=port % 3 == 0) for port, payload in payloads.items()]
    path = write_pcap(tmp_path / "a.pcap", every(1000, (bytes(Ether(**MACS) / packet) for packet in packets * 2)))
    settings = CaptureSettings(file=str(path), lossless_ended=True, byte_histogram=True)
    with closing(ShmSource.start(settings)) as source:
        deadline = time.monotonic() + 40
        while source.state() is not CaptureState.DONE:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        snapshot = source.snapshot(View(ended=True))
        assert isinstance(snapshot.flows, FlowRows)
        assert len(snapshot.flows) == len(payloads)
        for rows in (snapshot.flows, snapshot.flows.kept(200)):
            for write in (write_json, write_ndjson, write_csv):
                native, single = io.BytesIO(), io.BytesIO()
                write(replace(snapshot, flows=rows), native)
                write(replace(snapshot, flows=ScreenRows(rows)), single)
                assert native.getvalue() == single.getvalue()
    past = csv.DictReader(io.StringIO(native.getvalue().decode(), newline=""))
    assert {row["forward_byte_histogram"] for row in past if row["forward_payload_bytes"] != "0"} == {""}


def test_without_the_option_nothing_is_said(read_capture: ReadCapture, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", [Frame(bytes(Ether(**MACS) / tcp(TEXT)))])
    flow = flow_of(read_capture(path), 4000)
    assert "entropy" not in flow
    assert "byte_histogram" not in flow["forward"]


def test_not_where_the_kernel_counts(run_xtop: RunXtop) -> None:
    done = run_xtop("snapshot", "-i", "lo", "--capture", "ebpf", "--byte-histogram")
    assert done.returncode == 2
    assert done.stderr.startswith(b"xtop: error: --byte-histogram is not for --capture ebpf")
