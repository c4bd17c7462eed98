# SPDX-License-Identifier: BSD-2-Clause
"""One moment of a store as text: a snapshot of schema xtop.snapshot/1 in a line, and beside it what only replay needs.

So a store is read by everything that reads ``xtop snapshot --format ndjson``. What comes back is the snapshot that was
kept, but for what no screen shows of it (terms of the law by queue, payload bytes by value).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, NoReturn

from xtop.export.json_format import SCHEMA, write_ndjson
from xtop.export.tcp_flags import tcp_flags_of
from xtop.model import (
    Accounting,
    CaptureState,
    Direction,
    Flow,
    Histogram,
    Link,
    Lost,
    Protocol,
    Queue,
    Snapshot,
    SourceInfo,
    Totals,
    Tunnel,
)
from xtop.store.fields import Damaged, Fields, of_kind


@dataclass(frozen=True, slots=True)
class Moment:
    """A snapshot, and when each cause last cost a packet until then (ns)."""

    snapshot: Snapshot
    last_lost: Mapping[str, int] = field(default_factory=dict)


def written(moment: Moment) -> bytes:
    """Return ``moment`` as a line."""
    snapshot, line = moment.snapshot, io.BytesIO()
    write_ndjson(snapshot, line)
    beside = {
        "rows": [
            [flow.key.hex(), flow.forward.pps, flow.forward.bps, flow.reverse.pps, flow.reverse.bps]
            for flow in snapshot.flows
        ],
        "rows_total": snapshot.rows_total,
        "clock": snapshot.clock,
        "byte_histogram": snapshot.source.byte_histogram,
        "last_lost": dict(moment.last_lost),
    }
    return line.getvalue().removesuffix(b"}\n") + b',"store":' + json.dumps(beside).encode() + b"}\n"


def read(line: bytes) -> Moment:
    """Return the moment that ``line`` holds; raises Damaged."""
    try:
        parsed = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"a moment is no JSON ({type(error).__name__})") from None
    everything = Fields(parsed, "a moment")
    if everything.get("schema", str) != SCHEMA:
        raise Damaged(f"a moment is no {SCHEMA}")
    beside = everything.inner("store")
    rows, flows = beside.each("rows", _row), everything.each("flows", _flow)
    if len(rows) != len(flows):
        raise Damaged("a moment has not a row for each flow")
    last_lost = beside.inner("last_lost").all(int)
    return Moment(_snapshot(everything, beside, tuple(map(_with_row, flows, rows))), last_lost)


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


@cache  # asked for every queue, every protocol of every moment
def _kinds(made: type[Any], left: tuple[str, ...] = ()) -> Mapping[str, type[Any]]:
    """Return the plain fields of a dataclass with their types."""
    plain = {"int": int, "float": float, "str": str, "bool": bool}
    return {
        entry.name: plain[str(entry.type)] for entry in fields(made) if entry.type in plain and entry.name not in left
    }


_DIRECTION = _kinds(Direction, ("tcp_flags", "pps", "bps"))
_FLOW = _kinds(Flow, ("first_seen", "last_seen", "flows"))
_SOURCE = _kinds(SourceInfo, ("ifindex", "byte_histogram"))


def _snapshot(everything: Fields, beside: Fields, flows: tuple[Flow, ...]) -> Snapshot:
    histograms = everything.inner("histograms")
    flow_filter, hidden = everything.maybe("flow_filter", str) or "", everything.get("flows_hidden", int)
    return Snapshot(
        taken_at=everything.time("taken_at"),
        interval_s=everything.get("interval_s", float),
        source=_source(everything.inner("source"), beside.get("byte_histogram", bool)),
        totals=everything.inner("totals").alike(Totals, _kinds(Totals)),
        accounting=everything.inner("accounting").alike(Accounting, _kinds(Accounting)),
        lost=everything.inner("lost").alike(Lost, _kinds(Lost)),
        queues=everything.each("queues", _queue),
        packet_size=_histogram(histograms.inner("packet_size")),
        flow_duration=_histogram(histograms.inner("flow_duration")),
        flow_packets=_histogram(histograms.inner("flow_packets")),
        flow_interarrival=_histogram(histograms.inner("flow_interarrival")),
        protocols=everything.each("protocols", _protocol),
        flows=flows,
        state=_state(everything.get("state", str)),
        state_text=everything.get("state_text", str),
        rows_total=beside.get("rows_total", int),
        clock=beside.get("clock", int),
        flow_filter=flow_filter,
        flows_hidden=hidden,
    )


def _state(name: str) -> CaptureState:
    try:
        return CaptureState[name.upper()]
    except KeyError:
        raise Damaged(f"'{name[:40]}' is no state of a capture") from None


def _source(fields: Fields, byte_histogram: bool) -> SourceInfo:
    optional: dict[str, Any] = {
        name: fields.maybe(name, str) for name in ("xdp_mode", "sampling_method", "filter", "driver", "reason")
    }
    notes = fields.each("notes", lambda note: of_kind(str, note, "a note"))
    plain = fields.alike(SourceInfo, _SOURCE)
    links = fields.each("interfaces", _link)
    return replace(plain, notes=notes, links=links, byte_histogram=byte_histogram, **optional)


def _link(value: Any) -> Link:
    fields = Fields(value, "an interface")
    optional: dict[str, Any] = {name: fields.maybe(name, str) for name in ("xdp_mode", "driver", "reason")}
    lost = fields.inner("lost").alike(Lost, _kinds(Lost))
    return replace(fields.alike(Link, _kinds(Link, ("ifindex",))), lost=lost, **optional)


def _queue(value: Any) -> Queue:
    fields = Fields(value, "a queue")
    return replace(
        fields.alike(Queue, _kinds(Queue)), cpu=fields.maybe("cpu", int), interface=fields.maybe("interface", str)
    )


def _protocol(value: Any) -> Protocol:
    return Fields(value, "a protocol").alike(Protocol, _kinds(Protocol))


def _histogram(fields: Fields) -> Histogram:
    upper = fields.each("upper", lambda bound: None if bound is None else of_kind(float, bound, "a bound"))
    counts = fields.each("counts", lambda count: of_kind(int, count, "a count"))
    if len(upper) != len(counts):
        raise Damaged("a histogram has not a count for each bound")
    return Histogram(fields.get("unit", str), upper, counts)


def _row(value: Any) -> tuple[bytes, list[float]]:
    """Return a flow's key, and the rates of its directions: packets and bits of one, then of the other."""
    key, *rates = of_kind(list, value, "a row") or [None]
    if len(rates) != 4:
        raise Damaged("a row has not four rates")
    try:
        return bytes.fromhex(of_kind(str, key, "a key")), [of_kind(float, rate, "a rate") for rate in rates]
    except ValueError as error:
        raise error if isinstance(error, Damaged) else Damaged("a key is no hexadecimal number") from None


