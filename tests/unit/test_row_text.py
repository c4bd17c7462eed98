# SPDX-License-Identifier: BSD-2-Clause
"""Rows written by C: what the test puts into a row is what a JSON or CSV reader gets out of its text."""

from __future__ import annotations

import csv
import io
import ipaddress
import json
from dataclasses import replace
from datetime import datetime, timezone
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sample_snapshot import SNAPSHOT
from xtop._native import ffi, lib
from xtop.export.csv_format import write_csv
from xtop.export.json_format import write_json, write_ndjson
from xtop.export.tcp_flags import LETTERS
from xtop.flow_rows import TUNNELS, FlowRows
from xtop.model import Snapshot

SECOND = 10**9
U32, U64 = 2**32 - 1, 2**64 - 1
TCP, ICMP, ICMPV6 = 6, 1, 58

counts = st.one_of(st.just(0), st.integers(0, 2**40), st.just(U64 // 4))
times = st.one_of(st.just(0), st.integers(1, U64))
directions = st.fixed_dictionaries(
    {
        "packets": st.one_of(st.just(0), st.integers(1, 2**47)), "bytes": counts, "payload_bytes": counts,
        "size_histogram": st.lists(st.integers(0, U32), min_size=8, max_size=8), "tcp_flags": st.integers(0, 65535),
        "out_of_order": st.integers(0, 65535), "zero_windows": st.integers(0, 65535),
        "ttl_min": st.integers(0, 255), "ttl_max": st.integers(0, 255),
        "dscp": st.integers(0, 63), "ip_flags": st.integers(0, 15),
    }
)  # fmt: skip
keys = st.fixed_dictionaries(
    {
        "address": st.lists(st.binary(min_size=16, max_size=16), min_size=2, max_size=2),
        "port": st.lists(st.integers(0, 65535), min_size=2, max_size=2), "vlan": st.integers(0, 4095),
        "protocol": st.one_of(st.sampled_from([TCP, ICMP, ICMPV6]), st.integers(0, 255)),
        "ip_version": st.sampled_from([4, 6]),
    }
)  # fmt: skip
records = st.fixed_dictionaries(
    {
        "key": keys, "direction": st.lists(directions, min_size=2, max_size=2),
        "first_seen": st.lists(times, min_size=2, max_size=2), "last_seen": st.lists(times, min_size=2, max_size=2),
        "tcp_options": st.lists(st.integers(0, U64), min_size=2, max_size=2),
        "ipv4_options": st.lists(st.integers(0, U32), min_size=2, max_size=2),
        "retransmissions": st.lists(st.integers(0, 65535), min_size=2, max_size=2),
        "tunnel": st.integers(0, len(TUNNELS) - 1), "tunnel_id": st.integers(0, U32), "rtt_us": st.integers(0, U32),
        "initiator": st.integers(0, 1), "tcp_state": st.integers(0, 6), "end_reason": st.integers(0, 5),
    }
)  # fmt: skip
rows = st.fixed_dictionaries(
    {
        "record": records, "rate_packets": st.lists(st.integers(0, 2**49), min_size=2, max_size=2),
        "rate_bytes": st.lists(st.integers(0, 2**49), min_size=2, max_size=2),
        "flow_id": st.integers(0, U32),
    }
)  # fmt: skip


def snapshot_of(values: list[dict[str, Any]], interval_ns: int = SECOND) -> Snapshot:
    native = ffi.new("struct reader_row[]", [_native(row) for row in values])
    return replace(SNAPSHOT, flows=FlowRows(ffi, lib, native, len(values), interval_ns))


def _native(row: dict[str, Any]) -> dict[str, Any]:
    key = dict(row["record"]["key"])
    key["address"] = [list(address) for address in key["address"]]
    return row | {"record": row["record"] | {"key": key}}


def read_json(snapshot: Snapshot, write: Any = write_json) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    write(snapshot, stream)
    flows: list[dict[str, Any]] = json.loads(stream.getvalue())["flows"]
    return flows


def iso(nanoseconds: int) -> str | None:
    if nanoseconds == 0:
        return None
    seconds, rest = divmod(nanoseconds, SECOND)
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:09d}Z"


def address(key: dict[str, Any], end: int) -> str:
    packed = key["address"][end]
    return str(ipaddress.ip_address(packed[:4] if key["ip_version"] == 4 else packed))


def check_direction(read: dict[str, Any], record: dict[str, Any], end: int) -> None:
    there = record["direction"][end]
    if there["packets"] == 0:
        assert read.pop("packet_size") == [0] * 8
        assert read.pop("tcp_flags") == ""
        assert set(read.values()) <= {0, None}
        return
    for name in (
        "packets",
        "bytes",
        "payload_bytes",
        "ttl_min",
        "ttl_max",
        "dscp",
        "ip_flags",
        "out_of_order",
        "zero_windows",
    ):
        assert read[name] == there[name], name
    assert read["packet_size"] == there["size_histogram"]
    assert read["tcp_flags"] == "".join(
        letter for bit, letter in zip(range(8, -1, -1), LETTERS, strict=True) if there["tcp_flags"] & 1 << bit
    )
    for name in ("tcp_options", "retransmissions"):
        assert read[name] == record[name][end], name
    bits = record["ipv4_options"][end]  # one place for both
    version = record["key"]["ip_version"]
    assert (read["ipv4_options"], read["ipv6_extensions"]) == ((bits, 0) if version == 4 else (0, bits))
    assert read["first_seen"] == iso(record["first_seen"][end])
    assert read["last_seen"] == iso(record["last_seen"][end])


def check_flow(read: dict[str, Any], row: dict[str, Any]) -> None:
    record, key = row["record"], row["record"]["key"]
    there, back = record["initiator"], 1 - record["initiator"]
    assert read["flow_id"] == row["flow_id"]
    assert read["ip_version"] == key["ip_version"]
    assert read["vlan"] == key["vlan"]
    assert read["protocol"] == key["protocol"]
    if key["protocol"] == TCP:
        assert read["protocol_name"] == "TCP"
        assert (read["source_port"], read["destination_port"]) == (key["port"][there], key["port"][back])
    if key["protocol"] == ICMP and key["port"][there]:
        assert (read["source_port"], read["destination_port"]) == (0, key["port"][there] & 255)  # a lone echo reply
    for end, name in ((there, "source"), (back, "destination")):
        assert ipaddress.ip_address(read[name]) == ipaddress.ip_address(address(key, end))
    for name in ("packets", "bytes", "payload_bytes"):
        assert read[name] == sum(direction[name] for direction in record["direction"]) % 2**64
    assert read["pps"] == float(sum(row["rate_packets"]))
    assert read["bps"] == float(sum(row["rate_bytes"]) * 8)
    kind, has_id = TUNNELS[record["tunnel"]]
    assert read["tunnel"] == ({"kind": kind, "id": record["tunnel_id"] if has_id else None} if kind else None)
    assert read["rtt_us"] == (record["rtt_us"] or None)
    states = [None, "syn", "syn_ack", "established", "fin", "closed", "reset"]
    assert read["tcp_state"] == states[record["tcp_state"]]
    reasons = [None, "idle", "active", "tcp", "shutdown", "cache_full"]
    assert read["end_reason"] == reasons[record["end_reason"]]
    check_direction(read["forward"], record, there)
    check_direction(read["reverse"], record, back)


@settings(max_examples=60)
@given(st.lists(rows, max_size=3))
def test_json_holds_what_the_rows_hold(values: list[dict[str, Any]]) -> None:
    for write in (write_json, write_ndjson):
        read = read_json(snapshot_of(values), write)
        assert len(read) == len(values)
        for flow, row in zip(read, values, strict=True):
            check_flow(flow, row)


@settings(max_examples=40)
@given(st.lists(rows, min_size=1, max_size=3))
def test_csv_says_the_same_as_json(values: list[dict[str, Any]]) -> None:
    stream = io.BytesIO()
    write_csv(snapshot_of(values), stream)
    read = list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))
    for row, flow in zip(read, read_json(snapshot_of(values)), strict=True):
        flat: dict[str, Any] = {}
        for name, value in flow.items():
            if name == "tunnel":
                flat |= {f"tunnel_{part}": value and value[part] for part in ("kind", "id")}
            elif not isinstance(value, dict):
                flat[name] = value
        for side in ("forward", "reverse"):
            flat |= {f"{side}_{name}": value for name, value in flow[side].items()}
        assert list(row) == list(flat)
        for name, value in flat.items():
            expected = " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
            assert row[name] == expected, name


