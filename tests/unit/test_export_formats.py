# SPDX-License-Identifier: BSD-2-Clause
from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sample_snapshot import FLOW, NOON, SNAPSHOT
from xtop.export.csv_format import write_csv
from xtop.export.json_format import write_json, write_ndjson
from xtop.export.row_chunks import BATCH
from xtop.export.tcp_flags import tcp_flags_text
from xtop.export.text_format import write_text
from xtop.export.times import iso_time
from xtop.model import Accounting, Snapshot


def written(write: Callable[[Snapshot, BinaryIO], None], snapshot: Snapshot = SNAPSHOT) -> str:
    stream = io.BytesIO()
    write(snapshot, stream)
    return stream.getvalue().decode()


EXPECTED_FORWARD = {
    "packets": 3, "bytes": 1800, "payload_bytes": 1680, "tcp_flags": "APS", "ttl_min": 63, "ttl_max": 64, "dscp": 46,
    "ip_flags": 1, "ipv4_options": 128, "tcp_options": 284, "ipv6_extensions": 0,
    "packet_size": [1, 0, 0, 0, 2, 0, 0, 0], "first_seen": "2026-01-31T12:00:00.000000005Z",
    "last_seen": "2026-01-31T12:00:01.000000001Z", "retransmissions": 7, "out_of_order": 8,
    "zero_windows": 9,
}  # fmt: skip
EXPECTED_HEAD = {
    "schema": "xtop.snapshot/1",
    "taken_at": "2026-01-31T12:00:00.123456789Z",
    "interval_s": 1.0,
    "state": "running",
    "state_text": "",
    "source": {
        "kind": "interface", "name": "eth1", "capture": "af_xdp", "xdp_mode": "native", "zero_copy": True, "queues": 4,
        "sampling": 1, "filter": None, "sampling_method": None, "driver": "veth", "ring_size": 2048, "reason": None,
        "notes": ["n1"],
        "interfaces": [{
            "name": "eth1", "capture": "af_xdp", "xdp_mode": "native", "zero_copy": True, "queues": 4,
            "driver": "veth", "ring_size": 2048, "reason": "why",
            "lost": {
                "total": 21, "rx_dropped": 1, "rx_ring_full": 2, "rx_fill_ring_empty": 3, "rx_invalid_descs": 4,
                "nic": 5, "ring": 6,
            },
        }],
    },
    "totals": {
        "packets": 1000, "bytes": 64000, "pps": 10.5, "bps": 5120.0, "flows_live": 2, "flows_created": 12,
        "flows_ended": 10, "flows_evicted": 1, "length_mismatch": 3, "too_deep": 7,
    },
    "accounting": {
        "received": 1000, "accounted": 990, "non_ip": 4, "malformed": 3, "filtered": 2, "sampled_out": 1,
        "table_full": 0,
    },
    "lost": {
        "total": 21, "rx_dropped": 1, "rx_ring_full": 2, "rx_fill_ring_empty": 3, "rx_invalid_descs": 4, "nic": 5,
        "ring": 6,
    },
    "queues": [
        {"queue": 0, "cpu": 2, "packets": 600, "bytes": 38400, "pps": 6.0, "bps": 3000.0, "busy": 0.25,
         "rx_dropped": 1, "rx_ring_full": 2, "rx_fill_ring_empty": 3, "rx_invalid_descs": 4, "ring": 6,
         "interface": "eth1"},
        {"queue": 1, "cpu": None, "packets": 400, "bytes": 25600, "pps": 0.0, "bps": 0.0, "busy": 0.0,
         "rx_dropped": 0, "rx_ring_full": 0, "rx_fill_ring_empty": 0, "rx_invalid_descs": 0, "ring": 0,
         "interface": None},
    ],
    "histograms": {
        "packet_size": {
            "unit": "bytes", "upper": [64, 128, 256, 512, 1024, 1518, 9216, None], "counts": [1, 2, 3, 4, 5, 6, 7, 8],
        },
        "flow_duration": {"unit": "s", "upper": [0.001, 10, None], "counts": [1, 0, 2]},
        "flow_packets": {"unit": "packets", "upper": [1, None], "counts": [0, 9]},
        "flow_interarrival": {"unit": "s", "upper": [0.001, None], "counts": [5, 4]},
    },
    "flow_filter": "tcp or udp",
    "flows_hidden": 7,
    "protocols": [
        {"protocol": "TCP", "packets": 900, "bytes": 60000, "flows": 1},
        {"protocol": "UDP", "packets": 90, "bytes": 3000, "flows": 1},
    ],
}  # fmt: skip