def _with_row(flow: Flow, row: tuple[bytes, list[float]]) -> Flow:
    key, (pps, bps, pps_back, bps_back) = row
    forward, reverse = replace(flow.forward, pps=pps, bps=bps), replace(flow.reverse, pps=pps_back, bps=bps_back)
    return replace(flow, key=key, forward=forward, reverse=reverse)


def _flow(value: Any) -> Flow:
    fields = Fields(value, "a flow")
    tunnel = None if fields.maybe("tunnel", dict) is None else fields.inner("tunnel")
    return Flow(
        key=b"",
        tunnel=None if tunnel is None else Tunnel(tunnel.get("kind", str), tunnel.maybe("id", int)),
        first_seen=fields.time("first_seen"),
        last_seen=fields.time("last_seen"),
        tcp_state=fields.maybe("tcp_state", str),
        rtt_us=fields.maybe("rtt_us", int),
        end_reason=fields.maybe("end_reason", str),
        forward=_direction(fields.inner("forward")),
        reverse=_direction(fields.inner("reverse")),
        entropy=fields.maybe("entropy", float),
        **{name: fields.get(name, kind) for name, kind in _FLOW.items()},
    )


def _direction(fields: Fields) -> Direction:
    try:
        tcp_flags = tcp_flags_of(fields.get("tcp_flags", str))
    except ValueError as error:
        raise Damaged(str(error)) from None
    return replace(
        fields.alike(Direction, _DIRECTION),
        tcp_flags=tcp_flags,
        packet_size=fields.each("packet_size", lambda count: of_kind(int, count, "a count")),
        first_seen=fields.maybe_time("first_seen"),
        last_seen=fields.maybe_time("last_seen"),
        entropy=fields.maybe("entropy", float),
    )