PLAIN = {
    "address": [b"\xc0\0\2\1".ljust(16, b"\0"), b"\xc0\0\2\2".ljust(16, b"\0")], "port": [1, 2], "vlan": 0,
    "protocol": TCP, "ip_version": 4,
}  # fmt: skip


def plain_row(packets: int) -> dict[str, Any]:
    record = {"key": PLAIN, "direction": [{"packets": 1}, {"packets": 0}], "first_seen": [1, 0], "last_seen": [1, 0]}
    return {"record": record, "rate_packets": [packets, 0], "rate_bytes": [0, 0], "flow_id": 0}


@pytest.mark.parametrize("interval_ns", [SECOND, 1_000_000_007, 3, 123_456_789_012, 10**15, 10**18, 999_999_999])
def test_rates_are_the_shortest_text_that_reads_back(interval_ns: int) -> None:
    """Python's own repr() is the judge, over each power of two (where the neighbours are not equally far) and noise."""
    pick = Random(interval_ns)
    packets = [2**bit + step for bit in range(63) for step in (-1, 0, 1)]
    packets += [pick.randrange(2 ** pick.randrange(1, 63)) for _ in range(20_000)]
    stream = io.BytesIO()
    write_csv(snapshot_of([plain_row(max(0, number)) for number in packets], interval_ns), stream)
    lines = stream.getvalue().decode().splitlines()
    at = lines[0].split(",").index("pps")
    for line, number in zip(lines[1:], packets, strict=True):
        assert line.split(",")[at] == repr(max(0, number) * (SECOND / interval_ns))


def test_a_hundred_thousand_rows_keep_their_order_over_the_pieces() -> None:
    """More than forty megabytes: a row lost, doubled or cut where a piece ends shows."""
    count: int = 100_000
    heard: list[int] = []
    snapshot = snapshot_of([plain_row(number) for number in range(count)])
    for write in (write_json, write_ndjson):
        stream = io.BytesIO()
        write(snapshot, stream, heard.append)
        read = json.loads(stream.getvalue())["flows"]
        assert [flow["pps"] for flow in read] == list(range(count))
        assert heard[-1] == count
        assert len(heard) > 10
        assert heard == sorted(set(heard))
        heard.clear()


def test_no_rows_is_an_empty_list() -> None:
    assert read_json(snapshot_of([])) == []


def test_who_hears_of_progress_may_end_it() -> None:
    def enough(written: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        write_json(snapshot_of([plain_row(0)]), io.BytesIO(), enough)