def test_json_is_the_schema_to_the_letter() -> None:
    read = json.loads(written(write_json))
    first, second = read.pop("flows")
    assert read == EXPECTED_HEAD
    assert first.pop("forward") == EXPECTED_FORWARD
    reverse = first.pop("reverse")
    assert (reverse["packets"], reverse["bytes"], reverse["tcp_flags"], reverse["first_seen"]) == (1, 52, "", None)
    assert first == {
        "flow_id": 4242, "source": "192.0.2.1", "destination": "198.51.100.2", "source_port": 40000,
        "destination_port": 443, "protocol": 6, "protocol_name": "TCP", "ip_version": 4, "vlan": 100, "tunnel": None,
        "first_seen": "2026-01-31T12:00:00.000000005Z", "last_seen": "2026-01-31T12:00:01.000000001Z", "packets": 4,
        "bytes": 1852, "payload_bytes": 1681, "pps": 1.5, "bps": 2500.25, "tcp_state": "established", "rtt_us": 321,
        "end_reason": None,
    }  # fmt: skip
    assert (second["tunnel"], second["end_reason"], second["tcp_state"]) == ({"kind": "vxlan", "id": 42}, "idle", None)


def test_json_has_a_flow_a_line_and_ndjson_is_one_line() -> None:
    assert written(write_json).count("\n") == 4  # head, two flows, tail
    ndjson = written(write_ndjson)
    assert ndjson.count("\n") == 1
    assert ndjson.endswith("\n")
    assert json.loads(ndjson) == json.loads(written(write_json))


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH])
@pytest.mark.parametrize("write", [write_json, write_ndjson])
def test_any_number_of_flows_is_valid_json(count: int, write: Callable[[Snapshot, BinaryIO], None]) -> None:
    flows = tuple(replace(FLOW, flow_id=number) for number in range(count))
    read = json.loads(written(write, replace(SNAPSHOT, flows=flows)))
    assert [flow["flow_id"] for flow in read["flows"]] == list(range(count))


@given(st.text())
def test_a_name_of_any_text_stays_one_line_of_json(name: str) -> None:
    named = replace(SNAPSHOT, source=replace(SNAPSHOT.source, name=name))
    text = written(write_ndjson, named)
    assert text.count("\n") == 1
    assert json.loads(text)["source"]["name"] == name


def test_csv_has_the_names_of_the_json_flattened() -> None:
    rows = list(csv.DictReader(io.StringIO(written(write_csv))))
    read = json.loads(written(write_json))["flows"]
    assert len(rows) == 2
    for row, flow in zip(rows, read, strict=True):
        tunnel = flow.pop("tunnel") or {"kind": None, "id": None}
        flat = {name: value for name, value in flow.items() if name not in {"forward", "reverse"}}
        at = list(flat).index("first_seen")
        names = [*list(flat)[:at], "tunnel_kind", "tunnel_id", *list(flat)[at:]]
        flat |= {f"tunnel_{name}": value for name, value in tunnel.items()}
        flat = {name: flat[name] for name in names}
        for direction in ("forward", "reverse"):
            flat |= {f"{direction}_{name}": value for name, value in flow[direction].items()}
        assert list(row) == list(flat)
        for name, value in flat.items():
            expected = " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
            assert row[name] == expected, name


def test_csv_of_no_flows_is_a_header() -> None:
    assert written(write_csv, replace(SNAPSHOT, flows=())).startswith("flow_id,source,destination,source_port,")
    assert written(write_csv, replace(SNAPSHOT, flows=())).count("\n") == 1


def test_text_shows_totals_loss_queues_and_flows() -> None:
    text = written(write_text)
    for part in ("interface eth1, af_xdp native zero copy", "1000 = 990 accounted + 4 non_ip", "21, 1 rx_dropped",
                 "192.0.2.1:40000", "[2001:db8::2]:443", "established", "idle", "1.000 s", "n1"):  # fmt: skip
        assert part in text
    assert "fault" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_text_calls_a_breach_of_the_law_a_fault() -> None:
    text = written(write_text, replace(SNAPSHOT, accounting=Accounting(received=10, accounted=8)))
    assert "2 packets are in no account: a fault of xtop" in text


def test_text_lets_no_control_character_through() -> None:
    evil = replace(SNAPSHOT, state_text="\x1b[2Jgone", source=replace(SNAPSHOT.source, name="a\nb"))
    text = written(write_text, evil)
    assert "\x1b" not in text
    assert "a?b" in text


@pytest.mark.parametrize(
    ("flags", "letters"),
    [(0, ""), (0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x10, "A"), (0x20, "U"), (0x40, "E"), (0x80, "C"),
     (0x100, "N"), (0x12, "AS"), (0x18, "AP"), (0x1FF, "NCEUAPRSF"), (0xFE00, "")],
)  # fmt: skip
def test_tcp_flags_are_letters(flags: int, letters: str) -> None:
    assert tcp_flags_text(flags) == letters


@given(st.integers(0, 4102444800), st.integers(0, 999_999_999))
def test_times_are_what_the_library_says(seconds: int, nanoseconds: int) -> None:
    expected = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    assert iso_time(seconds * 10**9 + nanoseconds) == f"{expected}.{nanoseconds:09d}Z"


def test_any_64_bit_time_is_written() -> None:
    assert iso_time(NOON) == "2026-01-31T12:00:00.000000000Z"
    assert iso_time(0) == "1970-01-01T00:00:00.000000000Z"
    assert iso_time(2**64 - 1) == "2554-07-21T23:34:33.709551615Z"
